"""Maxima over windows of wide types: every tap's rows by a gather of their own, then the largest, row by row.

One flow that gathers all taps takes for each of them the streams of the data and those of the maps, and a copy of the
operand in slices of its own. That is too much for three taps of four bytes.
"""

from __future__ import annotations

import numpy as np

from lpu_emu.compiler.lower import expression as ex
from lpu_emu.compiler.lower.expression import Expr
from lpu_emu.compiler.lower.kernel import Kernel, Rows
from lpu_emu.compiler.lower.regions import LOWEST
from lpu_emu.compiler.lower.table import TensorTable
from lpu_emu.compiler.lower.tensors import Tensor
from lpu_emu.graph.ir import Node
from lpu_emu.spec.machine import DTYPE_BYTES

# Bytes of all taps that one flow gathers.
MOST_BYTES = 8
# Tensors that one flow compares.
_MOST_TAPS = 4


def is_wide(x: Tensor, rows: Rows) -> bool:
    """Whether the taps ``rows`` int32 [rows of the result, taps] are too many bytes for one flow."""
    return int(rows.shape[1]) * DTYPE_BYTES[x.dtype] > MOST_BYTES


def maxima_by_taps(
    table: TensorTable, node: Node, x: Tensor, rows: Rows, name: str
) -> tuple[list[Kernel], Expr]:
    """Return the kernels that come before, and the largest of the taps as an expression.

    Args:
        table: where tensors are added.
        node: the operator.
        x: its operand, which may be gathered from.
        rows: int32 [rows of the result, taps], -1 for the lowest value.
        name: of the result, for the names of tensors.
    """
    kernels: list[Kernel] = []

    def new(what: str) -> Tensor:
        return table.new(f"{name}:{what}", x.dtype, len(rows), x.columns, x.pad, repeats=x.repeats)

    taps: list[Expr] = []
    for tap in range(rows.shape[1]):
        kernels.append(_gathered(node, x, np.ascontiguousarray(rows[:, tap]), new(f"tap{tap}")))
        taps.append(table.leaf(kernels[-1].target))
    each = max(2, min(_MOST_TAPS, table.geometry.chip.slices // (2 * DTYPE_BYTES[x.dtype])))
    value = _largest(taps[:each])
    for first in range(each, len(taps), each - 1):
        target = new(f"before{first}")
        kernels.append(Kernel(kind="pointwise", target=target, nodes=(node,), value=value))
        value = _largest([table.leaf(target), *taps[first : first + each - 1]])
    return kernels, value


def _largest(values: list[Expr]) -> Expr:
    value = values[0]
    for other in values[1:]:
        value = ex.op("max", value, other)
    return value


def _gathered(node: Node, x: Tensor, rows: Rows, target: Tensor) -> Kernel:
    fill = LOWEST.get(x.dtype, float("-inf"))
    return Kernel(kind="rows", target=target, nodes=(node,), sources=(x,), maps=(rows,), fill=fill)
