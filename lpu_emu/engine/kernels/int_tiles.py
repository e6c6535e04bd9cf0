"""Integer tiles: dot products of four bytes at a time, by the instructions the host has.

The panel holds, for every group of four k, the four weights (int8) of each column: one 32-bit word per column.
With VNNI instructions the staged activations are uint8, int8 ones raised by 128, which the sums start from
-128 times the sum of the weights to make up for. Elsewhere activations are staged as int16.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from llvmlite import ir

from lpu_emu.engine._jit import PLAIN, target
from lpu_emu.engine.kernels.bits import Array
from lpu_emu.engine.kernels.tiles import Arithmetic, Tile, make_tile
from lpu_emu.engine.kernels.vectors import I8, I16, I32, I64, Value, load, splat


def _sum(builder: ir.IRBuilder, new: Value, before: Value) -> Value:
    return builder.add(new, before)


def _as_they_are(builder: ir.IRBuilder, sums: Sequence[Value]) -> list[Value]:
    return list(sums)


def vnni(lanes: int) -> Arithmetic:
    """Return the arithmetic of ``vpdpbusd`` on vectors of 8 or 16 sums: uint8 times int8, four at once."""
    sums = ir.VectorType(I32, lanes)
    name = f"llvm.x86.avx512.vpdpbusd.{32 * lanes}"

    def multiply_add(builder: ir.IRBuilder, total: Value, a: Value, b: Value) -> Value:
        function = builder.module.declare_intrinsic(name, (), ir.FunctionType(sums, (sums, sums, sums)))
        return builder.call(function, (total, a, b))

    return Arithmetic(
        accumulator=sums,
        result=sums,
        starts=True,
        a_bytes=4,
        b_bytes=4 * lanes,
        load_a=lambda builder, place: splat(builder, load(builder, place, I32), lanes),
        load_b=lambda builder, place: load(builder, place, sums),
        multiply_add=multiply_add,
        finish=_as_they_are,
        add=_sum,
    )


def widening() -> Arithmetic:
    """Return the arithmetic of int16 pairs: every target has it, AVX2 and SSE2 as one instruction.

    An accumulator holds two partial sums, of k 0, 1 and 2, 3, for each of four columns.
    """
    sums, pairs, products = ir.VectorType(I32, 8), ir.VectorType(I16, 16), ir.VectorType(I32, 16)
    even = ir.Constant(sums, list(range(0, 16, 2)))
    odd = ir.Constant(sums, list(range(1, 16, 2)))

    def fold(builder: ir.IRBuilder, first: Value, second: Value) -> Value:
        return builder.add(
            builder.shuffle_vector(first, second, even), builder.shuffle_vector(first, second, odd)
        )

    def multiply_add(builder: ir.IRBuilder, total: Value, a: Value, b: Value) -> Value:
        product = builder.mul(builder.sext(a, products), builder.sext(b, products))
        return builder.add(total, fold(builder, product, product))

    return Arithmetic(
        accumulator=sums,
        result=sums,
        starts=True,
        a_bytes=8,
        b_bytes=16,
        load_a=lambda builder, place: builder.bitcast(splat(builder, load(builder, place, I64), 4), pairs),
        load_b=lambda builder, place: builder.sext(load(builder, place, ir.VectorType(I8, 16)), pairs),
        multiply_add=multiply_add,
        finish=lambda builder, row: [fold(builder, row[i], row[i + 1]) for i in range(0, len(row), 2)],
        add=_sum,
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
        panel = b[b_first : b_first + steps * width].view(np.int8).reshape(steps, width, 4).astype(np.int64)
        flat, old = c.reshape(-1), before.reshape(-1)
        for row in range(rows):
            left = a[a_first + row * PITCH :][: 4 * steps].reshape(steps, 1, 4).astype(np.int64)
            total = (left * panel).sum(axis=(0, 2)) + start[start_first : start_first + width]
            place = slice(c_first + row * c_step, c_first + row * c_step + width)
            there = slice(before_first + row * before_step, before_first + row * before_step + width)
            flat[place] = (total + old[there] if add else total).astype(np.int32)

    return tile


def choose(features: frozenset[str]) -> str:
    """Return the name of the best arithmetic that a target has."""
    if {"avx512vnni", "avx512bw"} <= features:
        return "vnni512"
    return "vnni256" if features & {"avxvnni", "avx512vnni"} else "widening"


_ARITHMETICS = {"vnni512": (vnni(16), 2, 16), "vnni256": (vnni(8), 2, 8), "widening": (widening(), 2, 4)}

CHOICE = "widening" if PLAIN else choose(target()[2])
RAISED = int(CHOICE != "widening")
STAGED, STAGED_BYTES = (np.uint8, 1) if RAISED else (np.int16, 2)
_ARITHMETIC, _VECTORS, _COLUMNS = _ARITHMETICS[CHOICE]
WIDTH = _VECTORS * _COLUMNS
ROWS = 12 if CHOICE == "vnni512" else 6
HALF_ROWS = ROWS // 3
# Values from a staged row to the next. Rows of 320 values, all of a tile, spread evenly over the sets of a cache.
PITCH = (4096 + 320) // STAGED_BYTES


def _tile(rows: int) -> Tile:
    return make_tile(_ARITHMETIC, rows, _VECTORS, STAGED_BYTES * PITCH, _twin(rows, WIDTH))


tall, half = _tile(ROWS), _tile(HALF_ROWS)
