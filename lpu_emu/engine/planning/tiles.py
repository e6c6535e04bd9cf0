"""Tiles: the weights that accumulations multiply with, and which of them are worth packing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lpu_emu.analysis.lattice import Ints
from lpu_emu.engine import columns as c
from lpu_emu.engine.planning.ops import Ops
from lpu_emu.engine.planning.pieces import AT, SOURCE, Pieces
from lpu_emu.engine.planning.weights import Weights
from lpu_emu.engine.products import packed_bytes

# Packing costs about as much as this many vectors through the rows as they lie.
_WORTH_PACKING = 5


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
    low, high = (_versions(pieces, slot + c.WEIGHT_SLOT + i, weights) for i in (0, 1))
    keys = np.stack((low, high, dtype, half, ops.table[issue, c.ON]), axis=1)
    distinct, tile = np.unique(keys, axis=0, return_inverse=True)
    table[rows, c.TILE] = tile.reshape(-1)
    return _described(distinct, tile.reshape(-1), table[rows], lanes)


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


