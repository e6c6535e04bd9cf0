"""The node tests of the ONNX standard, through import, folding and NumPy evaluation.

A model is either evaluated within the tolerance that the standard sets, or refused with one of the
package's errors. What is evaluated may only grow.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import onnx
from onnx import defs, numpy_helper
from onnx.backend.test.loader import load_model_tests

from lpu_emu.errors import LpuError
from lpu_emu.graph import fold_constants, read_onnx_bytes, run_graph
from lpu_emu.graph.numpy_ops import KERNELS

from .builders import Array

PASSED_AT_LEAST_PERCENT = 60
# Half precision with one rounding at the end; the reference rounds after every step.
ROUNDED_OFTEN = ("_fp16", "_bf16")


@cache
def outcomes() -> tuple[set[str], list[str], set[str]]:
    """Return the names of the models that pass, what differs, and the operators that passed."""
    passed: set[str] = set()
    differing: list[str] = []
    operators: set[str] = set()
    for test in official_tests():
        try:
            found = run(test.model, test.inputs)
        except LpuError:
            continue
        problem = difference(found, test)
        if problem:
            differing.append(f"{test.name}: {problem}")
        else:
            passed.add(test.name)
            operators |= {node.op_type for node in test.model.graph.node}
    return passed, differing, operators


@dataclass(frozen=True, kw_only=True)
class Official:
    name: str
    model: onnx.ModelProto
    inputs: dict[str, Array]
    outputs: list[Array]
    rtol: float
    atol: float


def official_tests() -> Iterator[Official]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tests = load_model_tests(kind="node")
    for test in tests:
        assert test.model is not None
        names = [value.name for value in test.model.graph.input]
        for inputs, outputs in test.data_sets or ():
            if all(is_tensor(value) for value in (*inputs, *outputs)):
                yield Official(
                    name=test.name,
                    model=test.model,
                    inputs={name: array_of(value) for name, value in zip(names, inputs, strict=False)},
                    outputs=[array_of(value) for value in outputs],
                    rtol=test.rtol,
                    atol=test.atol,
                )


def is_tensor(value: Any) -> bool:
    return isinstance(value, (np.ndarray, np.generic, onnx.TensorProto))


def array_of(value: Any) -> Array:
    return numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else np.asarray(value)


def run(model: onnx.ModelProto, inputs: dict[str, Array]) -> list[Array]:
    """Import with all short integer inputs bound, because shapes may depend on them."""
    bound = {n: a for n, a in inputs.items() if a.dtype in (np.int64, np.int32) and a.ndim <= 1}
    shapes = {name: array.shape for name, array in inputs.items() if name not in bound}
    graph = read_onnx_bytes(model.SerializeToString(), "test", shapes, bound=bound).verify()
    graph = fold_constants(graph).verify()
    results = run_graph(graph, {name: inputs[name] for name in graph.inputs}, ordered=True)
    return list(results.values())


def difference(found: list[Array], test: Official) -> str:
    """Return how the tensors differ from the expected ones, the empty string when they agree."""
    for one, other in zip(found, test.outputs, strict=True):
        if (one.dtype, one.shape) != (other.dtype, other.shape):
            return f"{one.dtype}{one.shape} instead of {other.dtype}{other.shape}"
        a, b = one.astype(np.float64), other.astype(np.float64)
        if not np.allclose(a, b, rtol=test.rtol, atol=test.atol, equal_nan=True):
            return f"differs by {np.abs(a - b).max()}"
    return ""


def test_nothing_differs() -> None:
    assert [text for text in outcomes()[1] if not any(kind in text for kind in ROUNDED_OFTEN)] == []


def test_the_evaluated_part_only_grows() -> None:
    total = sum(1 for _ in official_tests())
    assert 100 * len(outcomes()[0]) >= PASSED_AT_LEAST_PERCENT * total


def test_every_operator_passes_an_official_test() -> None:
    standard = {schema.name for schema in defs.get_all_schemas()}
    assert (set(KERNELS) & standard) - outcomes()[2] == set()
