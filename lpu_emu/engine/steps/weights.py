"""Weights: rows into buffers and arrays, and tiles of rows as products want them."""

from __future__ import annotations

import numpy as np

from lpu_emu.engine import columns as c
from lpu_emu.engine._jit import inner
from lpu_emu.engine.kernels import moves
from lpu_emu.engine.kernels.codes import element_bytes
from lpu_emu.engine.kernels.matmul_float import pack_float, packed_float_words
from lpu_emu.engine.kernels.matmul_int import pack_int, packed_int_words
from lpu_emu.engine.products import is_integer
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
def tile_rows(t: State, version: int, number: int) -> int:
    """Return the address of the rows of a version, one after the other, as they are or copied together."""
    lanes = t.grid.shape[1]
    first, together = t.rows[version, 0], True
    for n in range(1, lanes):
        if t.rows[version, n] != first + n * lanes:
            together = False
            break
    if together:
        return first
    place = t.weights + number * lanes * lanes
    for n in range(lanes):
        row, to = t.rows[version, n], place + n * lanes
        moves.copy(t.memory[row : row + lanes], t.memory[to : to + lanes])
    return place


@inner
def pack_tile(t: State, tile: int) -> int:
    """Return how many int32 words a packed tile has; pack it when it is wanted first."""
    lanes, dtype = t.grid.shape[1], t.tiles[tile, c.TILE_TYPE]
    words = packed_int_words(lanes, lanes) if is_integer(dtype) else packed_float_words(lanes, lanes)
    if t.tiles[tile, c.READY]:
        return words
    t.tiles[tile, c.READY] = 1
    place, size = t.tiles[tile, c.PACKED], lanes * lanes
    packed = t.memory[place : place + 4 * words]
    first = tile_rows(t, t.tiles[tile, c.LOW], np.int64(0))
    low = t.memory[first : first + size].reshape(lanes, lanes)
    if is_integer(dtype):
        pack_int(low, packed.view(np.int32))
        return words
    first = high_rows(t, tile, first)
    pack_float(dtype, low, t.memory[first : first + size].reshape(lanes, lanes), packed.view(np.float32))
    return words


@inner
def high_rows(t: State, tile: int, low: int) -> int:
    """Return the address of the high bytes of a tile, that of the low ones for types of one byte."""
    if element_bytes(t.tiles[tile, c.TILE_TYPE]) == 1:
        return low
    return tile_rows(t, t.tiles[tile, c.HIGH], np.int64(1))
