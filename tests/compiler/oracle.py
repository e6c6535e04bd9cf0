"""What compiled models must give, computed with the numerics of the reference and with plain integers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lpu_emu import reference
from lpu_emu.analysis import analyse
from lpu_emu.compiler import CompileOptions, compile_graph
from lpu_emu.graph.ir import Graph
from lpu_emu.program.model import Program
from lpu_emu.reference.numerics import mxm, vxm
from lpu_emu.spec.machine import Machine

Array = NDArray[Any]


def run(program: Program, inputs: Mapping[str, Array], where: str) -> dict[str, Array]:
    """Run a program on the reference; no hazards of any kind, and cycles as predicted, analysed and counted."""
    result = reference.run(program, inputs, strict=False)
    assert result.hazards == (), f"{where}: {result.hazards[:3]}"
    analysis = analyse(program)
    assert analysis.hazards == (), f"{where}: {analysis.hazards[:3]}"
    cycles = int(program.attributes["predicted_cycles"])
    assert (result.cycles, analysis.cycles) == (cycles, cycles), where
    return dict(result.outputs)


def compile_and_run(
    graph: Graph, machine: Machine, inputs: Mapping[str, Array], where: str, precision: str = "auto"
) -> dict[str, Array]:
    program = compile_graph(graph, machine=machine, options=CompileOptions(precision=precision))
    return run(program, inputs, where)


def same_bits(actual: Array, expected: Array, where: str) -> None:
    assert actual.dtype == expected.dtype, where
    assert actual.shape == expected.shape, where
    bits = [np.ascontiguousarray(a).view(f"u{a.itemsize}") for a in (actual, expected)]
    wrong = np.argwhere(bits[0] != bits[1])
    assert not len(wrong), f"{where}: {len(wrong)} of {actual.size} differ, the first at {wrong[0].tolist()}"


def to_fp16(x: Array) -> Array:
    return vxm.convert(np.ascontiguousarray(x), str(_name(x)), "fp16", False) if x.dtype != np.float16 else x


def _name(x: Array) -> str:
    return {"float32": "fp32", "float16": "fp16"}[x.dtype.name]


def product_fp16(x: Array, weights: Array, lanes: int) -> NDArray[np.float32]:
    """Rows times weights [K, N] as the planes do it: fp16 operands, one rounding per K block, fp32 sums of blocks."""
    x16, w16 = to_fp16(x), to_fp16(weights)
    rows = []
    for row in x16:
        total = mxm.dot_float(row[:lanes], w16[:lanes], "fp16")
        for k in range(lanes, len(row), lanes):
            total = mxm.accumulate(
                total, mxm.dot_float(row[k : k + lanes], w16[k : k + lanes], "fp16"), "fp32"
            )
        rows.append(total)
    return np.stack(rows)


def float_mlp(graph: Graph, x: Array, lanes: int) -> Array:
    """The value of ``models.float_mlp`` bit for bit: fp16 between layers, fp32 at the end."""
    last = sum(node.op_type == "Gemm" for node in graph.nodes) - 1
    relu = any(node.op_type == "Relu" for node in graph.nodes)
    for i in range(last + 1):
        y = product_fp16(x, graph.constants[f"w{i}"], lanes)
        y = vxm.BINARY["add"](y, np.broadcast_to(graph.constants[f"b{i}"], y.shape), "fp32", False)
        if i < last:
            y = vxm.UNARY["relu"](y, "fp32", False) if relu else y
            y = to_fp16(y)
        x = y
    return x


def quantise(x: Array, scale: np.float32) -> NDArray[np.int8]:
    """Multiply by the reciprocal of the scale, round to nearest even, saturate."""
    return _to_int8(x.astype(np.float32) * (np.float32(1) / scale))


def _to_int8(x: NDArray[np.float32]) -> NDArray[np.int8]:
    return np.clip(np.rint(x), -128, 127).astype(np.int8)


def integer_mlp(graph: Graph, x: Array) -> NDArray[np.int8]:
    """The value of ``models.integer_mlp`` in plain integers, one fp32 multiplication per layer."""
    c = graph.constants
    q = quantise(x, np.float32(c["s_in"]))
    scale = np.float64(c["s_in"])
    for i in range(sum(node.op_type == "Gemm" for node in graph.nodes)):
        sums = q.astype(np.int64) @ c[f"w{i}"].astype(np.int64) + c[f"b{i}"]
        factor = (scale * c[f"ws{i}"].astype(np.float64) / np.float64(c[f"s{i}"])).astype(np.float32)
        y = sums.astype(np.int32).astype(np.float32) * factor
        q = _to_int8(np.maximum(y, np.float32(0)))
        scale = np.float64(c[f"s{i}"])
    return q
