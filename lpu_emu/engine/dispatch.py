"""The one loop that executes a plan."""

from __future__ import annotations

from lpu_emu.engine import columns as c
from lpu_emu.engine._jit import jit
from lpu_emu.engine.steps import accumulate, lanes, memory, vectors, weights
from lpu_emu.engine.steps.state import State


@jit
def dispatch(t: State, begin: int, end: int) -> int:
    """Execute steps ``begin`` to ``end - 1``; return ``end``, or the first step that no kernel knows."""
    for i in range(begin, end):
        kind, status = t.ops[t.steps[i, c.OP], c.KIND], 0
        if kind == c.BINARY or kind == c.UNARY or kind == c.CONVERT:
            status = vectors.compute(t, i)
        elif kind == c.WRITE:
            memory.write(t, i)
        elif kind == c.READ:
            memory.read(t, i)
        elif kind == c.ACCUMULATE:
            status = accumulate.accumulate(t, i)
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
        if status:
            return i
    return end
