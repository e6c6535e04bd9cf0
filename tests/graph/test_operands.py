"""Operands that contradict each other are refused when a model is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from lpu_emu.errors import ModelError
from lpu_emu.graph import Graph, read_onnx_bytes


def read(
    op_type: str, x: list[int], *operands: NDArray[Any], dtype: int = TensorProto.FLOAT, **attributes: Any
) -> Graph:
    names = [f"w{index}" for index in range(len(operands))]
    out = TensorProto.INT8 if op_type == "QuantizeLinear" else TensorProto.FLOAT
    graph = helper.make_graph(
        [helper.make_node(op_type, ["x", *names], ["y"], name="layer", **attributes)],
        "m",
        [helper.make_tensor_value_info("x", dtype, x)],
        [helper.make_tensor_value_info("y", out, None)],
        [numpy_helper.from_array(array, name) for name, array in zip(names, operands, strict=True)],
    )
    model: onnx.ModelProto = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    )
    return read_onnx_bytes(model.SerializeToString())


def ones(*shape: int) -> NDArray[np.float32]:
    return np.ones(shape, dtype=np.float32)


IMAGE = [1, 6, 8, 8]
GOOD: dict[str, Callable[[], Graph]] = {
    "conv": lambda: read(
        "Conv", IMAGE, ones(4, 3, 3, 3), ones(4), group=2, strides=[2, 1], pads=[1, 0, 1, 0]
    ),
    "transposed": lambda: read("ConvTranspose", IMAGE, ones(6, 4, 2, 2), ones(8), group=2),
    "one-dimensional": lambda: read("Conv", [1, 6, 8], ones(4, 6, 3)),
    "norm": lambda: read("BatchNormalization", IMAGE, *[ones(6)] * 4),
    "gemm": lambda: read("Gemm", [2, 8], ones(8, 4), ones(1, 4)),
    "scales": lambda: read("QuantizeLinear", IMAGE, ones(6), np.zeros(6, dtype=np.int8)),
}
BAD: dict[str, tuple[Callable[[], Graph], str]] = {
    "channels": (lambda: read("Conv", IMAGE, ones(4, 5, 3, 3)), r"are for 5 channels; its input has 6"),
    "group-zero": (lambda: read("Conv", IMAGE, ones(4, 6, 3, 3), group=0), "group is 0; expected at least 1"),
    "groups": (
        lambda: read("Conv", IMAGE, ones(5, 3, 3, 3), group=2),
        "5 channels cannot be divided into 2 groups",
    ),
    "bias": (
        lambda: read("Conv", IMAGE, ones(4, 6, 3, 3), ones(5)),
        "its bias 'w1' has 5 elements; expected 4",
    ),
    "transposed-channels": (lambda: read("ConvTranspose", IMAGE, ones(5, 4, 2, 2)), "are for 5 channels"),
    "gemm-bias": (
        lambda: read("Gemm", [2, 8], ones(8, 4), ones(3)),
        r"its bias 'w1' \(float32\[3\]\) cannot be spread",
    ),
    "scales": (
        lambda: read("QuantizeLinear", IMAGE, ones(5), np.zeros(5, dtype=np.int8)),
        "expected one element, or one for each along axis 1",
    ),
    "zero-points": (
        lambda: read("QuantizeLinear", IMAGE, ones(6), np.zeros(5, dtype=np.int8)),
        "its zero point 'w1' is",
    ),
    "scale-zero": (
        lambda: read("QuantizeLinear", IMAGE, ones(1).reshape(()) * 0, np.asarray(0, dtype=np.int8)),
        "not above 0 and finite",
    ),
    "scale-infinite": (
        lambda: read("QuantizeLinear", IMAGE, ones(1).reshape(()) * np.inf, np.asarray(0, dtype=np.int8)),
        "not above 0 and finite",
    ),
}


@pytest.mark.parametrize("name", GOOD)
def test_operands_that_fit(name: str) -> None:
    assert GOOD[name]().nodes[0].name == "layer"


@pytest.mark.parametrize("name", BAD)
def test_operands_that_do_not_fit(name: str) -> None:
    read_it, message = BAD[name]
    with pytest.raises(ModelError, match=message) as caught:
        read_it()
    assert "node 'layer'" in str(caught.value)
