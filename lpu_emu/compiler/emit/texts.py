"""From scheduled runs to queue texts: sorted by time, gaps as ``nop``, regular series folded into repeats."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lpu_emu.compiler.geometry import Geometry
from lpu_emu.compiler.schedule.board import Run
from lpu_emu.errors import CompileError
from lpu_emu.program.text import Issue, QueueText, issue, pack_text
from lpu_emu.spec.machine import Machine
from lpu_emu.timing import Loop, body_spans


@dataclass(frozen=True, kw_only=True, eq=False)
class _Piece:
    """A run with the outer loops that were found for it."""

    run: Run
    loops: tuple[Loop, ...]

    @property
    def end(self) -> int:
        return self.run.time + body_spans(self.loops)[-1] + 1


def start_cycle(machine: Machine) -> int:
    """Return the cycle in which all queues are past the start barrier.

    The notifying queue is free two cycles after the notify at the earliest.
    """
    return max(int(machine.chip["icu.barrier_cycles"]), 2)


def queue_texts(geometry: Geometry, runs: Iterable[Run]) -> dict[str, QueueText]:
    """Return the texts of all used queues in the machine's order, with the start barrier."""
    by_queue: dict[str, list[Run]] = {}
    for run in runs:
        by_queue.setdefault(run.queue, []).append(run)
    texts: dict[str, QueueText] = {}
    for queue in geometry.machine.queues:
        if queue.name in by_queue:
            sorted_runs = sorted(by_queue[queue.name], key=lambda run: run.time)
            writer = _Writer(geometry, notifies=not texts)
            texts[queue.name] = writer.text(_folded(geometry, sorted_runs))
    return texts


class _Writer:
    """Writes one queue."""

    def __init__(self, geometry: Geometry, *, notifies: bool) -> None:
        self._geometry = geometry
        self._isa = geometry.isa
        self._issues: list[Issue] = []
        barrier = int(geometry.chip["icu.barrier_cycles"])
        self._start = start_cycle(geometry.machine)
        if notifies:
            self._issues.append(issue(self._isa, "notify"))
        self._issues.append(issue(self._isa, "sync"))
        self._cycle = max(barrier, 2 if notifies else 1)

    def text(self, pieces: Iterable[_Piece]) -> QueueText:
        for piece in pieces:
            self._wait_until(self._start + piece.run.time)
            run = piece.run
            self._issues.append(
                issue(self._isa, run.mnemonic, line=run.line, origin=run.origin, **run.operands)
            )
            for loop in piece.loops:
                repeat = issue(
                    self._isa,
                    "repeat",
                    line=run.line,
                    origin=run.origin,
                    count=loop.count,
                    interval=loop.interval,
                    stride=loop.stride,
                )
                self._issues.append(repeat)
            self._cycle = self._start + piece.end
        return pack_text(self._isa, self._issues)

    def _wait_until(self, cycle: int) -> None:
        gap = cycle - self._cycle
        if gap < 0:
            raise CompileError(f"internal error: two instructions of a queue overlap in cycle {cycle}")
        longest = self._isa.kinds["count16"].maximum
        while gap:
            count = min(gap, longest)
            self._issues.append(issue(self._isa, "nop", count=count))
            gap -= count


def _folded(geometry: Geometry, runs: Sequence[Run]) -> list[_Piece]:
    """Fold series of like runs, evenly spaced in time and address, into one run with an outer loop."""
    pieces: list[_Piece] = []
    index = 0
    while index < len(runs):
        count, loop = _series(geometry, runs, index)
        loops = runs[index].loops if loop is None else (*runs[index].loops, loop)
        pieces.append(_Piece(run=runs[index], loops=loops))
        index += count
    return pieces


def _series(geometry: Geometry, runs: Sequence[Run], first: int) -> tuple[int, Loop | None]:
    """Return how many runs from ``first`` on form an even series, and the loop that makes them from the first."""
    head = runs[first]
    if len(head.loops) >= geometry.isa.repeat_dimensions or first + 1 == len(runs):
        return 1, None
    step = _step(geometry, head, runs[first + 1])
    if step is None:
        return 1, None
    count = 2
    while first + count < len(runs) and _step(geometry, runs[first + count - 1], runs[first + count]) == step:
        count += 1
    interval, stride = step
    limits = geometry.isa.kinds
    fits = interval <= limits["count16"].maximum and count - 1 <= limits["count16"].maximum
    if not fits or not limits["stride"].minimum <= stride <= limits["stride"].maximum:
        return 1, None
    return count, Loop(count=count - 1, interval=interval, stride=stride)


def _step(geometry: Geometry, run: Run, following: Run) -> tuple[int, int] | None:
    """Return interval and stride between two like runs, None if they differ in more."""
    if any(getattr(run, key) != getattr(following, key) for key in ("mnemonic", "loops", "origin", "line")):
        return None
    strided = geometry.strided(run.mnemonic)
    strides = {following.operands[name] - run.operands[name] for name in strided}
    fixed, others = ({n: v for n, v in r.operands.items() if n not in strided} for r in (run, following))
    if len(strides) > 1 or fixed != others:
        return None
    return following.time - run.time, strides.pop() if strides else 0
