"""The one loop that executes a plan."""

from __future__ import annotations

import numpy as np

from lpu_emu.engine import atomics
from lpu_emu.engine import columns as c
from lpu_emu.engine._jit import inner, jit, spliced
from lpu_emu.engine.inlining import out_of_line
from lpu_emu.engine.products import panels_of
from lpu_emu.engine.steps import accumulate, board, lanes, memory, vectors, weights
from lpu_emu.engine.steps.state import State

# What a thread gets at a time: so many rows of products, so many bytes of results of other operations.
_ROWS = 12
_CHUNKS = 24
_CHUNK_BYTES = 1 << 16


@inner
def _other(t: State, i: int, kind: int) -> None:
    """Execute a step that is never shared."""
    out_of_line()
    if kind == c.GATHER:
        memory.gather(t, i)
    elif kind == c.SCATTER:
        memory.scatter(t, i)
    elif kind == c.LOAD:
        weights.load(t, i)
    elif kind == c.MERGE:
        vectors.merge(t, i)
    elif kind == c.STORE_ROWS:
        weights.store_rows(t, i)
    elif kind == c.SWAP:
        weights.swap(t, i)
    elif kind == c.REPLACE:
        weights.replace(t, i)
    else:
        lanes.move_lanes(t, i)


@inner
def _chunk_of_vectors(t: State, i: int, kind: int) -> int:
    """Return how many vectors a thread takes; those of a step that depend on each other stay together."""
    op = t.steps[i, c.OP]
    if t.steps[i, c.SERIAL] or (kind == c.WRITE and abs(t.ops[op, c.STRIDE]) < t.grid.shape[1]):
        return int(t.steps[i, c.NUMBER])
    return int(max(_CHUNK_BYTES // (t.ops[op, c.SIZE] * t.grid.shape[1]), 1))


@inner
def _chunk_of_rows(t: State, i: int) -> int:
    """Return how many rows a thread takes; rows that depend on each other stay together."""
    count = t.steps[i, c.NUMBER]
    if not t.tiles[t.steps[i, c.TILE], c.PACKED] or accumulate.is_apart(t, i):
        return int(count)
    return int(max(count // (_CHUNKS * _ROWS) * _ROWS, _ROWS))


@inner
def _do(t: State, job: int, first: int, count: int, thread: int) -> int:
    """Do ``count`` elements or panels of a job, from ``first`` on."""
    out_of_line()
    if job < 0:
        return weights.pack_panels(t, -1 - job, first, count)
    kind = t.ops[t.steps[job, c.OP], c.KIND]
    if kind == c.ACCUMULATE:
        return accumulate.accumulate(t, job, first, count, thread)
    if kind == c.WRITE:
        memory.write(t, job, first, count)
        return 0
    if kind == c.READ:
        memory.read(t, job, first, count)
        return 0
    status, one = 0, np.int64(1)
    stretch = one if t.steps[job, c.SERIAL] else count
    for k in range(first, first + count, stretch):
        status |= vectors.compute(t, job, np.int64(k), stretch, thread)
    return status


@spliced
def _help(t: State, thread: int) -> int:
    """Take chunks of what is posted until there are none; return how many."""
    number = 0
    while True:
        taken = board.take(t, thread)
        if taken < 0:
            return number
        size = atomics.load(t.board, board.SIZE)
        first = taken * size
        count = min(size, atomics.load(t.board, board.COUNT) - first)
        board.finish(t, _do(t, atomics.load(t.board, board.STEP), first, count, thread))
        number += 1


@spliced
def _share(t: State, job: int, count: int, chunk: int) -> int:
    """Do a job: step ``job``, or, if that is negative, the packing of tile ``-1 - job``; alone if it is small."""
    if t.team == 1 or count < 2 * chunk:
        return _do(t, job, np.int64(0), count, np.int64(0))
    chunk = max(chunk, (count + board.MOST_CHUNKS - 1) // board.MOST_CHUNKS)
    chunks = (count + chunk - 1) // chunk
    board.post(t, job, count, chunk, chunks)
    _help(t, np.int64(0))
    return board.wait(t, chunks)


@spliced
def _pack(t: State, i: int) -> int:
    """Pack the tile of a step, if it is to be packed and has not been."""
    tile = t.steps[i, c.TILE]
    if not t.tiles[tile, c.PACKED] or t.tiles[tile, c.READY]:
        return 0
    t.tiles[tile, c.READY] = 1
    panels = panels_of(t.tiles[tile, c.TILE_TYPE], t.grid.shape[1])
    return _share(t, -1 - tile, panels, max(panels // (4 * t.team), 1))


@jit
def dispatch(t: State, thread: int, begin: int, end: int) -> int:
    """Execute steps ``begin`` to ``end - 1``; return ``end``, or the first step that no kernel knows.

    Threads other than 0 have no steps of their own; they help until the board says stop.
    """
    spins = np.int64(0)
    while thread and not atomics.load(t.board, board.STOP):
        spins = board.rest(spins) if _help(t, thread) == 0 else np.int64(0)
    for i in range(begin, end):
        kind = t.ops[t.steps[i, c.OP], c.KIND]
        count, status = t.steps[i, c.NUMBER], 0
        if kind == c.ACCUMULATE:
            status = _pack(t, i) | _share(t, i, count, _chunk_of_rows(t, i))
        elif kind <= c.WRITE or (kind >= c.BINARY and kind <= c.CONVERT):
            status = _share(t, i, count, _chunk_of_vectors(t, i, kind))
        else:
            _other(t, i, kind)
        if status:
            return i
    return end
