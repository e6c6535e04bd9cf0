"""From what the planes alone would need to what the schedule takes: every cycle in exactly one step.

A cycle belongs to the first of these that holds: an issue occupies a plane; weights are being loaded or installed;
accumulators take or send products; the VXM, the SXM, C2C, MEM dispatches; nothing does. The cycles with a working
plane fall apart further: into those that the useful products would take on all planes, those that padding would, and
the rest, in which some planes had nothing to do.
"""

from __future__ import annotations

import numpy as np

from lpu_emu.analysis import Analysis
from lpu_emu.analysis.lattice import Ints, Progressions, covered, ramp
from lpu_emu.analysis.tables import Role
from lpu_emu.report.figures import LossFigures, RooflineFigures
from lpu_emu.spec.machine import Machine, Queue

_REASONS = ("weights", "accumulate", "vxm", "sxm", "c2c", "mem")


def loss_figures(machine: Machine, analysis: Analysis, roofline: RooflineFigures) -> LossFigures:
    """Return the cycles of each step; they add up to the cycles of the program."""
    planes = _occupied(analysis)
    peak = roofline.peak_macs_per_cycle
    reached = [planes, *(_of_queues(machine, analysis, name) for name in _REASONS)]
    unions = [_union(reached[: i + 1]) for i in range(len(reached))]
    fresh = {name: b - a for name, a, b in zip(_REASONS, unions, unions[1:], strict=False)}
    drain = machine.chip.superlanes if analysis.cycles else 0
    useful, issued = roofline.macs / peak, max(roofline.issued_macs, roofline.macs) / peak
    useful, issued = min(useful, unions[0]), min(issued, unions[0])
    return LossFigures(
        ideal=useful,
        padding=issued - useful,
        planes_idle=unions[0] - issued,
        **fresh,
        waiting=analysis.cycles - drain - unions[-1],
        superlanes=drain,
    )


def _occupied(analysis: Analysis) -> Progressions:
    """Return the cycles in which issues occupy planes."""
    events = analysis.flows.planes
    rows = np.flatnonzero(events.rows(Role.ACTIVATE))
    row, later = ramp(events.busy[rows])
    row = rows[row]
    return _cycles(events.start[row] + later, events.interval[row], events.count[row])


def _of_queues(machine: Machine, analysis: Analysis, name: str) -> Progressions:
    """Return the dispatches of a unit; ``weights`` and ``accumulate`` are queues of the MXM."""
    runs = analysis.runs
    chosen = np.array([_is_of(queue, name) for queue in machine.queues])
    rows = np.flatnonzero(chosen[runs.queue])
    return _cycles(runs.start[rows], runs.interval[rows], runs.count[rows])


def _is_of(queue: Queue, name: str) -> bool:
    if queue.unit == "mxm":
        return name == ("weights" if queue.kind == "weights" else "accumulate")
    return queue.unit == name


def _cycles(start: Ints, interval: Ints, count: Ints) -> Progressions:
    return Progressions(key=np.zeros_like(start), start=start, step=np.maximum(interval, 1), count=count)


def _union(parts: list[Progressions]) -> int:
    """Return in how many cycles any of the progressions has a point."""
    columns = {name: np.concatenate([vars(part)[name] for part in parts]) for name in vars(parts[0])}
    return int(covered(Progressions(**columns))[1].sum())
