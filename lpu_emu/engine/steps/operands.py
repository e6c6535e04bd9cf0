"""Operands as kernels want them: packed where they lie if they lie so, else gathered into scratch."""

from __future__ import annotations

import numpy as np

from lpu_emu.engine import columns as c
from lpu_emu.engine._jit import inner
from lpu_emu.engine.kernels import moves
from lpu_emu.engine.kernels.planes import pack1, pack2, pack4
from lpu_emu.engine.steps.state import Bytes, State


@inner
def is_packed(t: State, row: int, width: int) -> bool:
    """Return whether the bytes of an operand lie side by side."""
    if t.sources[row, c.LANE] != width:
        return False
    for part in range(1, width):
        if t.sources[row + part, c.BASE] != t.sources[row, c.BASE] + part:
            return False
        if t.sources[row + part, c.MOVE] != t.sources[row, c.MOVE] or t.sources[row + part, c.LANE] != width:
            return False
    return True


@inner
def are_rows(t: State, row: int, width: int) -> bool:
    """Return whether every byte of an operand is a row of lanes."""
    for part in range(width):
        if t.sources[row + part, c.LANE] != 1:
            return False
    return True


@inner
def operand(t: State, row: int, width: int, skip: int, count: int, number: int) -> tuple[int, int]:
    """Return address and size of ``count`` packed vectors, from element ``skip`` of a step on.

    The first of the ``width`` bytes of its elements is source ``row``. What does not lie so is gathered in
    scratch ``number``. If all vectors are the same, there is only one.
    """
    size = width * t.grid.shape[1]
    if is_packed(t, row, width):
        move = t.sources[row, c.MOVE]
        base = t.sources[row, c.BASE] + skip * move
        if move == size or count == 1:
            return base, count * size
        if move == 0:
            return base, size
    place = t.scratch + number * t.room
    out = t.memory[place : place + count * size]
    if are_rows(t, row, width):
        _pack(t, row, width, skip, out)
    else:
        _gather(t, row, width, skip, count, out)
    return place, count * size


@inner
def _pack(t: State, row: int, width: int, skip: int, out: Bytes) -> None:
    """Join byte planes; widths are those of types."""
    s, lanes = t.sources, t.grid.shape[1]
    step0 = s[row, c.MOVE] // lanes
    first0 = s[row, c.BASE] // lanes + skip * step0
    if width == 1:
        pack1(t.grid, first0, step0, out)
        return
    step1 = s[row + 1, c.MOVE] // lanes
    first1 = s[row + 1, c.BASE] // lanes + skip * step1
    if width == 2:
        pack2(t.grid, first0, step0, t.grid, first1, step1, out)
        return
    step2, step3 = s[row + 2, c.MOVE] // lanes, s[row + 3, c.MOVE] // lanes
    first2 = s[row + 2, c.BASE] // lanes + skip * step2
    first3 = s[row + 3, c.BASE] // lanes + skip * step3
    grid = t.grid
    pack4(grid, first0, step0, grid, first1, step1, grid, first2, step2, grid, first3, step3, out)


@inner
def _gather(t: State, row: int, width: int, skip: int, count: int, out: Bytes) -> None:
    lanes = t.grid.shape[1]
    for part in range(width):
        base, move, lane = (
            t.sources[row + part, c.BASE],
            t.sources[row + part, c.MOVE],
            t.sources[row + part, c.LANE],
        )
        for k in range(count):
            place = base + (skip + k) * move
            for i in range(lanes):
                out[(k * lanes + i) * width + part] = t.memory[place + i * lane]


@inner
def first_row(t: State, i: int, row: int, number: int) -> int:
    """Return the row of the grid with the first vector of one source of a step; scratch ``number`` if need be.

    The others follow at distances of :func:`row_step`.
    """
    lanes = t.grid.shape[1]
    if t.sources[row, c.LANE] == 1:
        return t.sources[row, c.BASE] // lanes
    place = t.scratch + number * t.room
    for k in range(t.steps[i, c.NUMBER]):
        copy_lanes(t, row, k, lanes, t.memory[place + k * lanes : place + (k + 1) * lanes])
    return place // lanes


@inner
def row_step(t: State, row: int) -> int:
    """Return the rows from vector to vector of one source of a step, as :func:`first_row` gives them."""
    return t.sources[row, c.MOVE] // t.grid.shape[1] if t.sources[row, c.LANE] == 1 else 1


@inner
def byte_of(t: State, row: int, k: int, lane: int) -> int:
    """Return a byte of one source of a step."""
    return t.memory[t.sources[row, c.BASE] + k * t.sources[row, c.MOVE] + lane * t.sources[row, c.LANE]]


@inner
def copy_lanes(t: State, row: int, k: int, number: int, out: Bytes) -> None:
    """Copy the first lanes of one source of a step, for element k of it."""
    base, lane = t.sources[row, c.BASE] + k * t.sources[row, c.MOVE], t.sources[row, c.LANE]
    if lane == 1:
        moves.copy(t.memory[base : base + number], out[:number])
        return
    # Packed elements begin at multiples of their size: a byte of them is a shift and a narrowing.
    part = base % lane
    packed = t.memory[base - part : base - part + lane * number]
    if lane == 4:
        _byte_of_words(packed.view(np.int32), np.int32(8 * part), out[:number])
    else:
        _byte_of_halves(packed.view(np.int16), np.int16(8 * part), out[:number])


@inner
def _byte_of_words(words: Bytes, shift: int, out: Bytes) -> None:
    for i in range(out.size):
        out[i] = np.uint8(words[i] >> shift)


@inner
def _byte_of_halves(halves: Bytes, shift: int, out: Bytes) -> None:
    for i in range(out.size):
        out[i] = np.uint8(halves[i] >> shift)


@inner
def result_place(t: State, i: int) -> int:
    """Return the address of part 0 of the first element that a step makes."""
    op = t.steps[i, c.OP]
    place = (t.steps[i, c.FIRST] + t.ops[op, c.PHASE]) % t.ops[op, c.CAP]
    return t.ops[op, c.OUT] + place * t.ops[op, c.STEP]


@inner
def clear_lanes(t: State, op: int, place: int, size: int, count: int) -> None:
    """Put zeros into the lanes that are off, in ``count`` packed vectors of elements of ``size`` bytes."""
    lanes, on = t.grid.shape[1], t.ops[op, c.ON]
    if on == lanes:
        return
    for k in range(count):
        for byte in range(place + (k * lanes + on) * size, place + (k + 1) * lanes * size):
            t.memory[byte] = 0
