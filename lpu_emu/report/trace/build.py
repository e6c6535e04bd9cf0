"""From an analysis to a trace: a track for every queue, plane and operator, flows, counters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lpu_emu.analysis import Analysis
from lpu_emu.analysis.lattice import Bools, Ints, ramp
from lpu_emu.program.model import Program
from lpu_emu.report.picture.dispatches import issues_of
from lpu_emu.report.picture.vectors import vectors_of
from lpu_emu.report.trace.counters import counters_of
from lpu_emu.report.trace.model import Flow, Slice, Trace, Track
from lpu_emu.report.trace.wording import name_of, operands_of

OPERATORS, PLANES = "operators", "mxm planes"
UNITS = ("mxm", "vxm", "mem", "sxm", "c2c")


def trace_of(program: Program, analysis: Analysis) -> Trace:
    """Return the trace of one execution.

    A slice is a run: the dispatches of one instruction at a fixed distance. Where runs of a queue are interleaved,
    each of their dispatches is a slice.
    """
    cut = _Cut.of(analysis)
    tracks, place = _tracks(program, analysis)
    slices = [
        *_run_slices(program, analysis, cut, place),
        *_plane_slices(analysis, tracks),
        *_operator_slices(analysis, tracks),
    ]
    return Trace(
        title=f"{program.name} on {program.machine.chip.name}",
        clock_hz=int(program.machine.chip.clock_hz),
        cycles=analysis.cycles,
        groups=tuple(dict.fromkeys(track.group for track in tracks)),
        tracks=tuple(tracks),
        slices=tuple(slices),
        flows=tuple(_flows(program, analysis, cut)),
        counters=counters_of(program, analysis),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Cut:
    """Which slices stand for which dispatches: int64 [s] run, first dispatch and number of dispatches of each.

    ``begin`` [r] is the first slice of each run, ``apart`` [r] whether its dispatches are slices of their own.
    """

    run: Ints
    first: Ints
    number: Ints
    begin: Ints
    apart: Bools

    @classmethod
    def of(cls, analysis: Analysis) -> _Cut:
        """Cut the runs of a program."""
        runs = analysis.runs
        apart = _interleaved(runs.queue, runs.start, runs.start + (runs.count - 1) * runs.interval)
        each = np.where(apart, runs.count, 1)
        run, first = ramp(each)
        number = np.where(apart[run], 1, runs.count[run])
        return cls(run=run, first=first, number=number, begin=np.cumsum(each) - each, apart=apart)

    def slice_of(self, run: Ints, dispatch: Ints) -> Ints:
        """Return the slices in which dispatches of runs lie."""
        return np.asarray(self.begin[run] + np.where(self.apart[run], dispatch, 0))


def _interleaved(queue: Ints, first: Ints, last: Ints) -> Bools:
    """Return which runs share cycles, from their first to their last dispatch, with another of their queue."""
    order = np.lexsort((first, queue))
    found = np.zeros(len(order), dtype=bool)
    reach, before, holder = -1, -1, -1
    for row, (q, a, b) in zip(
        order.tolist(),
        zip(queue[order].tolist(), first[order].tolist(), last[order].tolist(), strict=True),
        strict=True,
    ):
        if q == before and a <= reach:
            found[row] = found[holder] = True
        if q != before or b > reach:
            reach, holder = b, row
        before = q
    return found


def _tracks(program: Program, analysis: Analysis) -> tuple[list[Track], dict[int, int]]:
    """Return all tracks, and the place of each queue's among them."""
    tracks = [Track(name=operator.name, group=OPERATORS) for operator in program.operators]
    planes = sorted(set(issues_of(analysis)["plane"].tolist()))
    tracks += [Track(name=f"plane {plane}", group=PLANES) for plane in planes]
    place = {}
    used = np.unique(analysis.runs.queue).tolist()
    for unit in UNITS:
        for queue in (program.machine.queues[q] for q in used if program.machine.queues[q].unit == unit):
            place[queue.index] = len(tracks)
            tracks.append(Track(name=queue.name, group=unit))
    return tracks, place


def _run_slices(program: Program, analysis: Analysis, cut: _Cut, place: dict[int, int]) -> Iterator[Slice]:
    runs, isa = analysis.runs, program.machine.isa
    start = runs.cycle(cut.run, cut.first)
    end = start + (cut.number - 1) * runs.interval[cut.run] + 1
    for run, number, a, b in zip(*(c.tolist() for c in (cut.run, cut.number, start, end)), strict=True):
        instruction, args = isa.by_opcode[int(runs.opcode[run])], runs.args[run].tolist()
        operator, line = int(runs.origin[run]), int(runs.line[run])
        details: dict[str, str | int] = {"index": int(runs.index[run]), **operands_of(instruction, args)}
        if operator >= 0:
            details["operator"] = program.operators[operator].name
        if line:
            details["line"] = line
        if number > 1:
            details |= {
                "dispatches": number,
                "interval": int(runs.interval[run]),
                "stride": int(runs.stride[run]),
            }
        track = place[int(runs.queue[run])]
        yield Slice(track=track, name=name_of(instruction, args), start=a, end=b, details=details)


def _plane_slices(analysis: Analysis, tracks: list[Track]) -> Iterator[Slice]:
    """Yield the spans in which issues of one run occupy a plane."""
    place = {track.name: i for i, track in enumerate(tracks) if track.group == PLANES}
    runs, reach = analysis.runs, dict.fromkeys(place, 0)
    rows = sorted(issues_of(analysis).rows(), key=lambda row: int(runs.start[row[0]]))
    for run, plane, busy in rows:
        first, count = int(runs.start[run]), int(runs.count[run])
        name, end = f"plane {plane}", first + (count - 1) * int(runs.interval[run]) + busy
        start, reach[name] = max(first, reach[name]), max(end, reach[name])
        if start < end:
            yield Slice(track=place[name], name="abc", start=start, end=end, details={"issues": count})


def _operator_slices(analysis: Analysis, tracks: list[Track]) -> Iterator[Slice]:
    for track, account in enumerate(analysis.accounts.operators):
        if account.end > account.start:
            details: dict[str, str | int] = {"type": account.op_type, **account.dispatches}
            yield Slice(
                track=track, name=tracks[track].name, start=account.start, end=account.end, details=details
            )


def _flows(program: Program, analysis: Analysis, cut: _Cut) -> Iterator[Flow]:
    """Yield a flow for the first thing that a slice hands to another one, by the way it takes."""
    runs = analysis.runs
    for kind, writer, given, reader, taken in _handovers(program, analysis):
        source, target = cut.slice_of(writer, given), cut.slice_of(reader, taken)
        start, end = runs.cycle(writer, given), runs.cycle(reader, taken)
        order = np.lexsort((end, start, target, source))
        fresh = np.append(True, (np.diff(source[order]) != 0) | (np.diff(target[order]) != 0))[: len(order)]
        rows = order[fresh]
        for a, t, b, u in zip(*(c[rows].tolist() for c in (source, start, target, end)), strict=True):
            yield Flow(kind=kind, source=a, start=t, target=b, end=u)


def _handovers(program: Program, analysis: Analysis) -> Iterator[tuple[str, Ints, Ints, Ints, Ints]]:
    """Yield by way: writing runs and their dispatches, reading runs and theirs."""
    vectors, samples = vectors_of(program.machine, analysis)
    by = samples["vector"]
    yield "stream", vectors["run"][by], vectors["first"][by], samples["run"], samples["first"]
    producers = analysis.producers
    for kind, links in (
        ("sram", producers.words),
        ("weights", producers.weights),
        ("product", producers.products),
    ):
        known = links.where(links.writer >= 0)
        yield kind, known.writer, known.writer_first, known.reader, known.first
