"""The threads that share large steps."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

from lpu_emu.engine._jit import PLAIN
from lpu_emu.engine.atomics import SLEEPS
from lpu_emu.engine.dispatch import dispatch
from lpu_emu.engine.steps.board import STOP
from lpu_emu.engine.steps.state import State


def team_size(threads: int | None) -> int:
    """Return how many threads may work: what is asked for, by default one for each processor."""
    if PLAIN or not SLEEPS:
        return 1
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(available, 16) if threads is None else min(threads, 64))


@contextmanager
def helpers(state: State) -> Iterator[None]:
    """Let threads 1, 2, ... of a state's team help with what thread 0 posts."""
    team = [
        Thread(target=dispatch, args=(state, number, 0, 0), daemon=True) for number in range(1, state.team)
    ]
    for thread in team:
        thread.start()
    try:
        yield
    finally:
        state.board[STOP] = 1
        for thread in team:
            thread.join()
