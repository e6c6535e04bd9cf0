"""Where the time of a run goes: every stretch of steps of one kind is timed, on one thread."""

from __future__ import annotations

import time
from collections import defaultdict
from itertools import pairwise

import numpy as np

from lpu_emu.bench.host.measure import best
from lpu_emu.engine import columns as c
from lpu_emu.engine.dispatch import dispatch
from lpu_emu.engine.planning.plan import Plan
from lpu_emu.engine.session import Session
from lpu_emu.program.model import Program
from lpu_emu.program.tensors import write_image

KINDS = {
    "products and their sums": (c.ACCUMULATE,),
    "ALUs": (c.BINARY, c.UNARY, c.CONVERT),
    "reads and writes": (c.READ, c.WRITE),
    "gather and scatter": (c.GATHER, c.SCATTER),
    "lane moves": (c.SHIFT, c.PERMUTE, c.DISTRIBUTE, c.ROTATE, c.TRANSPOSE),
}
OTHER = "weights and masks"
_WORST_SHARE = 0.5


def step_seconds(program: Program, plan: Plan, *, rounds: int) -> dict[str, float]:
    """Return the seconds of steps by kind, the best of some runs.

    The cost of asking is measured and taken off. Nothing is returned where it would be more than half of what is
    seen: many short stretches cannot be timed one by one.
    """
    session = Session(program, plan, 1)
    session.run()
    state, stretches = session._state, _stretches(plan)
    nothing = best(lambda: dispatch(state, 0, 0, 0), calls=50)
    seen: dict[str, list[float]] = defaultdict(list)
    for _ in range(rounds):
        write_image(session._reset(), {}, session._memory)
        for name, seconds in _one_run(session, stretches).items():
            seen[name].append(seconds)
    if nothing * len(stretches) > _WORST_SHARE * sum(min(times) for times in seen.values()):
        return {}
    asked = {name: nothing * sum(1 for _, _, kind in stretches if kind == name) for name in seen}
    return {name: max(0.0, min(times) - asked[name]) for name, times in seen.items()}


def _one_run(session: Session, stretches: list[tuple[int, int, str]]) -> dict[str, float]:
    taken: dict[str, float] = defaultdict(float)
    for begin, end, name in stretches:
        start = time.perf_counter()
        dispatch(session._state, 0, begin, end)
        taken[name] += time.perf_counter() - start
    return taken


def _stretches(plan: Plan) -> list[tuple[int, int, str]]:
    """Return stretches of steps whose kinds have the same name: first, end, name."""
    names = {kind: name for name, kinds in KINDS.items() for kind in kinds}
    found = [names.get(int(kind), OTHER) for kind in plan.ops[plan.steps[:, c.OP], c.KIND]]
    labels = np.unique(found, return_inverse=True)[1] if found else np.zeros(0, dtype=np.int64)
    borders = [0, *(np.flatnonzero(np.diff(labels)) + 1).tolist(), len(found)]
    return [(a, b, found[a]) for a, b in pairwise(borders) if a < b]
