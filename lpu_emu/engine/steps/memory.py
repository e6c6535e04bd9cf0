"""SRAM: words in and out, by address or by map."""

from __future__ import annotations

import numpy as np

from lpu_emu.engine import columns as c
from lpu_emu.engine._jit import inner
from lpu_emu.engine.inlining import out_of_line
from lpu_emu.engine.kernels import gather as kernels
from lpu_emu.engine.kernels import moves
from lpu_emu.engine.steps.faults import READING, WRITING, note
from lpu_emu.engine.steps.operands import clear_lanes, copy_lanes, first_row, result_place, row_step
from lpu_emu.engine.steps.state import State


@inner
def read(t: State, i: int, skip: int, count: int) -> None:
    """Copy some words of a step."""
    out_of_line()
    op, lanes = t.steps[i, c.OP], t.grid.shape[1]
    place, stride = result_place(t, i) + skip * lanes, t.ops[op, c.STRIDE]
    base = t.ops[op, c.ADDRESS] + (t.steps[i, c.FIRST] + skip) * stride
    if stride == lanes:
        moves.copy(t.memory[base : base + count * lanes], t.memory[place : place + count * lanes])
    else:
        for k in range(count):
            word = base + k * stride
            moves.copy(t.memory[word : word + lanes], t.memory[place + k * lanes : place + (k + 1) * lanes])
    clear_lanes(t, op, place, np.int64(1), count)


@inner
def write(t: State, i: int, skip: int, count: int) -> None:
    """Store some vectors of a step, in the lanes that are on."""
    out_of_line()
    op, row, on = t.steps[i, c.OP], t.steps[i, c.SOURCES], t.ops[t.steps[i, c.OP], c.ON]
    base = t.ops[op, c.ADDRESS] + (t.steps[i, c.FIRST] + skip) * t.ops[op, c.STRIDE]
    stride, lanes = t.ops[op, c.STRIDE], t.grid.shape[1]
    if on == lanes == stride and t.sources[row, c.LANE] == 1 and t.sources[row, c.MOVE] == lanes:
        source = t.sources[row, c.BASE] + skip * lanes
        moves.copy(t.memory[source : source + count * lanes], t.memory[base : base + count * lanes])
        return
    for k in range(count):
        word = base + k * stride
        copy_lanes(t, row, skip + k, on, t.memory[word : word + on])


@inner
def gather(t: State, i: int) -> None:
    """Take, in each superlane, the bytes at the address that the map carries there."""
    op, row, lanes, count = t.steps[i, c.OP], t.steps[i, c.SOURCES], t.grid.shape[1], t.steps[i, c.NUMBER]
    place, one = result_place(t, i), np.int64(1)
    map_, step = first_row(t, i, row, np.int64(0)), row_step(t, row)
    words, low, high, on = (
        t.ops[op, c.ADDRESS] // lanes,
        t.ops[op, c.A],
        t.ops[op, c.B],
        t.ops[op, c.ON] // t.each,
    )
    faulty = kernels.gather(
        t.grid, words, low, high, t.grid, map_, step, t.each, on, t.grid, place // lanes, one, count
    )
    if faulty >= 0:
        _note_address(t, i, faulty, READING, map_ + faulty * step)
    clear_lanes(t, op, place, one, count)


@inner
def scatter(t: State, i: int) -> None:
    """Store, in each superlane, bytes at the address that the map carries there."""
    op, row, lanes, count = t.steps[i, c.OP], t.steps[i, c.SOURCES], t.grid.shape[1], t.steps[i, c.NUMBER]
    map_, step = first_row(t, i, row, np.int64(0)), row_step(t, row)
    data, data_step = first_row(t, i, row + 1, np.int64(1)), row_step(t, row + 1)
    words, low, high, on = (
        t.ops[op, c.ADDRESS] // lanes,
        t.ops[op, c.A],
        t.ops[op, c.B],
        t.ops[op, c.ON] // t.each,
    )
    faulty = kernels.scatter(
        t.grid, words, low, high, t.grid, map_, step, t.each, on, t.grid, data, data_step, count
    )
    if faulty >= 0:
        _note_address(t, i, faulty, WRITING, map_ + faulty * step)


@inner
def _note_address(t: State, i: int, k: int, phase: int, row: int) -> None:
    """Note the first superlane of a map that carries an address outside the region."""
    op, each = t.steps[i, c.OP], t.each
    for lane in range(0, t.ops[op, c.ON], each):
        address = np.int64(t.grid[row, lane]) + 256 * np.int64(t.grid[row, lane + 1])
        if address < t.ops[op, c.A] or address > t.ops[op, c.B]:
            note(t, i, k, phase, lane // each, address)
            return
