"""Accumulation: products of a stretch of issues, set into or added to their rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lpu_emu.engine import columns as c
from lpu_emu.engine._jit import inner, spliced
from lpu_emu.engine.inlining import out_of_line
from lpu_emu.engine.kernels import moves
from lpu_emu.engine.kernels.accumulate import accumulate as add_rows
from lpu_emu.engine.kernels.codes import DONE, INT8, element_bytes
from lpu_emu.engine.kernels.matmul_float import FEW as FEW_FLOATS
from lpu_emu.engine.kernels.matmul_float import matmul_float, stream_float
from lpu_emu.engine.kernels.matmul_int import matmul_int
from lpu_emu.engine.kernels.stream_int import FEW as FEW_INTS
from lpu_emu.engine.kernels.stream_int import stream_int
from lpu_emu.engine.products import is_integer, plain_product
from lpu_emu.engine.steps.operands import clear_lanes, copy_lanes, operand, result_place
from lpu_emu.engine.steps.state import Bytes, State
from lpu_emu.engine.steps.weights import high_version, packed_tile

Sums = NDArray[np.int32]


@inner
def is_apart(t: State, i: int) -> bool:
    """Return whether products have to be complete before they are added to rows."""
    adds, on = t.ops[t.steps[i, c.OP], c.A], t.tiles[t.steps[i, c.TILE], c.TILE_ON]
    return bool(adds and (t.steps[i, c.SERIAL] or on < t.grid.shape[1]))


@inner
def _add_rows(t: State, i: int, flat: Bytes) -> None:
    """Add the rows before to products, one by one, as they may come from each other."""
    row, lanes, one, four = t.steps[i, c.SOURCES] + c.ROW_SLOT, t.grid.shape[1], np.int64(1), np.int64(4)
    is_float = np.int64(0 if is_integer(t.tiles[t.steps[i, c.TILE], c.TILE_TYPE]) else 1)
    before = t.memory[t.scratch + 2 * t.room : t.scratch + 2 * t.room + 4 * lanes]
    sums = flat.view(np.int32).reshape(flat.size // (4 * lanes), lanes)
    for k in range(sums.shape[0]):
        first, length = operand(t, row, four, np.int64(k), one, one)
        moves.copy(t.memory[first : first + length], before)
        add_rows(is_float, one, before.view(np.int32).reshape(1, lanes), sums, np.int64(k), one)


@inner
def _multiply_integers(
    t: State, i: int, skip: int, thread: int, before: Sums, before_step: int, out: Sums, add: int
) -> int:
    tile, row, lanes = t.steps[i, c.TILE], t.steps[i, c.SOURCES] + c.X_SLOT, t.grid.shape[1]
    signed = int(t.tiles[tile, c.TILE_TYPE] == INT8)
    step = t.sources[row, c.MOVE] // lanes
    first = t.sources[row, c.BASE] // lanes + skip * step
    if t.sources[row, c.LANE] != 1 or t.tiles[tile, c.LANE_FIRST] > 0 or t.tiles[tile, c.LANE_END] < lanes:
        first, step = _part_rows(t, i, skip, out.shape[0], thread) // lanes, 1
    rows, status = t.rows[t.tiles[tile, c.LOW]], 1
    if t.tiles[tile, c.PACKED]:
        begin, end = packed_tile(t, tile)
        packed = t.memory[begin:end].view(np.int32)
        status = matmul_int(t.grid, first, step, signed, packed, before, before_step, out, add)
    elif out.shape[0] <= FEW_INTS:
        status = stream_int(t.grid, first, step, signed, t.memory, rows, before, before_step, out, add)
    if status != DONE:
        plain_product(t.grid, first, step, signed, t.memory, rows, before, before_step, out, add)
    return DONE


@inner
def _part_rows(t: State, i: int, skip: int, count: int, thread: int) -> int:
    """Return the address of activation rows with zeros in the lanes that take no part."""
    tile, lanes, begin = t.steps[i, c.TILE], t.grid.shape[1], t.scratch + 3 * thread * t.room
    for k in range(count):
        place = begin + k * lanes
        copy_lanes(t, t.steps[i, c.SOURCES] + c.X_SLOT, skip + k, lanes, t.memory[place : place + lanes])
        for lane in range(lanes):
            if lane < t.tiles[tile, c.LANE_FIRST] or lane >= t.tiles[tile, c.LANE_END]:
                t.memory[place + lane] = 0
    return begin


@inner
def _multiply_floats(
    t: State, i: int, skip: int, thread: int, before: Sums, before_step: int, out: Sums, add: int
) -> int:
    tile, lanes, count = t.steps[i, c.TILE], t.grid.shape[1], out.shape[0]
    dtype = t.tiles[tile, c.TILE_TYPE]
    low, number = t.tiles[tile, c.LANE_FIRST], t.tiles[tile, c.LANE_END] - t.tiles[tile, c.LANE_FIRST]
    width = element_bytes(dtype) * lanes
    first, length = operand(
        t, t.steps[i, c.SOURCES] + c.X_SLOT, element_bytes(dtype), skip, count, 3 * thread
    )
    x, zero = t.memory[first : first + length].reshape(length // width, width), np.int64(0)
    step = length // (count * width)
    if t.tiles[tile, c.PACKED]:
        begin, end = packed_tile(t, tile)
        packed = t.memory[begin:end].view(np.float64)
        return matmul_float(dtype, x, zero, step, low, number, packed, before, before_step, out, add)
    if count > FEW_FLOATS:
        return 1
    rows, high = t.rows[t.tiles[tile, c.LOW]], t.rows[high_version(t, tile)]
    return stream_float(
        dtype, x, zero, step, low, number, t.memory, rows, high, before, before_step, out, add
    )


@spliced
def _multiply(t: State, i: int, skip: int, thread: int, before: Sums, step: int, out: Sums, add: int) -> int:
    if is_integer(t.tiles[t.steps[i, c.TILE], c.TILE_TYPE]):
        return _multiply_integers(t, i, skip, thread, before, step, out, add)
    return _multiply_floats(t, i, skip, thread, before, step, out, add)


@inner
def accumulate(t: State, i: int, skip: int, count: int, thread: int) -> int:
    """Multiply, and set or add some rows of a step; lanes that are off get zeros."""
    out_of_line()
    op, lanes = t.steps[i, c.OP], t.grid.shape[1]
    adds, apart = t.ops[op, c.A], is_apart(t, i)
    place = result_place(t, i) + 4 * skip * lanes
    flat = t.memory[place : place + 4 * count * lanes]
    out = flat.view(np.int32).reshape(count, lanes)
    before, step, add = out, np.int64(0), int(adds and not apart)
    if add:
        first, length = operand(
            t, t.steps[i, c.SOURCES] + c.ROW_SLOT, np.int64(4), skip, count, 3 * thread + 1
        )
        rows = length // (4 * lanes)
        before, step = t.memory[first : first + length].view(np.int32).reshape(rows, lanes), rows // count
    status = _multiply(t, i, skip, thread, before, step, out, add)
    for k in range(count):
        for lane in range(t.tiles[t.steps[i, c.TILE], c.TILE_ON], lanes):
            out[k, lane] = 0
    if apart:
        _add_rows(t, i, flat)
    clear_lanes(t, op, place, np.int64(4), count)
    return status
