"""Quantities over time: live bytes in SRAM, vectors on streams, multiply-accumulates, SRAM traffic."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from lpu_emu.analysis import Analysis
from lpu_emu.analysis.lattice import Ints, ramp
from lpu_emu.analysis.planes import active_lanes
from lpu_emu.analysis.tables import Role, tables_of
from lpu_emu.program.model import Program
from lpu_emu.report.picture.blocks import blocks_of, live_words
from lpu_emu.report.picture.vectors import vectors_of
from lpu_emu.report.trace.model import Counter

MOST_SAMPLES = 1 << 16
_AT_ONCE = 1 << 20

Floats = NDArray[np.float64]


def counters_of(program: Program, analysis: Analysis) -> tuple[Counter, ...]:
    """Return the counters of a trace; of long programs, averages or samples over equal spans of cycles."""
    words, cycles = live_words(blocks_of(program, analysis), analysis.cycles)
    if not len(cycles):
        words = cycles = np.zeros(1, dtype=np.int64)
    lanes = program.machine.chip.lanes
    return (
        Counter(name="SRAM live", unit="bytes", cycles=cycles, values=words * lanes),
        _vectors(program, analysis),
        _macs(program, analysis),
        _traffic(analysis, lanes),
    )


def _span(analysis: Analysis) -> int:
    """Return the cycles between two samples."""
    return max(1, -(-analysis.cycles // MOST_SAMPLES))


def _counter(name: str, unit: str, span: int, values: Ints) -> Counter:
    """Make a counter from one value per span; equal neighbours are left out."""
    fresh = np.flatnonzero(np.append(True, np.diff(values) != 0)[: len(values)])
    return Counter(name=name, unit=unit, cycles=fresh * span, values=values[fresh])


def _vectors(program: Program, analysis: Analysis) -> Counter:
    """Count, at the first cycle of each span, the vectors that are on their way to a sample."""
    span = _span(analysis)
    vectors, _ = vectors_of(program.machine, analysis)
    bins = analysis.cycles // span + 2
    slot, width = vectors["slot"], vectors["width"].astype(np.float64)
    enter = _per_span(
        (slot + vectors["origin"], vectors["spacing"], vectors["count"]), width, span, bins, up=True
    )
    leave = _per_span(
        (slot + vectors["target"] + 1, vectors["spacing"], vectors["count"]), width, span, bins, up=True
    )
    values = np.cumsum(np.rint(enter - leave).astype(np.int64))
    return _counter("vectors on streams", "streams x positions", span, values[:-1])


def _macs(program: Program, analysis: Analysis) -> Counter:
    machine, runs, events = program.machine, analysis.runs, analysis.flows.planes
    span, bins = _span(analysis), analysis.cycles // _span(analysis) + 1
    lanes = active_lanes(runs, machine, tables_of(machine))
    _, lead = np.unique(events.run, return_index=True)
    rows = lead[events.role[lead] == Role.ACTIVATE]
    row, later = ramp(events.busy[rows])
    busy, rows = events.busy[rows][row], rows[row]
    macs = lanes[events.run[rows]] * machine.chip.lanes / busy
    found = _per_span(
        (events.start[rows] + later, events.interval[rows], events.count[rows]), macs, span, bins
    )
    return _counter("MACs", "per cycle", span, np.rint(found / span).astype(np.int64))


def _traffic(analysis: Analysis, lanes: int) -> Counter:
    span, bins = _span(analysis), analysis.cycles // _span(analysis) + 1
    a, r = analysis.flows.words.accesses, analysis.flows.words.regions
    columns = tuple(
        np.concatenate(pair) for pair in ((a.time, r.time), (a.interval, r.interval), (a.count, r.count))
    )
    found = _per_span(
        (columns[0], columns[1], columns[2]), np.full(len(columns[0]), float(lanes)), span, bins
    )
    return _counter("SRAM traffic", "bytes per cycle", span, np.rint(found / span).astype(np.int64))


def _per_span(
    points: tuple[Ints, Ints, Ints], weight: Floats, span: int, bins: int, *, up: bool = False
) -> Floats:
    """Sum the weights of all points of progressions (start, step, count) by the span in which they lie.

    With ``up`` a point counts for the first span that begins at or after it.
    """
    start, step, count = points
    total = np.zeros(bins)
    ends = np.cumsum(count)
    cuts = np.searchsorted(ends, np.arange(0, int(ends[-1]) if len(ends) else 0, _AT_ONCE), side="right")
    borders = np.unique(np.append(cuts, len(count)))
    for low, high in pairwise(borders.tolist()):
        row, j = ramp(count[low:high])
        cycle = start[low:high][row] + j * step[low:high][row]
        place = np.clip(-(-cycle // span) if up else cycle // span, 0, bins - 1)
        total += np.bincount(place, weights=weight[low:high][row], minlength=bins)
    return total
