"""The node tests of the ONNX standard through the passes: the value stays, or the node is refused by name.

The first input is the activation, all others are constants. What passes may only grow.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from graph.test_official_nodes import Official, official_tests
from lpu_emu.compiler.passes import choose_precision, run_passes
from lpu_emu.errors import LpuError
from lpu_emu.graph import read_onnx_bytes, run_graph
from lpu_emu.graph.ir import Array

PASSED_AT_LEAST = 530
TOLERANCE = 1e-3
# Eight bits of fraction, rounded after every step of the standard's own definition.
ROUGH = ("bfloat16",)


def same(found: Array, expected: Array) -> bool:
    """Whether a result is the expected one, integers but for one unit."""
    if (found.dtype, found.shape) != (expected.dtype, expected.shape):
        return False
    a, b = found.astype(np.float64), expected.astype(np.float64)
    whole = found.dtype.kind in "iu"
    return np.allclose(a, b, rtol=0 if whole else TOLERANCE, atol=1 if whole else TOLERANCE, equal_nan=True)


def outcome(test: Official) -> str:
    """Return ``passed``, ``refused`` or what is wrong."""
    data = next(iter(test.inputs))
    bound = {name: array for name, array in test.inputs.items() if name != data}
    shapes = {data: test.inputs[data].shape}
    try:
        graph = read_onnx_bytes(test.model.SerializeToString(), "test", shapes, bound=bound)
        prepared = run_passes(graph, choose_precision(graph, "auto"))
    except LpuError as error:
        return "refused" if str(error).startswith("test") else f"a reason without its place: {error}"
    found = run_graph(prepared, {name: test.inputs[name] for name in prepared.inputs})
    for name, one, other in zip(found, found.values(), test.outputs, strict=True):
        if not same(one, other):
            return f"{name} differs"
    return "passed"


@cache
def outcomes() -> dict[str, str]:
    return {test.name: outcome(test) for test in official_tests() if test.inputs}


def test_every_node_keeps_its_value_or_is_refused() -> None:
    wrong = {
        name: result
        for name, result in outcomes().items()
        if result not in ("passed", "refused") and not any(kind in name for kind in ROUGH)
    }
    assert wrong == {}


def test_what_passes_only_grows() -> None:
    assert sum(result == "passed" for result in outcomes().values()) >= PASSED_AT_LEAST
