"""The one loop that executes a plan."""

from __future__ import annotations

import numpy as np

from lpu_emu.engine import atomics
from lpu_emu.engine import columns as c
from lpu_emu.engine._jit import inner, jit
from lpu_emu.engine.inlining import out_of_line
from lpu_emu.engine.steps import accumulate, board, lanes, memory, vectors, weights
from lpu_emu.engine.steps.state import State

# What a thread gets at a time: so many rows of products, so many bytes of results of point-wise operations.
_ROWS, _LEAST_ROWS = 12, 12
_CHUNK_BYTES = 1 << 16


@jit
def dispatch(t: State, thread: int, begin: int, end: int) -> int:
    """Execute steps ``begin`` to ``end - 1``; return ``end``, or the first step that no kernel knows.

    Threads other than 0 have no steps of their own; they help until the board says stop.
    """
    alone, nobody = np.int64(0), np.int64(-1)
    spins = np.int64(0)
    while thread and not atomics.load(t.board, board.STOP):
        spins = board.rest(spins) if _work(t, thread, nobody) == 0 else np.int64(0)
    for i in range(begin, end):
        kind = t.ops[t.steps[i, c.OP], c.KIND]
        count, chunk = t.steps[i, c.NUMBER], np.int64(0)
        if kind == c.ACCUMULATE:
            chunk = _chunk_of_rows(t, i)
        elif kind == c.BINARY or kind == c.UNARY or kind == c.CONVERT:
            chunk = _chunk_of_vectors(t, i)
        if chunk == 0:
            status = _other(t, i, kind)
        elif t.team == 1 or count < 2 * chunk:
            status = _work(t, alone, np.int64(i))
        else:
            chunk = max(chunk, (count + board.MOST_CHUNKS - 1) // board.MOST_CHUNKS)
            chunks = (count + chunk - 1) // chunk
            board.post(t, i, chunk, chunks)
            _work(t, alone, nobody)
            status = board.wait(t, chunks)
        if status:
            return i
    return end


@inner
def _other(t: State, i: int, kind: int) -> int:
    """Execute a step that is never shared."""
    out_of_line()
    if kind == c.WRITE:
        memory.write(t, i)
    elif kind == c.READ:
        memory.read(t, i)
    elif kind == c.GATHER:
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
    return 0


@inner
def _chunk_of_vectors(t: State, i: int) -> int:
    """Return how many vectors a thread takes: those of a step that depend on each other stay together."""
    if t.steps[i, c.SERIAL]:
        return int(t.steps[i, c.NUMBER])
    return int(max(_CHUNK_BYTES // (t.ops[t.steps[i, c.OP], c.SIZE] * t.grid.shape[1]), 1))


@inner
def _chunk_of_rows(t: State, i: int) -> int:
    """Return how many rows a thread takes; tiles are packed before, and rows that depend on each other stay together."""
    count, tile = t.steps[i, c.NUMBER], t.steps[i, c.TILE]
    if not t.tiles[tile, c.PACKED]:
        return int(count)
    weights.pack_tile(t, tile)
    if accumulate.is_apart(t, i):
        return int(count)
    rows = count // (4 * t.team) // _ROWS * _ROWS
    return int(max(rows, _LEAST_ROWS))


@inner
def _work(t: State, thread: int, own: int) -> int:
    """Execute step ``own`` and return its status; if it is -1, take chunks of what is posted and return how many."""
    out_of_line()
    number, i, first, one = 0, own, np.int64(0), np.int64(1)
    while True:
        count = np.int64(0)
        if own < 0:
            taken = board.take(t, thread)
            if taken < 0:
                return number
            i, size = atomics.load(t.board, board.STEP), atomics.load(t.board, board.SIZE)
            first = taken * size
            count = min(size, t.steps[i, c.NUMBER] - first)
        else:
            count = t.steps[i, c.NUMBER]
        status = np.int64(0)
        if t.ops[t.steps[i, c.OP], c.KIND] == c.ACCUMULATE:
            status = accumulate.accumulate(t, i, first, count, thread)
        else:
            stretch = one if t.steps[i, c.SERIAL] else count
            for k in range(first, first + count, stretch):
                status |= vectors.compute(t, i, np.int64(k), stretch, thread)
        if own >= 0:
            return int(status)
        board.finish(t, status)
        number += 1
