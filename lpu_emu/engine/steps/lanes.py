"""SXM: bytes change lanes."""

from __future__ import annotations

import numpy as np

from lpu_emu.engine import columns as c
from lpu_emu.engine._jit import inner
from lpu_emu.engine.kernels import moves
from lpu_emu.engine.steps.faults import SAMPLING, note
from lpu_emu.engine.steps.operands import clear_lanes, result_place, vector
from lpu_emu.engine.steps.state import Bytes, State


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
def _row(t: State, i: int, place: int, part: int, k: int) -> int:
    """Return the address of the lanes of one part of a result."""
    return place + part * t.ops[t.steps[i, c.OP], c.PART_STEP] + k * t.grid.shape[1]


@inner
def _shift(t: State, i: int, place: int) -> None:
    op, lanes = t.steps[i, c.OP], t.grid.shape[1]
    amount, mask, each = t.ops[op, c.A], t.ops[op, c.B], t.each
    for part in range(t.ops[op, c.PARTS]):
        for k in range(t.steps[i, c.NUMBER]):
            at = vector(t, t.steps[i, c.SOURCES] + part, k, np.int64(0))
            x = t.memory[at : at + lanes]
            to = _row(t, i, place, part, k)
            out = t.memory[to : to + lanes]
            low, high = max(amount, 0), min(lanes + amount, lanes)
            for lane in range(min(low, lanes)):
                out[lane] = 0
            if low < high:
                moves.copy(x[low - amount : high - amount], out[low:high])
            for lane in range(max(high, 0), lanes):
                out[lane] = 0
            for superlane in range(lanes // each):
                if not (mask >> superlane) & 1:
                    first = superlane * each
                    moves.copy(x[first : first + each], out[first : first + each])


@inner
def _permute(t: State, i: int, place: int) -> None:
    op, row, lanes = t.steps[i, c.OP], t.steps[i, c.SOURCES], t.grid.shape[1]
    parts = t.ops[op, c.X]
    chosen = t.memory[t.scratch + 2 * t.room : t.scratch + 3 * t.room].view(np.int32)
    for k in range(t.steps[i, c.NUMBER]):
        at = vector(t, row + parts, k, np.int64(0))
        low = t.memory[at : at + lanes]
        at = vector(t, row + parts + 1, k, np.int64(1))
        high = t.memory[at : at + lanes]
        for lane in range(lanes):
            chosen[lane] = np.int32(low[lane]) + np.int32(256) * np.int32(high[lane])
        if not _names_all(chosen, lanes, t.memory[t.scratch : t.scratch + lanes]):
            lane = _first_wrong(chosen, lanes)
            note(t, i, k, SAMPLING, lane, _times(chosen, lanes, lane))
            for lane in range(lanes):
                chosen[lane] = lane
        for part in range(parts):
            at = vector(t, row + part, k, np.int64(0))
            x = t.memory[at : at + lanes]
            to = _row(t, i, place, part, k)
            out = t.memory[to : to + lanes]
            for lane in range(lanes):
                out[lane] = x[chosen[lane]]


@inner
def _names_all(chosen: Bytes, lanes: int, seen: Bytes) -> bool:
    """Return whether a map is a bijection of the lanes."""
    for lane in range(lanes):
        seen[lane] = 0
    for lane in range(lanes):
        if chosen[lane] >= lanes or seen[chosen[lane]]:
            return False
        seen[chosen[lane]] = 1
    return True


@inner
def _times(chosen: Bytes, lanes: int, named: int) -> int:
    number = 0
    for lane in range(lanes):
        number += chosen[lane] == named
    return number


@inner
def _first_wrong(chosen: Bytes, lanes: int) -> int:
    """Return the first lane that a map does not name once."""
    lane = 0
    while _times(chosen, lanes, lane) == 1:
        lane += 1
    return lane


@inner
def _distribute(t: State, i: int, place: int) -> None:
    op, row, lanes = t.steps[i, c.OP], t.steps[i, c.SOURCES], t.grid.shape[1]
    bypass, parts, each = t.ops[op, c.A], t.ops[op, c.PARTS], t.each
    for k in range(t.steps[i, c.NUMBER]):
        at = vector(t, row + parts, k, np.int64(1))
        chosen = t.memory[at : at + lanes]
        for part in range(parts):
            at = vector(t, row + part, k, np.int64(0))
            x = t.memory[at : at + lanes]
            to = _row(t, i, place, part, k)
            out = t.memory[to : to + lanes]
            if (bypass >> part) & 1:
                moves.copy(x, out)
                continue
            for first in range(0, lanes, each):
                for lane in range(first, first + each):
                    out[lane] = x[first + chosen[lane]] if chosen[lane] < each else np.uint8(0)


@inner
def _rotate(t: State, i: int, place: int) -> None:
    op, row, lanes = t.steps[i, c.OP], t.steps[i, c.SOURCES], t.grid.shape[1]
    edge, each = t.ops[op, c.A], t.each
    for k in range(t.steps[i, c.NUMBER]):
        for part in range(edge):
            at = vector(t, row + part, k, np.int64(0))
            x = t.memory[at : at + lanes]
            for turn in range(edge):
                to, shift = _row(t, i, place, part * edge + turn, k), turn % each
                out = t.memory[to : to + lanes]
                for first in range(0, lanes, each):
                    end = first + each
                    moves.copy(x[first + shift : end], out[first : end - shift])
                    moves.copy(x[first : first + shift], out[end - shift : end])


@inner
def _transpose(t: State, i: int, place: int) -> None:
    row, lanes, each = t.steps[i, c.SOURCES], t.grid.shape[1], t.each
    for k in range(t.steps[i, c.NUMBER]):
        for part in range(each):
            at = vector(t, row + part, k, np.int64(0))
            x = t.memory[at : at + lanes]
            for j in range(each):
                to = _row(t, i, place, j, k)
                out = t.memory[to : to + lanes]
                for first in range(0, lanes, each):
                    out[first + part] = x[first + j]
