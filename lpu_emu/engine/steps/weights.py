"""Weights: rows into buffers and arrays, and tiles of rows as products want them."""

from __future__ import annotations

import numpy as np

from lpu_emu.engine import columns as c
from lpu_emu.engine._jit import inner
from lpu_emu.engine.inlining import out_of_line
from lpu_emu.engine.kernels import moves
from lpu_emu.engine.kernels.codes import element_bytes
from lpu_emu.engine.kernels.matmul_float import pack_float
from lpu_emu.engine.kernels.matmul_int import pack_int
from lpu_emu.engine.products import is_integer, packed_size
from lpu_emu.engine.steps.operands import copy_lanes, result_place
from lpu_emu.engine.steps.state import State


@inner
def load(t: State, i: int) -> None:
    """Keep a group of weight rows."""
    op, row, lanes = t.steps[i, c.OP], t.steps[i, c.SOURCES], t.grid.shape[1]
    place = result_place(t, i)
    for k in range(t.steps[i, c.NUMBER]):
        for part in range(t.ops[op, c.PARTS]):
            first = place + k * t.ops[op, c.STEP] + part * lanes
            copy_lanes(t, row + part, k, lanes, t.memory[first : first + lanes])


@inner
def store_rows(t: State, i: int) -> None:
    """Put a group of weight rows into a buffer, in the lanes that are on."""
    op, row, lanes, on = (
        t.steps[i, c.OP],
        t.steps[i, c.SOURCES],
        t.grid.shape[1],
        t.ops[t.steps[i, c.OP], c.ON],
    )
    for k in range(t.steps[i, c.NUMBER]):
        base = t.ops[op, c.ADDRESS] + (t.steps[i, c.FIRST] + k) * t.ops[op, c.STRIDE]
        for part in range(t.ops[op, c.X]):
            first = base + part * lanes
            copy_lanes(t, row + part, k, on, t.memory[first : first + on])


@inner
def _before(t: State, row: int, k: int, place: int) -> None:
    """Begin a new array as the one before."""
    lanes = t.grid.shape[1]
    size, base = lanes * lanes, t.sources[row, c.BASE] + k * t.sources[row, c.MOVE]
    if t.sources[row, c.BASE] != t.zeros:
        moves.copy(t.memory[base : base + size], t.memory[place : place + size])
        return
    for byte in range(place, place + size):
        t.memory[byte] = 0


@inner
def swap(t: State, i: int) -> None:
    """Install a buffer in the lanes that are on, and leave zeros there."""
    op, lanes, on = t.steps[i, c.OP], t.grid.shape[1], t.ops[t.steps[i, c.OP], c.ON]
    for k in range(t.steps[i, c.NUMBER]):
        place = result_place(t, i) + k * t.ops[op, c.STEP]
        _before(t, t.steps[i, c.SOURCES], k, place)
        for n in range(lanes):
            first = t.ops[op, c.ADDRESS] + n * lanes
            for lane in range(on):
                t.memory[place + n * lanes + lane] = t.memory[first + lane]
                t.memory[first + lane] = 0


@inner
def replace(t: State, i: int) -> None:
    """Install a group of weight rows past the buffer, in the lanes that are on."""
    op, lanes, on = t.steps[i, c.OP], t.grid.shape[1], t.ops[t.steps[i, c.OP], c.ON]
    row, group, stride = t.steps[i, c.SOURCES], t.ops[op, c.X], t.ops[op, c.STRIDE] // lanes
    for k in range(t.steps[i, c.NUMBER]):
        place = result_place(t, i) + k * t.ops[op, c.STEP]
        _before(t, row + group, k, place)
        base = t.ops[op, c.A] * group + (t.steps[i, c.FIRST] + k) * stride
        for part in range(group):
            first = place + (base + part) * lanes
            copy_lanes(t, row + part, k, on, t.memory[first : first + on])


@inner
def packed_tile(t: State, tile: int) -> tuple[int, int]:
    """Return where a packed tile begins and ends."""
    place = t.tiles[tile, c.PACKED]
    return place, place + packed_size(t.tiles[tile, c.TILE_TYPE], t.grid.shape[1])


@inner
def high_version(t: State, tile: int) -> int:
    """Return the version of the high bytes of a tile: for types of one byte that of the low ones."""
    two = element_bytes(t.tiles[tile, c.TILE_TYPE]) == 2
    return t.tiles[tile, c.HIGH] if two else t.tiles[tile, c.LOW]


@inner
def pack_panels(t: State, tile: int, first: int, panels: int) -> int:
    """Pack some panels of a tile."""
    out_of_line()
    lanes, dtype = t.grid.shape[1], t.tiles[tile, c.TILE_TYPE]
    begin, end = packed_tile(t, tile)
    packed, low = t.memory[begin:end], t.rows[t.tiles[tile, c.LOW]]
    if is_integer(dtype):
        return pack_int(t.memory, low, lanes, first, panels, packed.view(np.int32))
    high = t.rows[high_version(t, tile)]
    return pack_float(dtype, t.memory, low, high, lanes, first, panels, packed.view(np.float64))
