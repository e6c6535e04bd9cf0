"""How much of SRAM, streams and planes a program uses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lpu_emu.analysis.flows import Flows
from lpu_emu.analysis.lattice import Ints, Progressions, covered, peak, ramp
from lpu_emu.analysis.memory import BankUse
from lpu_emu.analysis.occurrences import slice_name
from lpu_emu.analysis.planes import PlaneEvents, active_lanes
from lpu_emu.analysis.runs import RunTable
from lpu_emu.analysis.streams import StreamFlow
from lpu_emu.analysis.tables import Role, Tables
from lpu_emu.spec.machine import EAST, WEST, WEST_STREAM, Machine, stream_name


@dataclass(frozen=True, kw_only=True)
class SliceAccount:
    """One MEM slice: reads (gathers too), writes (scatters too), and words it holds or touches."""

    name: str
    reads: int
    writes: int
    words: int


@dataclass(frozen=True, kw_only=True)
class MemoryAccount:
    """SRAM: accesses, distinct words held or touched, bytes moved in all and in the busiest cycle.

    ``slices`` are those in use.
    """

    reads: int
    writes: int
    words: int
    moved_bytes: int
    peak_bytes_per_cycle: int
    slices: tuple[SliceAccount, ...]


@dataclass(frozen=True, kw_only=True)
class StreamAccount:
    """Streams: by name the slots that were driven, and the most streams that are live at a cut in a cycle.

    A cut lies between two neighbouring positions; a stream is live there while a value that will still be
    sampled passes.
    """

    busy_slots: dict[str, int]
    peak_live_east: int
    peak_live_west: int


@dataclass(frozen=True, kw_only=True)
class PlaneAccount:
    """One plane: issues of its own queue with their multiply-accumulates, and cycles in which it is occupied.

    An issue in tandem counts at the even plane and occupies both.
    """

    plane: int
    issues: int
    busy_cycles: int
    utilization: float
    macs: int


def memory_account(flows: Flows, machine: Machine) -> MemoryAccount:
    """Count accesses and words."""
    lanes = machine.chip.lanes
    vectors = _vectors(flows.banks)
    words = _words_by_queue(flows, len(machine.queues))
    counts = {
        write: np.bincount(
            vectors.queue[vectors.writes == write],
            weights=vectors.count[vectors.writes == write],
            minlength=len(machine.queues),
        ).astype(np.int64)
        for write in (False, True)
    }
    reads, writes = counts[False], counts[True]
    used = np.flatnonzero(reads + writes + words)
    one = np.zeros(len(vectors.run), dtype=np.int64)
    times = Progressions(key=one, start=vectors.time, step=vectors.interval, count=vectors.count)
    return MemoryAccount(
        reads=int(reads.sum()),
        writes=int(writes.sum()),
        words=int(words.sum()),
        moved_bytes=int((reads + writes).sum()) * lanes,
        peak_bytes_per_cycle=peak(times, one + 1) * lanes,
        slices=tuple(
            SliceAccount(
                name=slice_name(machine, q), reads=int(reads[q]), writes=int(writes[q]), words=int(words[q])
            )
            for q in used.tolist()
        ),
    )


def _vectors(banks: BankUse) -> BankUse:
    """Return the accesses with those of regions in several banks counted once."""
    again = np.append(
        False,
        (banks.run[1:] == banks.run[:-1])
        & (banks.first[1:] == banks.first[:-1])
        & (banks.writes[1:] == banks.writes[:-1])
        & (banks.bank[1:] != banks.bank[:-1]),
    )[: len(banks.run)]
    return BankUse(**{name: column[~again] for name, column in vars(banks).items()})


def _words_by_queue(flows: Flows, queues: int) -> Ints:
    steps, walks = flows.words.steps, flows.words.walks
    _, lead = np.unique(steps.cell, return_index=True)
    queue = walks.key[steps.walk[lead]]
    return np.bincount(queue, weights=steps.count[lead], minlength=queues).astype(np.int64)


def stream_account(flow: StreamFlow, runs: RunTable) -> StreamAccount:
    """Count driven slots and live streams."""
    taps, pieces = flow.taps, flow.pieces
    rows = np.flatnonzero(flow.drives)
    source = pieces.source[rows]
    interval = runs.interval[taps.run[source]]
    slots = Progressions(
        key=taps.stream[source],
        start=taps.slot[source] + pieces.first[rows] * interval,
        step=np.maximum(pieces.step[rows] * interval, 1),
        count=pieces.count[rows],
    )
    streams, busy = covered(slots)
    last = np.full(len(pieces), -(1 << 60))
    sampled = np.flatnonzero(~flow.drives & (flow.driver >= 0))
    np.maximum.at(last, flow.driver[sampled], taps.along[pieces.source[sampled]])
    live = [
        _peak_live(slots, taps.along[source], last[rows], taps.stream[source] // WEST_STREAM == way)
        for way in (EAST, WEST)
    ]
    return StreamAccount(
        busy_slots={stream_name(s): n for s, n in zip(streams.tolist(), busy.tolist(), strict=True)},
        peak_live_east=live[0],
        peak_live_west=live[1],
    )


def stream_hops(flow: StreamFlow) -> int:
    """Count the positions over which values move until they are sampled for the last time, all values together."""
    taps, pieces = flow.taps, flow.pieces
    last = np.full(len(pieces), -(1 << 60))
    sampled = np.flatnonzero(~flow.drives & (flow.driver >= 0))
    np.maximum.at(last, flow.driver[sampled], taps.along[pieces.source[sampled]])
    rows = np.flatnonzero(flow.drives & (last > -(1 << 60)))
    hops = last[rows] - taps.along[pieces.source[rows]]
    return int((hops * pieces.count[rows]).sum())


def _peak_live(slots: Progressions, begin: Ints, end: Ints, chosen: Ints) -> int:
    """Return the most values that pass a cut; the busiest cut lies right behind some drive."""
    most = 0
    for cut in np.unique(begin[chosen]).tolist():
        rows = np.flatnonzero(chosen & (begin <= cut) & (end > cut))
        one = np.zeros(len(rows), dtype=np.int64)
        passing = Progressions(
            key=one, start=slots.start[rows], step=slots.step[rows], count=slots.count[rows]
        )
        most = max(most, peak(passing, one + 1))
    return most


def plane_accounts(
    events: PlaneEvents, machine: Machine, runs: RunTable, tables: Tables, cycles: int
) -> tuple[tuple[PlaneAccount, ...], int]:
    """Count issues by plane; also return the cycles in which any plane is occupied."""
    rows = np.flatnonzero(events.rows(Role.ACTIVATE))
    planes = 2 * machine.chip.planes
    row, later = ramp(events.busy[rows])
    row = rows[row]
    occupied = Progressions(
        key=events.plane[row],
        start=events.start[row] + later,
        step=events.interval[row],
        count=events.count[row],
    )
    any_plane = Progressions(
        key=np.zeros_like(row), start=occupied.start, step=occupied.step, count=occupied.count
    )
    busy = np.zeros(planes, dtype=np.int64)
    axes, points = covered(occupied)
    busy[axes] = points
    run, lead = np.unique(events.run[rows], return_index=True)
    home = events.plane[rows[lead]]
    issues = np.bincount(home, weights=runs.count[run], minlength=planes).astype(np.int64)
    taking = active_lanes(runs, machine, tables)[run]
    macs = np.bincount(home, weights=runs.count[run] * taking * machine.chip.lanes, minlength=planes)
    accounts = tuple(
        PlaneAccount(
            plane=plane,
            issues=int(issues[plane]),
            busy_cycles=int(busy[plane]),
            utilization=int(busy[plane]) / max(cycles, 1),
            macs=int(macs[plane]),
        )
        for plane in range(planes)
    )
    return accounts, int(covered(any_plane)[1].sum())
