"""Transposing 32-bit words, from rows of weights to the panels that tiles read."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from lpu_emu.engine._jit import inner, with_twin
from lpu_emu.engine.kernels.bits import Array
from lpu_emu.engine.kernels.tiles import I32, I64, Value, address, load

_EDGE = 8
_WORDS = ir.VectorType(I32, _EDGE)


def _merge(builder: ir.IRBuilder, rows: list[Value], distance: int) -> list[Value]:
    """Swap the blocks of ``distance`` words that lie across the diagonal of every pair of rows."""
    first = [j if not j & distance else _EDGE + j - distance for j in range(_EDGE)]
    second = [j + distance if not j & distance else _EDGE + j for j in range(_EDGE)]
    merged = list(rows)
    for i in range(_EDGE):
        if not i & distance:
            pair = rows[i], rows[i + distance]
            merged[i] = builder.shuffle_vector(*pair, ir.Constant(_WORDS, first))
            merged[i + distance] = builder.shuffle_vector(*pair, ir.Constant(_WORDS, second))
    return merged


def _plain_square(x: Array, x_first: int, x_step: int, out: Array, out_first: int, out_step: int) -> None:
    flat = x.reshape(-1)
    for i in range(_EDGE):
        row = flat[x_first + i * x_step :][:_EDGE]
        for j in range(_EDGE):
            out[out_first + j * out_step + i] = row[j]


@with_twin(_plain_square)
def _square(context: Any, x: Any, x_first: Any, x_step: Any, out: Any, out_first: Any, out_step: Any) -> Any:
    """Transpose 8 x 8 words: arrays, flat indices and steps from row to row."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        x, x_first, x_step, out, out_first, out_step = args
        source, target = signature.args[0], signature.args[3]
        rows = []
        for i in range(_EDGE):
            place = builder.add(x_first, builder.mul(x_step, ir.Constant(I64, i)))
            rows.append(load(builder, address(context, builder, source, x, place), _WORDS))
        for distance in (4, 2, 1):
            rows = _merge(builder, rows, distance)
        for i, row in enumerate(rows):
            place = builder.add(out_first, builder.mul(out_step, ir.Constant(I64, i)))
            pointer = builder.inttoptr(address(context, builder, target, out, place), ir.PointerType(_WORDS))
            builder.store(row, pointer, align=4)
        return context.get_dummy_value()

    whole = types.int64
    return types.void(x, whole, whole, out, whole, whole), generate


@inner
def transpose_words(x: Array, first: int, rows: int, words: int, out: Array, out_first: int, out_step: int) -> None:
    """Transpose ``words`` words of the rows ``first ..`` of ``x`` to ``out``.

    Word j of row first + i goes to ``out[out_first + j * out_step + i]``; both arrays hold words of 32 bits.
    """
    across, down = rows // _EDGE * _EDGE, words // _EDGE * _EDGE
    row_words = x.shape[1]
    for i in range(0, across, _EDGE):
        for j in range(0, down, _EDGE):
            _square(x, (first + i) * row_words + j, row_words, out, out_first + j * out_step + i, out_step)
    for i in range(rows):
        for j in range(down if i < across else 0, words):
            out[out_first + j * out_step + i] = x[first + i, j]
