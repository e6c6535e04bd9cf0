"""Integer products for a few activation rows: weights are read once, as they lie, at the speed of memory.

A dot tile multiplies two staged activation rows with four weight rows, along k, and adds up at the end. int8
activations are staged raised by 128 where the host has VNNI (see ``int_tiles``); one more staged row of ones
then gives the sums of the weights that make up for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from lpu_emu.engine._jit import inner, jit, with_twin
from lpu_emu.engine.kernels.bits import Array, byte, stack_bytes, word
from lpu_emu.engine.kernels.codes import DONE, UNSUPPORTED
from lpu_emu.engine.kernels.int_tiles import CHOICE, RAISED, STAGED, STAGED_BYTES
from lpu_emu.engine.kernels.stage import stage_row
from lpu_emu.engine.kernels.vectors import I8, I16, I32, I64, Value, address, load

FEW = 24
SCRATCH_BYTES = 96 * 1024

_LANES = 16 if CHOICE == "vnni512" else 8
_SUMS = ir.VectorType(I32, _LANES)
_PAIRS, _PRODUCTS = ir.VectorType(I16, 2 * _LANES), ir.VectorType(I32, 2 * _LANES)
_STEP = 4 * _LANES if RAISED else 2 * _LANES
_WEIGHT_ROWS = 4


def _fold(builder: ir.IRBuilder, first: Value, second: Value) -> Value:
    """Add neighbours: half the sums of the first vector, then half of the second."""
    even, odd = (
        builder.shuffle_vector(first, second, ir.Constant(_SUMS, list(range(start, 2 * _LANES, 2))))
        for start in (0, 1)
    )
    return builder.add(even, odd)


def _dot_bytes(builder: ir.IRBuilder, total: Value, a: Value, b: Value) -> Value:
    kind = ir.FunctionType(_SUMS, (_SUMS, _SUMS, _SUMS))
    name = f"llvm.x86.avx512.vpdpbusd.{32 * _LANES}"
    return builder.call(builder.module.declare_intrinsic(name, (), kind), (total, a, b))


def _dot_pairs(builder: ir.IRBuilder, total: Value, a: Value, b: Value) -> Value:
    product = builder.mul(builder.sext(a, _PRODUCTS), builder.sext(b, _PRODUCTS))
    return builder.add(total, _fold(builder, product, product))


def _load_weights(builder: ir.IRBuilder, place: Value) -> Value:
    if RAISED:
        return load(builder, place, _SUMS)
    return builder.sext(load(builder, place, ir.VectorType(I8, 2 * _LANES)), _PAIRS)


_dot: Callable[..., Value] = _dot_bytes if RAISED else _dot_pairs


def _totals(builder: ir.IRBuilder, sums: list[Value]) -> Value:
    """Return a vector that begins with the total of each of at most eight vectors."""
    sums = sums + sums[: 8 - len(sums)]
    size = len(sums)
    while size > 1:
        sums = [_fold(builder, sums[i], sums[i + 1]) for i in range(0, size, 2)]
        size //= 2
    return _fold(builder, sums[0], sums[0]) if _LANES == 16 else sums[0]


def _plain_dots(rows: int) -> Callable[..., None]:
    def dots(
        a: Array,
        a_first: int,
        a_step: int,
        b: Array,
        places: Array,
        first: int,
        steps: int,
        c: Array,
        c_first: int,
    ) -> None:
        flat, count = b.view(np.int8), steps * _STEP
        for i in range(rows):
            left = a[a_first + i * a_step :][:count].astype(np.int64)
            for j in range(_WEIGHT_ROWS):
                right = flat[places[first + j] :][:count].astype(np.int64)
                c[c_first + i * _WEIGHT_ROWS + j] = np.int32((left * right).sum())

    return dots


def _make_dots(rows: int) -> Callable[..., None]:
    """Make ``dots``: fill ``c[c_first + 4 * i + j]`` with activation row i (of ``rows``) times weight row j (of 4).

    Weight row j is at ``places[first + j]`` of ``b``.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        a, a_first, a_step, b, places, first, steps, c, c_first = args
        kinds = signature.args
        starts = [builder.add(a_first, builder.mul(a_step, ir.Constant(I64, i))) for i in range(rows)]
        left = [address(context, builder, kinds[0], a, start) for start in starts]
        entries = [builder.add(first, ir.Constant(I64, j)) for j in range(_WEIGHT_ROWS)]
        entries = [
            load(builder, address(context, builder, kinds[4], places, entry), I64) for entry in entries
        ]
        right = [address(context, builder, kinds[3], b, entry) for entry in entries]
        sums = _dot_loop(builder, left, right, steps)
        out = address(context, builder, kinds[7], c, c_first)
        for pair in range(0, rows, 2):
            group = [total for line in sums[pair : pair + 2] for total in line]
            place = builder.add(out, ir.Constant(I64, 4 * _WEIGHT_ROWS * pair))
            builder.store(_totals(builder, group), builder.inttoptr(place, ir.PointerType(_SUMS)), align=4)
        return context.get_dummy_value()

    @with_twin(_plain_dots(rows))
    def dots(
        context: Any,
        a: Any,
        a_first: Any,
        a_step: Any,
        b: Any,
        places: Any,
        first: Any,
        steps: Any,
        c: Any,
        c_first: Any,
    ) -> Any:
        whole = types.int64
        return types.void(a, whole, whole, b, places, whole, whole, c, whole), generate

    return dots


def _dot_loop(
    builder: ir.IRBuilder, left: list[Value], right: list[Value], steps: Value
) -> list[list[Value]]:
    """Emit the loop along k, which may have no step; return a vector of sums for each pair of rows."""
    before, head = builder.basic_block, builder.append_basic_block("head")
    loop, after = builder.append_basic_block("k"), builder.append_basic_block("done")
    builder.branch(head)
    builder.position_at_end(head)
    k = builder.phi(I64)
    k.add_incoming(ir.Constant(I64, 0), before)
    sums = [[builder.phi(_SUMS) for _ in right] for _ in left]
    builder.cbranch(builder.icmp_signed("<", k, steps), loop, after)
    builder.position_at_end(loop)
    offset = builder.mul(k, ir.Constant(I64, _STEP))
    weights = [_load_weights(builder, builder.add(row, offset)) for row in right]
    a_offset = builder.mul(offset, ir.Constant(I64, STAGED_BYTES))
    k.add_incoming(builder.add(k, ir.Constant(I64, 1)), loop)
    for row, line in zip(left, sums, strict=True):
        activations = load(builder, builder.add(row, a_offset), _SUMS if RAISED else _PAIRS)
        for total, weight in zip(line, weights, strict=True):
            total.add_incoming(ir.Constant(_SUMS, None), before)
            total.add_incoming(_dot(builder, total, activations, weight), loop)
    builder.branch(head)
    builder.position_at_end(after)
    return sums


_dots2, _dots3 = _make_dots(2), _make_dots(3)


@inner
def _tail(a: Array, a_first: int, weights: Array, first: int) -> int:
    """Return the sum of products beyond the whole steps."""
    total = 0
    for k in range(first, weights.size):
        total += word(a[a_first + k]) * word(byte(weights[k]))
    return total


@inner
def _write(
    sums: Array, correct: int, column: int, before: Array, before_step: int, out: Array, add: int
) -> None:
    """Write the sums of four weight rows: four columns of every result row."""
    vectors = out.shape[0]
    for i in range(vectors):
        for j in range(_WEIGHT_ROWS):
            total = sums[i * _WEIGHT_ROWS + j] - correct * sums[vectors * _WEIGHT_ROWS + j]
            old = before[i * before_step, column + j] if add else np.int32(0)
            out[i, column + j] = np.int32(total + old)


@inner
def _stage(a: Array, a_first: int, a_step: int, vectors: int, signed: int, staged: Array) -> int:
    """Stage the rows, one of ones if needed, and zeros to at least two; return how many those are."""
    k, rows = a.shape[1], vectors
    for i in range(vectors):
        stage_row(a[a_first + i * a_step], signed, staged[i * k : (i + 1) * k])
    if RAISED and signed:
        staged[rows * k : (rows + 1) * k] = 1
        rows += 1
    if rows < 2:
        staged[rows * k : (rows + 1) * k] = 0
        rows += 1
    return rows


@jit
def stream_int(
    a: Array,
    a_first: int,
    a_step: int,
    signed: int,
    memory: Array,
    rows: Array,
    before: Array,
    before_step: int,
    out: Array,
    add: int,
) -> int:
    """Multiply at most ``FEW`` activation rows, as many as ``out`` has, with weights as they lie; else as ``matmul_int``.

    Returns ``DONE``, or ``UNSUPPORTED`` when there are more rows, N or K is no multiple of 4 or a row is too long.
    """
    vectors, n = out.shape
    k = a.shape[1]
    if vectors > FEW or k % 4 or n % 4 or STAGED_BYTES * k * (FEW + 1) > SCRATCH_BYTES:
        return UNSUPPORTED
    staged, sums = stack_bytes(SCRATCH_BYTES).view(STAGED), stack_bytes(1024).view(np.int32)
    number = _stage(a, a_first, a_step, vectors, signed, staged)
    steps = k // _STEP
    correct = 128 if RAISED and signed else 0
    for column in range(0, n, _WEIGHT_ROWS):
        done = 0
        while number - done > 4 or number - done == 3:
            _dots3(staged, done * k, k, memory, rows, column, steps, sums, done * _WEIGHT_ROWS)
            done += 3
        while done < number:
            _dots2(staged, done * k, k, memory, rows, column, steps, sums, done * _WEIGHT_ROWS)
            done += 2
        if steps * _STEP < k:
            for i in range(number):
                for j in range(_WEIGHT_ROWS):
                    weights = memory[rows[column + j] : rows[column + j] + k]
                    sums[i * _WEIGHT_ROWS + j] += _tail(staged, i * k, weights, steps * _STEP)
        _write(sums, correct, column, before, before_step, out, add)
    return DONE
