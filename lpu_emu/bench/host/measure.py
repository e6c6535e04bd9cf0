"""Wall-clock times of functions that are called in turns, while nobody else uses the processors."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

from lpu_emu.bench.host.load import Load

Work = Callable[[], object]

REST_S = 0.06
"""Idle threads of OpenBLAS spin for some 30 ms after a product; whoever comes next should not share a core with them."""

QUIET_SHARE = 0.12
"""A turn during whose calls others use more of one processor than this is taken again. Systems count in 10 ms."""

BLOCK_S = 0.12
"""Short functions are called again and again in a turn for at least so long, at most ``_MOST_CALLS`` times."""

_MOST_CALLS = 12

_LOOK_S = 0.15
_ENOUGH = 2
_TRIES = 2  # times the number of turns that are wanted


@dataclass(frozen=True, kw_only=True)
class Turns:
    """Seconds of every call by name, and what others used meanwhile, in processors (None where nobody says)."""

    seconds: Mapping[str, list[float]]
    others: float | None

    def best(self, name: str) -> float:
        """Return the fastest call."""
        return min(self.seconds[name])

    def middle(self, name: str) -> float:
        """Return the median call."""
        return float(median(self.seconds[name]))


def in_turns(works: Mapping[str, Work], *, turns: int, calls: int = 3, patience_s: float = 0.0) -> Turns:
    """Call some functions in turns: each gets a rest before it, then at least ``calls`` calls in a row.

    One call before all turns is not counted. A turn waits for others to be quiet, ``patience_s`` seconds over all turns.
    Turns that they disturb all the same are taken again, up to twice as many in all. Quiet turns count if there
    are at least two, or else the least disturbed ones.
    """
    for work in works.values():
        work()
    taken: list[tuple[float, dict[str, list[float]]]] = []
    known = True
    for _ in range(_TRIES * turns):
        patience_s -= wait_for_quiet(patience_s)
        load = Load()
        taken_now = {name: _calls(work, calls, load) for name, work in works.items()}
        others = load.others()
        known = others is not None
        taken.append((others or 0.0, taken_now))
        if sum(1 for share, _ in taken if share <= QUIET_SHARE) >= turns:
            break
    quiet = [turn for turn in taken if turn[0] <= QUIET_SHARE]
    if len(quiet) < min(turns, _ENOUGH):
        quiet = sorted(taken, key=lambda turn: turn[0])[:turns]
    seconds = {name: [s for _, turn in quiet for s in turn[name]] for name in works}
    return Turns(seconds=seconds, others=max(share for share, _ in quiet) if known else None)


def wait_for_quiet(patience_s: float) -> float:
    """Wait until others are quiet, at most so many seconds; return the seconds it took."""
    begin = time.perf_counter()
    while time.perf_counter() - begin < patience_s:
        load = Load()
        with load.stretch():
            time.sleep(_LOOK_S)
        if (load.others() or 0.0) <= QUIET_SHARE:
            break
    return time.perf_counter() - begin


def _calls(work: Work, calls: int, load: Load) -> list[float]:
    time.sleep(REST_S)
    taken: list[float] = []
    with load.stretch():
        while len(taken) < calls or (sum(taken) < BLOCK_S and len(taken) < _MOST_CALLS):
            taken.append(once(work))
    return taken


def once(work: Work) -> float:
    """Return the seconds of one call."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def best(work: Work, *, calls: int) -> float:
    """Return the seconds of the fastest of some calls."""
    return min(once(work) for _ in range(calls))


def line(sizes: list[int], seconds: list[float]) -> tuple[float, float, float]:
    """Fit seconds to a straight line by least squares of relative errors.

    Returns:
        Seconds per unit of size, seconds at size 0, and the largest relative distance of a measurement from the line.
    """
    points = [(1 / s**2, float(size), s) for size, s in zip(sizes, seconds, strict=True)]
    total = sum(w for w, _, _ in points)
    x = sum(w * size for w, size, _ in points) / total
    y = sum(w * s for w, _, s in points) / total
    spread = sum(w * (size - x) ** 2 for w, size, _ in points)
    slope = sum(w * (size - x) * (s - y) for w, size, s in points) / spread
    base = y - slope * x
    return slope, base, max(abs((base + slope * size) / s - 1) for _, size, s in points)
