"""Float tiles: exact products summed in float64 in ascending k, rounded once to float32.

The panel holds, for every k, the weights of each column; they and the staged activations are float64: widening
weights in the loop was measured to cost a fifth of it. Factors have at most 11 significant bits, so a product is
exact in float64 and a fused multiply-add rounds only the sum: the result is that of a separate multiplication and
addition. It is used where the host has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from llvmlite import ir

from lpu_emu.engine._jit import PLAIN, target
from lpu_emu.engine.kernels.bits import Array
from lpu_emu.engine.kernels.tiles import Arithmetic, Tile, make_tile
from lpu_emu.engine.kernels.vectors import I32, Value, load, splat

_FLOAT, _DOUBLE = ir.FloatType(), ir.DoubleType()
_NAN = 0x7FC00000


def _canonical(builder: ir.IRBuilder, values: Value) -> Value:
    """Return float32 values as patterns, every NaN as the one quiet NaN."""
    patterns = ir.VectorType(I32, values.type.count)
    unknown = builder.fcmp_unordered("uno", values, values)
    return builder.select(
        unknown, ir.Constant(patterns, [_NAN] * values.type.count), builder.bitcast(values, patterns)
    )


def doubles(lanes: int, fused: bool) -> Arithmetic:
    """Return the arithmetic of vectors of ``lanes`` float64 sums."""
    sums, singles = ir.VectorType(_DOUBLE, lanes), ir.VectorType(_FLOAT, lanes)
    patterns = ir.VectorType(I32, lanes)

    def multiply_add(builder: ir.IRBuilder, total: Value, a: Value, b: Value) -> Value:
        if not fused:
            return builder.fadd(total, builder.fmul(a, b))
        kind = ir.FunctionType(sums, (sums, sums, sums))
        function = builder.module.declare_intrinsic(f"llvm.fma.v{lanes}f64", (), kind)
        return builder.call(function, (a, b, total))

    def finish(builder: ir.IRBuilder, row: Sequence[Value]) -> list[Value]:
        return [_canonical(builder, builder.fptrunc(total, singles)) for total in row]

    def add(builder: ir.IRBuilder, new: Value, before: Value) -> Value:
        return _canonical(
            builder, builder.fadd(builder.bitcast(before, singles), builder.bitcast(new, singles))
        )

    return Arithmetic(
        accumulator=sums,
        result=patterns,
        starts=False,
        a_bytes=8,
        b_bytes=8 * lanes,
        load_a=lambda builder, place: splat(builder, load(builder, place, _DOUBLE), lanes),
        load_b=lambda builder, place: load(builder, place, sums),
        multiply_add=multiply_add,
        finish=finish,
        add=add,
    )


def _twin(rows: int, width: int) -> Any:
    def tile(
        a: Array,
        a_first: int,
        b: Array,
        b_first: int,
        steps: int,
        start: Array,
        start_first: int,
        before: Array,
        before_first: int,
        before_step: int,
        c: Array,
        c_first: int,
        c_step: int,
        add: int,
    ) -> None:
        panel = b[b_first : b_first + steps * width].reshape(steps, width)
        flat, old = c.reshape(-1).view(np.float32), before.reshape(-1).view(np.float32)
        for row in range(rows):
            total = np.zeros(width)
            for left, right in zip(a[a_first + row * PITCH :][:steps], panel, strict=True):
                total = total + left * right
            rounded = total.astype(np.float32)
            place = slice(c_first + row * c_step, c_first + row * c_step + width)
            there = slice(before_first + row * before_step, before_first + row * before_step + width)
            flat[place] = old[there] + rounded if add else rounded
            flat[place][np.isnan(flat[place])] = np.int32(_NAN).view(np.float32)

    return tile


def choose(features: frozenset[str]) -> tuple[int, bool]:
    """Return how many float64 a vector of the target holds, and whether it fuses multiply and add."""
    fused = bool(features & {"fma", "neon"}) or "avx512f" in features
    return (8 if "avx512f" in features else 4), fused


LANES, FUSED = (4, False) if PLAIN else choose(target()[2])
_VECTORS = 2
WIDTH = _VECTORS * LANES
ROWS = 12 if LANES == 8 else 6
HALF_ROWS = ROWS // 3
# Values from a staged row to the next. Rows of 320 values, all of a tile, spread evenly over the sets of a cache.
PITCH = 2048 + 320


def _tile(rows: int) -> Tile:
    return make_tile(doubles(LANES, FUSED), rows, _VECTORS, 8 * PITCH, _twin(rows, WIDTH))


tall, half = _tile(ROWS), _tile(HALF_ROWS)
