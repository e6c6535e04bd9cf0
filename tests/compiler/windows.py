"""Graphs of the compiler's own operators over rows, and what they must give, in plain NumPy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compiler import oracle
from differential.chips import machine
from lpu_emu.compiler import CompileOptions
from lpu_emu.compiler.driver import compile_prepared
from lpu_emu.compiler.passes.operators import DOMAIN
from lpu_emu.graph.ir import Graph, Node, ValueInfo
from lpu_emu.spec.chip import chip_from_table
from lpu_emu.spec.machine import Machine, load_machine

Array = NDArray[Any]


def crooked() -> Machine:
    """The chip whose every number is odd, with banks that hold a picture."""
    table = deepcopy(dict(machine("crooked").chip.table))
    table["name"] = "crooked"
    for key, value in (("words_per_bank", 64), ("slices", 9)):
        table["mem"][key] = {"value": value, "tag": "choice", "source": "room for pictures"}
    return load_machine(chip_from_table(table, where="crooked"))


class RowMaker:
    """Collects inputs, constants and nodes of an internal graph; every node's result is described by hand."""

    def __init__(self) -> None:
        self._values: dict[str, ValueInfo] = {}
        self._constants: dict[str, Array] = {}
        self._nodes: list[Node] = []
        self._inputs: list[str] = []

    def input(self, name: str, shape: Sequence[int], dtype: str) -> str:
        self._inputs.append(name)
        return self._describe(name, shape, dtype)

    def constant(self, name: str, values: Array) -> str:
        self._constants[name] = np.array(values, order="C")
        return self._describe(name, values.shape, values.dtype.name)

    def _describe(self, name: str, shape: Sequence[int], dtype: str) -> str:
        self._values[name] = ValueInfo(name=name, dtype=np.dtype(dtype), shape=tuple(shape))
        return name

    def node(
        self,
        op_type: str,
        inputs: Sequence[str],
        output: str,
        shape: Sequence[int],
        dtype: str,
        *,
        domain: str = DOMAIN,
        **attributes: Any,
    ) -> str:
        node = Node(
            name=f"n_{output}",
            op_type=op_type,
            domain=domain,
            opset=17,
            inputs=tuple(inputs),
            outputs=(output,),
            attributes=attributes,
        )
        self._nodes.append(node)
        return self._describe(output, shape, dtype)

    def graph(self, *outputs: str) -> Graph:
        return Graph(
            name="rows",
            inputs=tuple(self._inputs),
            outputs=outputs,
            values=self._values,
            constants=self._constants,
            nodes=tuple(self._nodes),
            source="rows",
        ).verify()


def window_rows(
    shape: tuple[int, int, int], kernel: tuple[int, int], stride: int = 1, pad: int = 0, dilation: int = 1
) -> tuple[NDArray[np.int32], tuple[int, int, int]]:
    """Rows [n*y*x of the result, taps] of a 2-D window over images [n, y, x], and the result's [n, y, x]."""
    n, height, width = shape
    out = [
        (size + 2 * pad - dilation * (k - 1) - 1) // stride + 1
        for size, k in zip(shape[1:], kernel, strict=True)
    ]
    found = np.full((n, out[0], out[1], *kernel), -1, dtype=np.int32)
    for index in np.ndindex(found.shape):
        i, y, x, ky, kx = index
        sy, sx = y * stride - pad + ky * dilation, x * stride - pad + kx * dilation
        if 0 <= sy < height and 0 <= sx < width:
            found[index] = (i * height + sy) * width + sx
    return found.reshape(-1, kernel[0] * kernel[1]), (n, out[0], out[1])


def taken(x: Array, rows: NDArray[np.int32], fill: Any) -> Array:
    """Rows of x [rows, columns] by index, -1 for a row of ``fill``: [rows of the result, taps, columns]."""
    padded = np.concatenate([x, np.full((1, x.shape[1]), fill, dtype=x.dtype)])
    return padded[rows]


def sums(x: Array, weights: Array, rows: NDArray[np.int32], groups: int = 1) -> NDArray[np.int64]:
    """Exact sums [rows of the result, N] of an integer convolution; weights [P, T, C/groups, N]."""
    phases, _, width, columns = weights.shape
    out = np.zeros((len(rows), columns), dtype=np.int64)
    vectors = taken(x, rows, 0).astype(np.int64)
    each = columns // groups
    for r in range(len(rows)):
        for g in range(groups):
            part = vectors[r, :, g * width : (g + 1) * width]
            w = weights[r % phases, :, :, g * each : (g + 1) * each].astype(np.int64)
            out[r, g * each : (g + 1) * each] = np.einsum("tc,tcn->n", part, w)
    return out


def requantised(
    total: NDArray[np.int64], bias: Array | None, factors: Array, relu: bool, dtype: str
) -> Array:
    whole = (total if bias is None else total + bias).astype(np.int32).astype(np.float32)
    y = whole * factors.astype(np.float32)
    y = np.maximum(y, np.float32(0)) if relu else y
    if dtype == "float32":
        return y
    limits = np.iinfo(dtype)
    return np.clip(np.rint(y), limits.min, limits.max).astype(dtype)


def compile_and_run(
    graph: Graph, machine: Machine, inputs: Mapping[str, Array], where: str, precision: str = "int8"
) -> dict[str, Array]:
    program = compile_prepared(graph, machine=machine, precision=precision, options=CompileOptions())
    return oracle.run(program, inputs, where)
