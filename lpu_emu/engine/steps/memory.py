"""SRAM: words in and out, by address or by map."""

from __future__ import annotations

import numpy as np

from lpu_emu.engine import columns as c
from lpu_emu.engine._jit import inner
from lpu_emu.engine.kernels import moves
from lpu_emu.engine.steps.faults import READING, WRITING, note
from lpu_emu.engine.steps.operands import clear_lanes, copy_lanes, result_place
from lpu_emu.engine.steps.state import State


@inner
def read(t: State, i: int) -> None:
    """Copy words."""
    op, lanes, count = t.steps[i, c.OP], t.grid.shape[1], t.steps[i, c.NUMBER]
    place, stride = result_place(t, i), t.ops[op, c.STRIDE]
    base = t.ops[op, c.ADDRESS] + t.steps[i, c.FIRST] * stride
    if stride == lanes:
        moves.copy(t.memory[base : base + count * lanes], t.memory[place : place + count * lanes])
    else:
        for k in range(count):
            word = base + k * stride
            moves.copy(t.memory[word : word + lanes], t.memory[place + k * lanes : place + (k + 1) * lanes])
    clear_lanes(t, op, place, np.int64(1), count)


@inner
def write(t: State, i: int) -> None:
    """Store vectors, in the lanes that are on."""
    op, row, on = t.steps[i, c.OP], t.steps[i, c.SOURCES], t.ops[t.steps[i, c.OP], c.ON]
    base = t.ops[op, c.ADDRESS] + t.steps[i, c.FIRST] * t.ops[op, c.STRIDE]
    count, stride, lanes = t.steps[i, c.NUMBER], t.ops[op, c.STRIDE], t.grid.shape[1]
    if on == lanes == stride and t.sources[row, c.LANE] == 1 and t.sources[row, c.MOVE] == lanes:
        source = t.sources[row, c.BASE]
        moves.copy(t.memory[source : source + count * lanes], t.memory[base : base + count * lanes])
        return
    for k in range(count):
        word = base + k * stride
        copy_lanes(t, row, k, on, t.memory[word : word + on])


@inner
def _address(t: State, row: int, k: int, lane: int) -> int:
    """Return the 16-bit number that begins at a lane of a map."""
    base, step = t.sources[row, c.BASE] + k * t.sources[row, c.MOVE], t.sources[row, c.LANE]
    return int(t.memory[base + lane * step]) + 256 * int(t.memory[base + (lane + 1) * step])


@inner
def gather(t: State, i: int) -> None:
    """Take, in each superlane, the bytes at the address that the map carries there."""
    op, row, lanes, each = t.steps[i, c.OP], t.steps[i, c.SOURCES], t.grid.shape[1], t.each
    place, low, high = result_place(t, i), t.ops[op, c.A], t.ops[op, c.B]
    for k in range(t.steps[i, c.NUMBER]):
        for lane in range(0, t.ops[op, c.ON], each):
            address = _address(t, row, k, lane)
            if address < low or address > high:
                note(t, i, k, READING, lane // each, address)
                continue
            word = t.ops[op, c.ADDRESS] + address * lanes + lane
            out = place + k * lanes + lane
            for j in range(each):
                t.memory[out + j] = t.memory[word + j]
    clear_lanes(t, op, place, np.int64(1), t.steps[i, c.NUMBER])


@inner
def scatter(t: State, i: int) -> None:
    """Store, in each superlane, bytes at the address that the map carries there."""
    op, row, lanes, each = t.steps[i, c.OP], t.steps[i, c.SOURCES], t.grid.shape[1], t.each
    low, high, step = t.ops[op, c.A], t.ops[op, c.B], t.sources[row + 1, c.LANE]
    for k in range(t.steps[i, c.NUMBER]):
        data = t.sources[row + 1, c.BASE] + k * t.sources[row + 1, c.MOVE]
        for lane in range(0, t.ops[op, c.ON], each):
            address = _address(t, row, k, lane)
            if address < low or address > high:
                note(t, i, k, WRITING, lane // each, address)
                continue
            word = t.ops[op, c.ADDRESS] + address * lanes + lane
            for j in range(each):
                t.memory[word + j] = t.memory[data + (lane + j) * step]
