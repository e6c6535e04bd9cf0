"""Products of fp32 operands in three passes of fp16 (precision fp32).

An fp32 number v is v1 + v2 / 2048: v1 is v rounded to fp16, v2 is 2048 (v - v1) rounded to fp16. The factor lifts v2 to the
size of v1, so that it loses no more bits to the subnormals than v1 does; v - v1 and the factor are exact. Then

    x @ w  =  x1 @ w1  +  (x1 @ w2 + x2 @ w1) / 2048,  without  (x2 @ w2) / 2048 ** 2,

which is at most 2 ** -22 of \\|x\\| @ \\|w\\|, as large as what the halves themselves leave out.

The second term, the correction, is a sum of its own: its kernel comes first, leaves it in memory in fp32, and uses the
tiles of w1 that the first term uses too. So two tiles are stored for each that fp16 stores, and the factor needs no
tiles of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lpu_emu.compiler.lower import expression as ex
from lpu_emu.compiler.lower.expression import Expr, Product
from lpu_emu.compiler.lower.kernel import Kernel, Step, Weights
from lpu_emu.compiler.lower.table import TensorTable
from lpu_emu.compiler.lower.tensors import Tensor
from lpu_emu.graph.ir import Node

# The second half of a number is stored this many times as large.
LOW_FACTOR = 2048.0
# Weights whose largest magnitude lies outside of this range are multiplied with a power of two.
SMALLEST, LARGEST = 2.0**-8, 2.0**15
_MOST_EXPONENT = 126
# Of the flow that makes the second half; meshes of less than twice as many ALUs do it in two.
_OPERATIONS = 4

Series = tuple[tuple[Step, ...], ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Halves:
    """Weights as fp16 arrays of one shape: ``2 ** exponent`` times the weights is ``high + low / LOW_FACTOR``."""

    high: NDArray[np.float16]
    low: NDArray[np.float16]
    exponent: int


@dataclass(frozen=True, kw_only=True, eq=False)
class SplitProduct:
    """A product of fp32 operands: the kernels that come before it, and its value, weights and steps."""

    before: tuple[Kernel, ...]
    value: Expr
    weights: Weights
    series: Series


def halve(values: NDArray[Any]) -> Halves:
    """Return weights of any shape as two fp16 halves."""
    exponent = _exponent_of(values)
    scaled = values.astype(np.float32, copy=False) * np.float32(2.0**exponent)
    with np.errstate(over="ignore", invalid="ignore"):
        high = scaled.astype(np.float16)
        low = ((scaled - high) * np.float32(LOW_FACTOR)).astype(np.float16)
    return Halves(high=high, low=low, exponent=exponent)


def _exponent_of(values: NDArray[Any]) -> int:
    """Return the power of two that brings the largest magnitude to 1 .. 2, 0 where fp16 holds it well."""
    largest = float(np.abs(values).max(initial=0.0))
    if largest == 0 or not np.isfinite(largest) or SMALLEST <= largest < LARGEST:
        return 0
    return int(np.clip(1 - np.frexp(largest)[1], -_MOST_EXPONENT, _MOST_EXPONENT))


def split_bytes(values: NDArray[Any]) -> int:
    """Return the bytes of the halves of some weights; a half of zeros is not stored."""
    return values.size * (4 if halve(values).low.any() else 2)


def low_half(table: TensorTable, x: Tensor, high: Tensor, node: Node) -> tuple[Tensor, list[Kernel]]:
    """Return the second half of an fp32 tensor, and the kernels that make it unless it is there already.

    Args:
        table: where the tensor is added.
        x: the tensor, fp32 [rows, columns].
        high: its first half, fp16.
        node: the operator that needs it.
    """
    name = f"{x.name}:low"
    if name in table.tensors:
        return table.tensors[name], []
    kernels: list[Kernel] = []
    rest: Expr = ex.op("sub", table.leaf(x), ex.convert(table.leaf(high), "fp32"))
    if len(table.geometry.alus) < 2 * _OPERATIONS:
        kernels.append(_stored(table, f"{x.name}:rest", x, rest, node))
        rest = table.leaf(kernels[0].target)
    value = ex.convert(ex.op("mul", rest, ex.scalar(LOW_FACTOR, "fp32")), "fp16")
    kernels.append(_stored(table, name, x, value, node))
    return kernels[-1].target, kernels


def _stored(table: TensorTable, name: str, x: Tensor, value: Expr, node: Node) -> Kernel:
    """Return the kernel that stores what is computed of x element by element."""
    target = table.new(name, value.dtype, x.rows, x.columns, ex.pad_of(value), repeats=x.repeats)
    return Kernel(kind="pointwise", target=target, nodes=(node,), value=value)


def split_product(
    table: TensorTable, node: Node, weights: Weights, series: Series, low: Tensor | None
) -> SplitProduct:
    """Return a product in its three passes.

    Args:
        table: where the correction's tensor is added.
        node: the operator.
        weights: its weights in fp32.
        series: its steps, on the first half of x.
        low: the second half of x, laid out as the first; None when x is fp16 anyway.
    """
    halves = halve(weights.values)
    both = halves.low.any()
    taps = weights.values.shape[1]
    stored = np.concatenate([halves.high, halves.low], axis=1) if both else halves.high
    split = replace(weights, values=stored)
    steps = tuple((*map(_with_low_weights(taps), line if both else ()), *_from(low, line)) for line in series)
    value: Expr = Product(dtype="fp32")
    before: tuple[Kernel, ...] = ()
    if any(steps):
        correction = _correction(table, node, replace(split, macs=0), steps)
        before = (correction,)
        value = ex.op("add", value, table.leaf(correction.target))
    if halves.exponent:
        value = ex.op("mul", value, ex.scalar(2.0**-halves.exponent, "fp32"))
    return SplitProduct(
        before=before, value=value, weights=replace(split, counted=low is None), series=series
    )


def _with_low_weights(taps: int) -> Any:
    def changed(step: Step) -> Step:
        return replace(step, chunks=tuple(replace(chunk, tap=chunk.tap + taps) for chunk in step.chunks))

    return changed


def _from(low: Tensor | None, steps: tuple[Step, ...]) -> tuple[Step, ...]:
    return () if low is None else tuple(replace(step, source=low) for step in steps)


def _correction(table: TensorTable, node: Node, weights: Weights, series: Series) -> Kernel:
    name = node.outputs[0]
    root = table.root(name)
    columns = table.views.columns[name]
    target = table.new(
        f"{root}:correction",
        "fp32",
        table.graph.values[name].size // columns,
        columns,
        0.0,
        repeats=table.repeats.get(root, 1),
    )
    value = ex.op("mul", Product(dtype="fp32"), ex.scalar(1 / LOW_FACTOR, "fp32"))
    return Kernel(kind="linear", target=target, nodes=(node,), value=value, weights=weights, series=series)
