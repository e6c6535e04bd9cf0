"""Transposing: words of weights to the panels that tiles read, and bytes between streams and lanes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types

from lpu_emu.engine._jit import inner, with_twin
from lpu_emu.engine.kernels.bits import Array
from lpu_emu.engine.kernels.vectors import I32, I64, Value, address, load


def _merge(builder: ir.IRBuilder, rows: list[Value], distance: int) -> list[Value]:
    """Swap the blocks of ``distance`` elements that lie across the diagonal of every pair of rows."""
    edge = len(rows)
    first = [j if not j & distance else edge + j - distance for j in range(edge)]
    second = [j + distance if not j & distance else edge + j for j in range(edge)]
    places = ir.VectorType(I32, edge)
    merged = list(rows)
    for i in range(edge):
        if not i & distance:
            pair = rows[i], rows[i + distance]
            merged[i] = builder.shuffle_vector(*pair, ir.Constant(places, first))
            merged[i + distance] = builder.shuffle_vector(*pair, ir.Constant(places, second))
    return merged


def _plain_square(edge: int) -> Callable[..., None]:
    def square(x: Array, x_first: int, x_step: int, out: Array, out_first: int, out_step: int) -> None:
        source, target = x.reshape(-1), out.reshape(-1)
        for i in range(edge):
            for j in range(edge):
                target[out_first + j * out_step + i] = source[x_first + i * x_step + j]

    return square


def make_square(edge: int) -> Callable[..., None]:
    """Make ``square(x, x_first, x_step, out, out_first, out_step)``, which transposes ``edge`` x ``edge`` elements.

    ``edge`` is a power of two. Row i begins at the flat index first + i * step of its array. The arrays are of one
    type, or ``x`` is float32 and ``out`` float64.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        x, x_first, x_step, out, out_first, out_step = args
        vector, stored = (
            ir.VectorType(context.get_value_type(kind.dtype), edge)
            for kind in (signature.args[0], signature.args[3])
        )
        rows = []
        for i in range(edge):
            place = builder.add(x_first, builder.mul(x_step, ir.Constant(I64, i)))
            rows.append(load(builder, address(context, builder, signature.args[0], x, place), vector))
        distance = edge // 2
        while distance:
            rows = _merge(builder, rows, distance)
            distance //= 2
        for i, row in enumerate(rows):
            place = builder.add(out_first, builder.mul(out_step, ir.Constant(I64, i)))
            target = address(context, builder, signature.args[3], out, place)
            value = row if vector == stored else builder.fpext(row, stored)
            builder.store(value, builder.inttoptr(target, ir.PointerType(stored)), align=1)
        return context.get_dummy_value()

    @with_twin(_plain_square(edge))
    def square(
        context: Any, x: Any, x_first: Any, x_step: Any, out: Any, out_first: Any, out_step: Any
    ) -> Any:
        whole = types.int64
        return types.void(x, whole, whole, out, whole, whole), generate

    return square


_EDGE = 8
_square = make_square(_EDGE)

BYTE_EDGE = 16
byte_square = make_square(BYTE_EDGE)


@inner
def transpose_words(
    x: Array, first: int, rows: int, words: int, out: Array, out_first: int, out_step: int
) -> None:
    """Transpose ``rows`` rows of ``words`` words that lie one after the other, from word ``first`` of ``x`` on.

    Word j of row i goes to ``out[out_first + j * out_step + i]``; both arrays are flat, and int32, or float32 and
    float64.
    """
    across, down = rows // _EDGE * _EDGE, words // _EDGE * _EDGE
    for i in range(0, across, _EDGE):
        for j in range(0, down, _EDGE):
            _square(x, first + i * words + j, words, out, out_first + j * out_step + i, out_step)
    for i in range(rows):
        for j in range(down if i < across else 0, words):
            out[out_first + j * out_step + i] = x[first + i * words + j]
