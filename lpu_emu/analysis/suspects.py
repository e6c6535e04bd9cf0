"""Suspects: for an operand that was not there, the dispatch whose value misses it by the fewest cycles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lpu_emu.analysis.core import Analysis
from lpu_emu.analysis.lattice import Ints
from lpu_emu.analysis.occurrences import stream_resource
from lpu_emu.program.hazard import Hazard, Site

_MISSING = ("undriven", "unmet")


@dataclass(frozen=True, kw_only=True)
class Suspect:
    """A dispatch whose value passes the consumer ``late_cycles`` after the operand is sampled (before, if negative)."""

    site: Site
    late_cycles: int

    def __str__(self) -> str:
        """Return how far it misses, in words."""
        cycles = abs(self.late_cycles)
        return (
            f"{cycles:,} cycle{'s' if cycles != 1 else ''} too {'late' if self.late_cycles > 0 else 'early'}"
        )


def suspect_of(hazard: Hazard, analysis: Analysis) -> Suspect | None:
    """Return the nearest drive of the missing stream upstream of the consumer; None if nothing drives it there.

    Of equally near drives the first in the order of queues is taken. Only ``undriven`` and ``unmet`` have one.
    """
    if hazard.kind not in _MISSING or hazard.first is None:
        return None
    taps, runs, machine = analysis.flows.streams.taps, analysis.runs, analysis.program.machine
    tap, slot = _sample(hazard, analysis)
    rows = np.flatnonzero(taps.drives & (taps.stream == taps.stream[tap]) & (taps.along <= taps.along[tap]))
    if not len(rows):
        return None
    run = taps.run[rows]
    element = np.clip(np.rint((slot - taps.slot[rows]) / runs.interval[run]), 0, runs.count[run] - 1)
    late = taps.slot[rows] + element.astype(np.int64) * runs.interval[run] - slot
    best = int(np.argmin(np.abs(late)))
    row = int(run[best])
    return Suspect(
        site=Site(
            queue=machine.queues[int(runs.queue[row])].name,
            index=int(runs.index[row]),
            line=int(runs.line[row]),
            cycle=int(runs.cycle(run[best], element[best].astype(np.int64))),
        ),
        late_cycles=int(late[best]),
    )


def _sample(hazard: Hazard, analysis: Analysis) -> tuple[int, int]:
    """Return the tap that found nothing, and the slot it sampled."""
    assert hazard.first is not None
    taps, runs, machine = analysis.flows.streams.taps, analysis.runs, analysis.program.machine
    queue = machine.queue_by_name[hazard.first.queue].index
    own = (runs.queue == queue) & (runs.index == hazard.first.index)
    for tap in np.flatnonzero(~taps.drives & own[taps.run]).tolist():
        named = stream_resource(int(taps.stream[tap]), int(taps.along[tap])) == hazard.resource
        element, rest = _element(analysis, int(taps.run[tap]), hazard.first.cycle)
        if named and rest == 0 and 0 <= element < runs.count[taps.run[tap]]:
            return tap, int(taps.slot[tap] + element * runs.interval[taps.run[tap]])
    raise AssertionError(f"no sample of {hazard.resource} in {hazard.first}")


def _element(analysis: Analysis, run: int, cycle: int) -> tuple[int, int]:
    start: Ints = analysis.runs.start
    return divmod(cycle - int(start[run]), int(analysis.runs.interval[run]))
