"""Recording of dispatches and hazards."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lpu_emu.program.hazard import WARNINGS, Hazard, Site, group
from lpu_emu.spec.machine import stream_name

Driven = NDArray[np.bool_]


class Sample(NamedTuple):
    """One stream that a dispatch samples: operand number, stream 0..63, position, cycle."""

    operand: int
    stream: int
    x: int
    cycle: int


class Operands:
    """What the stream operands of one dispatch have met so far."""

    def __init__(self) -> None:
        self.first: Sample | None = None
        self.missing: Sample | None = None
        self.any_driven = False

    def add(self, sample: Sample, driven: Driven) -> None:
        """Record streams from ``sample`` on; the first in operand order count, whenever they are sampled."""
        if self.first is None or sample.operand < self.first.operand:
            self.first = sample
        if driven.any():
            self.any_driven = True
        if not driven.all() and (self.missing is None or sample.operand < self.missing.operand):
            self.missing = sample._replace(stream=sample.stream + int(driven.argmin()))


class Audit:
    """All dispatches in order, and the hazards found among them.

    A dispatch is known by its number. Numbers follow cycle, then queue, then index: of two dispatches the
    lower number is the one that a hazard names first.
    """

    def __init__(self) -> None:
        self._sites: list[tuple[str, int, int, int]] = []
        self._found: list[Hazard] = []
        self._incomplete: dict[int, Operands] = {}

    def dispatched(self, queue: str, index: int, line: int, cycle: int) -> int:
        """Record a dispatch and return its number."""
        self._sites.append((queue, index, line, cycle))
        return len(self._sites) - 1

    def site(self, number: int) -> Site:
        """Return a dispatch as a hazard names it."""
        queue, index, line, cycle = self._sites[number]
        return Site(queue=queue, index=index, line=line, cycle=cycle)

    def report(self, kind: str, resource: str, cycle: int, *dispatches: int, count: int = 1) -> None:
        """Record a hazard between up to two dispatches, given in any order."""
        first, second, *_ = [*(self.site(number) for number in sorted(dispatches)), None, None]
        self._found.append(
            Hazard(kind=kind, resource=resource, cycle=cycle, first=first, second=second, count=count)
        )

    def incomplete(self, dispatch: int, operands: Operands) -> None:
        """Remember a dispatch that misses an operand; it is judged when it has sampled everything."""
        self._incomplete[dispatch] = operands

    @property
    def failed(self) -> bool:
        """Whether a hazard that is not a warning was met, so that values mean nothing any more."""
        return bool(self._incomplete) or any(h.kind not in WARNINGS for h in self._found)

    def hazards(self) -> tuple[Hazard, ...]:
        """Return everything found, merged and sorted. Call it once, at the end of a run."""
        for dispatch, operands in self._incomplete.items():
            kind, sample = "unmet", operands.missing
            if not operands.any_driven:
                kind, sample = "undriven", operands.first
            if sample is not None:
                self.report(kind, stream_resource(sample.stream, sample.x), sample.cycle, dispatch)
        return group(self._found)


def stream_resource(stream: int, x: int) -> str:
    """Return the name of a stream register in hazards."""
    return f"stream {stream_name(stream)} at x={x}"
