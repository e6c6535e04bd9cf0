"""The meaning of the compiler's own operators, on examples worked out by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from lpu_emu.errors import ModelError
from lpu_emu.graph.evaluate import can_evaluate, can_run, evaluate
from lpu_emu.graph.ir import Node, ValueInfo

from .builders import Array

X = np.arange(12, dtype=np.float32).reshape(2, 2, 3)


def own(op_type: str, inputs: Sequence[Array | None], attributes: Mapping[str, Any], like: Array) -> Array:
    """Run one operator whose result has the shape and type of ``like``."""
    node = Node(
        name="n",
        op_type=op_type,
        domain="lpu",
        opset=1,
        inputs=tuple(f"i{k}" for k in range(len(inputs))),
        outputs=("y",),
        attributes=attributes,
    )
    assert can_run(node)
    assert not can_evaluate(node)
    value = ValueInfo(name="y", dtype=like.dtype, shape=like.shape)
    (result,) = evaluate(node, inputs, described=[value])
    assert (result.dtype, result.shape) == (like.dtype, like.shape)
    return result


def rows(*values: Any) -> Array:
    return np.asarray(values, dtype=np.int32)


def test_gathered_rows_come_from_all_inputs() -> None:
    found = own(
        "GatherRows", [X, -X[:1]], {"rows": rows(5, 0, -1), "fill": 7.0}, np.zeros((3, 3), np.float32)
    )
    assert found.tolist() == [[-3, -4, -5], [0, 1, 2], [7, 7, 7]]


def test_lanes_come_from_all_inputs() -> None:
    found = own("LaneMap", [X, -X], {"lanes": rows(4, 0, -1)}, np.zeros((2, 2, 3), np.float32))
    assert found[0].tolist() == [[-1, 0, 0], [-4, 3, 0]]


@pytest.mark.parametrize("dtype", [np.float32, np.int8, np.uint8])
def test_a_fill_row_is_never_the_largest(dtype: Any) -> None:
    x = np.asarray([[3, 1], [2, 5]], dtype=dtype)
    found = own("WindowMax", [x], {"rows": rows([0, -1], [0, 1])}, np.zeros((2, 2), dtype))
    assert found.tolist() == [[3, 1], [3, 5]]


def test_a_window_sums_over_taps_groups_and_phases() -> None:
    x = np.asarray([[1, 10], [2, 20], [3, 30]], np.float32)
    weights = np.ones((2, 2, 1, 2), np.float32)
    weights[1] = 2
    attributes = {"rows": rows([0, 1], [1, 2], [2, -1], [0, -1]), "groups": 2, "phases": 2}
    found = own(
        "WindowLinear",
        [x, weights, np.asarray([0.5, 0], np.float32)],
        attributes,
        np.zeros((4, 2), np.float32),
    )
    assert found.tolist() == [[3.5, 30], [10.5, 100], [3.5, 30], [2.5, 20]]


def test_integers_are_summed_exactly_scaled_rounded_to_even_and_saturated() -> None:
    x = np.full((4, 600), 127, np.int8)
    weights = np.full((600, 3), 127, np.int8)
    bias = np.asarray([-9677398, -9677399, 0], np.int32)
    factors = np.asarray([0.25], np.float32)
    found = own("QuantisedLinear", [x, weights, bias, factors], {"relu": 0}, np.zeros((4, 3), np.int8))
    assert found[0].tolist() == [0, 0, 127]
    total = own("QuantisedLinear", [x, weights, bias], {}, np.zeros((4, 3), np.int32))
    assert total[0].tolist() == [2, 1, 9677400]


def test_relu_of_integers_comes_before_rounding() -> None:
    x, weights = np.asarray([[-3], [3]], np.int8), np.asarray([[1]], np.int8)
    found = own(
        "QuantisedWindowLinear",
        [x, weights.reshape(1, 1, 1, 1), None, np.ones(1, np.float32)],
        {"relu": 1, "rows": rows([0], [1]), "groups": 1},
        np.zeros((2, 1), np.float32),
    )
    assert found.tolist() == [[0], [3]]


def test_an_order_reshapes_before_and_after() -> None:
    attributes = {"dims": (4, 3), "perm": (1, 0)}
    found = own("Order", [X], attributes, np.zeros((12,), np.float32))
    assert found.tolist() == X.reshape(4, 3).T.reshape(-1).tolist()


def test_reciprocal_roots() -> None:
    x = np.asarray([4, 0.25], np.float32)
    assert own("Rsqrt", [x], {}, x).tolist() == [0.5, 2]


def test_missing_rows_are_named() -> None:
    with pytest.raises(ModelError, match=r"node 'n' \(lpu::GatherRows\): needs the attribute rows"):
        own("GatherRows", [X], {}, X)
