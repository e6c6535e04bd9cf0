"""The one loop that executes a plan."""

from __future__ import annotations

from lpu_emu.engine import atomics
from lpu_emu.engine import columns as c
from lpu_emu.engine._jit import inner, jit
from lpu_emu.engine.steps import accumulate, board, lanes, memory, vectors, weights
from lpu_emu.engine.steps.state import State

# What a thread gets at a time: so many rows of products, so many bytes of results of point-wise operations.
_ROWS, _LEAST_ROWS = 12, 24
_CHUNK_BYTES = 1 << 16


@jit
def dispatch(t: State, thread: int, begin: int, end: int) -> int:
    """Execute steps ``begin`` to ``end - 1``; return ``end``, or the first step that no kernel knows.

    Threads other than 0 have no steps of their own; they help until the board says stop.
    """
    if thread:
        return _help(t, thread)
    for i in range(begin, end):
        kind = t.ops[t.steps[i, c.OP], c.KIND]
        if kind == c.BINARY or kind == c.UNARY or kind == c.CONVERT:
            status = vectors.compute_serially(t, i) if t.steps[i, c.SERIAL] else _whole(t, i, _chunk_of_vectors(t, i))
        elif kind == c.ACCUMULATE:
            status = _whole(t, i, _chunk_of_rows(t, i))
        else:
            status = _other(t, i, kind)
        if status:
            return i
    return end


@inner
def _other(t: State, i: int, kind: int) -> int:
    """Execute a step that is never shared."""
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
    return int(max(_CHUNK_BYTES // (t.ops[t.steps[i, c.OP], c.SIZE] * t.grid.shape[1]), 1))


@inner
def _chunk_of_rows(t: State, i: int) -> int:
    """Return how many rows a thread takes; tiles are packed before, and rows that are not independent stay together."""
    count, tile = t.steps[i, c.NUMBER], t.steps[i, c.TILE]
    if not t.tiles[tile, c.PACKED]:
        return int(count)
    weights.pack_tile(t, tile)
    if accumulate.is_apart(t, i):
        return int(count)
    rows = count // (2 * t.team) // _ROWS * _ROWS
    return int(max(rows, _LEAST_ROWS))


@inner
def _whole(t: State, i: int, chunk: int) -> int:
    """Execute a step, together with the other threads if it has several chunks."""
    count = t.steps[i, c.NUMBER]
    if t.team == 1 or count < 2 * chunk:
        return _some(t, i, 0, count, 0)
    chunks = (count + chunk - 1) // chunk
    board.post(t, i, chunk, chunks)
    taken = board.take(t)
    while taken >= 0:
        _chunk(t, i, chunk, taken, 0)
        taken = board.take(t)
    return board.wait(t, chunks)


@inner
def _chunk(t: State, i: int, size: int, number: int, thread: int) -> None:
    first = number * size
    board.finish(t, _some(t, i, first, min(size, t.steps[i, c.NUMBER] - first), thread))


@inner
def _some(t: State, i: int, skip: int, count: int, thread: int) -> int:
    """Execute some elements of a step."""
    if t.ops[t.steps[i, c.OP], c.KIND] == c.ACCUMULATE:
        return accumulate.accumulate(t, i, skip, count, thread)
    return vectors.compute(t, i, skip, count, thread)


@inner
def _help(t: State, thread: int) -> int:
    """Take chunks of whatever is posted until the board says stop."""
    spins = 0
    while not atomics.load(t.board, board.STOP):
        taken = board.take(t)
        if taken < 0:
            spins = board.rest(spins)
            continue
        spins = 0
        _chunk(t, atomics.load(t.board, board.STEP), atomics.load(t.board, board.SIZE), taken, thread)
    return 0
