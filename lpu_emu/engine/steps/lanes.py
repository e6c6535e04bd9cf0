"""SXM: bytes change lanes."""

from __future__ import annotations

import numpy as np

from lpu_emu.engine import columns as c
from lpu_emu.engine._jit import inner
from lpu_emu.engine.kernels import moves, sxm
from lpu_emu.engine.steps.faults import SAMPLING, note
from lpu_emu.engine.steps.operands import byte_of, clear_lanes, first_row, result_place, row_step
from lpu_emu.engine.steps.state import State


@inner
def move_lanes(t: State, i: int) -> None:
    """Do what an SXM unit does."""
    op, count, lanes = t.steps[i, c.OP], t.steps[i, c.NUMBER], t.grid.shape[1]
    kind, place = t.ops[op, c.KIND], result_place(t, i)
    if kind == c.SHIFT:
        _shift(t, i, place)
    elif kind == c.PERMUTE:
        _permute(t, i, place)
    elif kind == c.DISTRIBUTE:
        _distribute(t, i, place)
    elif kind == c.ROTATE:
        _rotate(t, i, place)
    else:
        _transpose(t, i, place)
    if t.ops[op, c.ON] < lanes:
        for part in range(t.ops[op, c.PARTS]):
            clear_lanes(t, op, place + part * t.ops[op, c.PART_STEP], np.int64(1), count)


@inner
def _result_row(t: State, i: int, place: int, part: int) -> int:
    """Return the row of the first vector of one part of a result; the others follow."""
    return (place + part * t.ops[t.steps[i, c.OP], c.PART_STEP]) // t.grid.shape[1]


@inner
def _shift(t: State, i: int, place: int) -> None:
    op, count, one = t.steps[i, c.OP], t.steps[i, c.NUMBER], np.int64(1)
    amount, mask, zero = t.ops[op, c.A], t.ops[op, c.B], np.int64(0)
    for part in range(t.ops[op, c.PARTS]):
        row = t.steps[i, c.SOURCES] + part
        x, step = first_row(t, i, row, zero), row_step(t, row)
        sxm.shift(t.grid, x, step, amount, mask, t.each, t.grid, _result_row(t, i, place, part), one, count)


@inner
def _permute(t: State, i: int, place: int) -> None:
    op, row, count = t.steps[i, c.OP], t.steps[i, c.SOURCES], t.steps[i, c.NUMBER]
    parts, grid, one = t.ops[op, c.X], t.grid, np.int64(1)
    low, high = row + parts, row + parts + 1
    low_row, high_row = first_row(t, i, low, one), first_row(t, i, high, np.int64(2))
    low_step, high_step = row_step(t, low), row_step(t, high)
    for part in range(parts):
        x, step, out = (
            first_row(t, i, row + part, np.int64(0)),
            row_step(t, row + part),
            _result_row(t, i, place, part),
        )
        faulty = sxm.permute(
            grid, x, step, grid, low_row, low_step, grid, high_row, high_step, grid, out, one, count
        )
        if faulty >= 0 and part == 0:
            _note_map(t, i, faulty, low_row + faulty * low_step, high_row + faulty * high_step)


@inner
def _note_map(t: State, i: int, k: int, low: int, high: int) -> None:
    """Note the first lane that a map does not name once, and how often it does."""
    lanes = t.grid.shape[1]
    for lane in range(lanes):
        times = 0
        for source in range(lanes):
            times += np.int64(t.grid[low, source]) + 256 * np.int64(t.grid[high, source]) == lane
        if times != 1:
            note(t, i, k, SAMPLING, lane, times)
            return


@inner
def _distribute(t: State, i: int, place: int) -> None:
    op, row, count = t.steps[i, c.OP], t.steps[i, c.SOURCES], t.steps[i, c.NUMBER]
    bypass, parts, one = t.ops[op, c.A], t.ops[op, c.PARTS], np.int64(1)
    map_, map_step = first_row(t, i, row + parts, one), row_step(t, row + parts)
    for part in range(parts):
        x, step = first_row(t, i, row + part, np.int64(0)), row_step(t, row + part)
        out = _result_row(t, i, place, part)
        if (bypass >> part) & 1:
            for k in range(count):
                moves.copy(t.grid[x + k * step], t.grid[out + k])
        else:
            sxm.distribute(t.grid, x, step, t.grid, map_, map_step, t.each, t.grid, out, one, count)


@inner
def _rotate(t: State, i: int, place: int) -> None:
    op, row, count, one = t.steps[i, c.OP], t.steps[i, c.SOURCES], t.steps[i, c.NUMBER], np.int64(1)
    edge = t.ops[op, c.A]
    for part in range(edge):
        x, step = first_row(t, i, row + part, np.int64(0)), row_step(t, row + part)
        for turn in range(edge):
            out = _result_row(t, i, place, part * edge + turn)
            sxm.rotate(t.grid, x, step, np.int64(turn), t.each, t.grid, out, one, count)


@inner
def _transpose(t: State, i: int, place: int) -> None:
    row, lanes, each, count = t.steps[i, c.SOURCES], t.grid.shape[1], t.each, t.steps[i, c.NUMBER]
    rows = t.memory[t.scratch : t.scratch + 16 * each].view(np.int64)
    for part in range(each):
        if t.sources[row + part, c.LANE] != 1 or (t.sources[row + part, c.MOVE] != lanes and count > 1):
            _transpose_bytes(t, i, place)
            return
        rows[part] = t.sources[row + part, c.BASE] // lanes
        rows[each + part] = _result_row(t, i, place, part)
    sxm.transpose(t.grid, rows[:each], t.grid, rows[each : 2 * each], count)


@inner
def _transpose_bytes(t: State, i: int, place: int) -> None:
    """Transpose byte by byte, wherever they lie."""
    row, each = t.steps[i, c.SOURCES], t.each
    for part in range(each):
        for j in range(each):
            out = _result_row(t, i, place, j)
            for k in range(t.steps[i, c.NUMBER]):
                for first in range(0, t.grid.shape[1], each):
                    t.grid[out + k, first + part] = byte_of(t, row + part, k, first + j)
