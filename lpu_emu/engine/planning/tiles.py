"""Tiles: the weights that accumulations multiply with, and which of them are worth packing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lpu_emu.analysis.lattice import Ints
from lpu_emu.engine import columns as c
from lpu_emu.engine.planning.ops import Ops
from lpu_emu.engine.planning.pieces import AT, SOURCE, Pieces
from lpu_emu.engine.planning.weights import Weights, weight_rows
from lpu_emu.engine.products import packed_bytes

# Packing costs about as much as this many vectors through the rows as they lie.
_WORTH_PACKING = 5
# How many windows a packed tile is kept for its next use.
_LONGEST_PAUSE = 256


@dataclass(frozen=True, kw_only=True, eq=False)
class Tiles:
    """``table`` as in :mod:`lpu_emu.engine.columns`; by tile, the bytes of its packed form and the windows that need it."""

    table: Ints
    size: Ints
    birth: Ints
    death: Ints


def tiles_of(ops: Ops, pieces: Pieces, weights: Weights, lanes: int) -> Tiles:
    """Find the tiles of all accumulations and enter them into the pieces."""
    table = pieces.table
    rows = np.flatnonzero(ops.table[table[:, c.OP], c.KIND] == c.ACCUMULATE)
    slot = table[rows, c.SOURCES]
    issue = pieces.origins[slot + c.ISSUE_SLOT, SOURCE]
    dtype, half = ops.table[issue, c.DTYPE], ops.table[issue, c.A]
    same = _same(ops, weights)
    low, high = (same[_versions(pieces, slot + c.WEIGHT_SLOT + i, weights)] for i in (0, 1))
    keys = np.stack((low, high, dtype, half, ops.table[issue, c.ON]), axis=1)
    _, tile = np.unique(keys, axis=0, return_inverse=True)
    tile, first = _stretches(tile.reshape(-1), table[rows, c.WINDOW])
    table[rows, c.TILE] = tile
    return _described(keys[first], tile, table[rows], lanes)


def _same(ops: Ops, weights: Weights) -> Ints:
    """Return, for every version and that of zeros, the first one with the same rows, all of which never change."""
    number, lanes = weights.source.shape
    rows = np.full((number + 1, lanes), -1, dtype=np.int64)
    weight_rows(ops.table, weights.source, weights.at, weights.part, -1, rows)
    fixed = ((weights.source < 0) | (ops.table[weights.source, c.KIND] == c.VIEW)).all(axis=1)
    rows[:number][~fixed, 0] = -2 - np.flatnonzero(~fixed)
    _, first, which = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    return np.asarray(first[which.reshape(-1)])


def _stretches(tile: Ints, window: Ints) -> tuple[Ints, Ints]:
    """Split the uses of tiles where they pause for long; return the new tile of each use, and a use of each new tile."""
    order = np.lexsort((window, tile))
    new = (np.diff(tile[order]) != 0) | (np.diff(window[order]) > _LONGEST_PAUSE)
    number = np.cumsum(np.append(True, new)[: len(order)]) - 1
    found = np.empty(len(order), dtype=np.int64)
    found[order] = number
    return found, order[np.flatnonzero(np.append(True, new)[: len(order)])]


def _versions(pieces: Pieces, slot: Ints, weights: Weights) -> Ints:
    """Return the row in the tables of weights, that of zeros where there are none."""
    source = pieces.origins[slot, SOURCE]
    known = np.flatnonzero(source >= 0)
    found = np.full(len(slot), len(weights.source), dtype=np.int64)
    found[known] = weights.row[weights.number[source[known]] + pieces.origins[slot[known], AT]]
    return found


def _described(keys: Ints, tile: Ints, pieces: Ints, lanes: int) -> Tiles:
    number = len(keys)
    table = np.zeros((number, c.TILE_COLUMNS), dtype=np.int64)
    table[:, c.LOW], table[:, c.HIGH], table[:, c.TILE_TYPE] = keys[:, :3].T
    middle, half = lanes // 2, keys[:, 3]
    table[:, c.LANE_FIRST] = np.where(half == 2, middle, 0)
    table[:, c.LANE_END] = np.where(half == 1, middle, lanes)
    table[:, c.TILE_ON] = keys[:, 4]
    vectors = np.bincount(tile, weights=pieces[:, c.NUMBER], minlength=number)
    sizes = [packed_bytes(int(dtype), lanes) for dtype in range(16)]
    size = np.where(vectors >= _WORTH_PACKING, np.array(sizes, dtype=np.int64)[keys[:, 2]], 0)
    birth, death = np.full(number, np.iinfo(np.int64).max), np.full(number, -1)
    np.minimum.at(birth, tile, pieces[:, c.WINDOW])
    np.maximum.at(death, tile, pieces[:, c.WINDOW])
    return Tiles(table=table, size=size, birth=birth, death=death)
