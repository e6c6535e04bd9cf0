"""Streams: which drive each sample sees, and the drives and samples that go wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lpu_emu.analysis.lattice import Bools, Ints, Pieces, Progressions, cells, ramp
from lpu_emu.analysis.occurrences import Occurrences, double, single
from lpu_emu.analysis.runs import RunTable
from lpu_emu.analysis.tables import SELECTOR_VALUES, Tables
from lpu_emu.spec.machine import WEST_STREAM

_STREAMS = 2 * WEST_STREAM


@dataclass(frozen=True, kw_only=True, eq=False)
class Taps:
    """Where runs meet streams: one row per run, operand and stream, int64 columns [n].

    ``port`` counts the streams of a run that are sampled, or driven, in operand order; ``operand`` is the
    argument column and ``part`` the stream inside the operand. Dispatch k meets ``stream`` at slot ``slot + k
    * interval`` and place ``along`` (x, or -x westward), ``delay`` cycles after its dispatch.
    """

    run: Ints
    port: Ints
    operand: Ints
    part: Ints
    stream: Ints
    along: Ints
    slot: Ints
    delay: Ints
    drives: Bools

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.run)


@dataclass(frozen=True, kw_only=True, eq=False)
class StreamFlow:
    """Pieces of taps in the order in which a moving register meets them, and what each meets.

    ``driver`` is the row of the last drive at or before each piece in its cell, -1 for none.
    """

    taps: Taps
    pieces: Pieces
    driver: Ints

    @property
    def drives(self) -> Bools:
        """Whether a piece drives."""
        return np.asarray(self.taps.drives[self.pieces.source])


@dataclass(frozen=True, kw_only=True, eq=False)
class StreamLinks:
    """Streams of operands and where they come from, int64 columns [n], sorted by consumer, port and element.

    Dispatch ``first + j * step`` of run ``consumer`` samples, on stream ``part`` of the operand in argument
    column ``operand``, what dispatch ``producer_first + j * producer_step`` of run ``producer`` drives on
    stream ``producer_part`` of ``producer_operand``, for ``0 <= j < count``. ``producer`` is -1 where nothing
    was driven.
    """

    consumer: Ints
    operand: Ints
    part: Ints
    first: Ints
    step: Ints
    count: Ints
    producer: Ints
    producer_operand: Ints
    producer_part: Ints
    producer_first: Ints
    producer_step: Ints


def taps_of(runs: RunTable, tables: Tables) -> Taps:
    """List every stream that every run samples or drives."""
    ports, places = tables.ports, tables.places
    column = ports.column[runs.opcode]
    value = np.take_along_axis(runs.args, np.maximum(column, 0), axis=1)
    owner, port = np.nonzero((column >= 0) & (value < _STREAMS))
    opcode, base = runs.opcode[owner], value[owner, port]
    selected = runs.args[owner, ports.selector[opcode, port]] % SELECTOR_VALUES
    row, i = ramp(ports.width[opcode, port, selected])
    run, drives = owner[row], ports.drives[opcode, port][row]
    stream = base[row] + i
    at = (runs.queue[run], stream // WEST_STREAM)
    delay = ports.delay[opcode, port][row]
    slot = np.where(drives, places.slot_out[at], places.slot_in[at]) + runs.start[run] + delay
    return Taps(
        run=run,
        port=_numbered(run, drives),
        operand=column[owner, port][row],
        part=ports.part[opcode, port][row] + i,
        stream=stream,
        along=np.where(drives, places.along_out[at], places.along_in[at]),
        slot=slot,
        delay=delay,
        drives=drives,
    )


def _numbered(run: Ints, drives: Bools) -> Ints:
    """Number the sampled, and the driven, streams of each run from 0; rows are sorted by run."""
    before: Ints = np.cumsum(~drives) - ~drives
    begin = np.searchsorted(run, run)
    sampled: Ints = before - before[begin] if len(run) else before
    total = np.arange(len(run)) - begin
    return np.where(drives, total - sampled, sampled)


def flow_of(taps: Taps, runs: RunTable) -> StreamFlow:
    """Resolve all streams: cut taps into cells and follow each moving register through its cell."""
    pieces = cells(
        Progressions(
            key=taps.stream, start=taps.slot, step=runs.interval[taps.run], count=runs.count[taps.run]
        )
    )
    order = _downstream(taps, pieces, runs)
    pieces = Pieces(**{name: column[order] for name, column in vars(pieces).items()})
    rows = np.arange(len(pieces))
    driver = np.maximum.accumulate(np.where(taps.drives[pieces.source], rows, -1))
    driver[(driver >= 0) & (pieces.cell[driver] != pieces.cell)] = -1
    return StreamFlow(taps=taps, pieces=pieces, driver=driver)


def _downstream(taps: Taps, pieces: Pieces, runs: RunTable) -> Ints:
    """Order pieces by cell, then place, drives before samples, then dispatch, queue and index."""
    source = pieces.source
    place = 2 * taps.along[source] + ~taps.drives[source]
    dispatch = runs.cycle(taps.run[source], pieces.first)
    return np.lexsort((taps.run[source], dispatch, place, pieces.cell))


def stream_links(flow: StreamFlow) -> StreamLinks:
    """Return the producer of every sampled stream."""
    taps, pieces = flow.taps, flow.pieces
    rows = np.flatnonzero(~flow.drives)
    source = pieces.source[rows]
    order = np.lexsort((pieces.first[rows], taps.port[source], taps.run[source]))
    rows, source = rows[order], source[order]
    driver = flow.driver[rows]
    known = driver >= 0
    tap = pieces.source[driver]
    return StreamLinks(
        consumer=taps.run[source],
        operand=taps.operand[source],
        part=taps.part[source],
        first=pieces.first[rows],
        step=pieces.step[rows],
        count=pieces.count[rows],
        producer=np.where(known, taps.run[tap], -1),
        producer_operand=np.where(known, taps.operand[tap], -1),
        producer_part=np.where(known, taps.part[tap], 0),
        producer_first=np.where(known, pieces.first[driver], 0),
        producer_step=np.where(known, pieces.step[driver], 0),
    )


def stream_hazards(flow: StreamFlow, runs: RunTable) -> list[Occurrences]:
    """Return double drives, overwritten values, and operands that are not there."""
    return [*_clashes(flow, runs), *_missing(flow, runs)]


def _clashes(flow: StreamFlow, runs: RunTable) -> list[Occurrences]:
    """Find drives that are followed in their cell by another, at the same place or downstream of it."""
    taps, pieces, drives = flow.taps, flow.pieces, flow.drives
    pairs = np.flatnonzero(drives[:-1] & drives[1:] & (pieces.cell[:-1] == pieces.cell[1:]))
    one, other = pieces.source[pairs], pieces.source[pairs + 1]
    same = taps.along[one] == taps.along[other]
    return [
        _clash("double_drive", flow, runs, pairs[same]),
        _clash("overwritten", flow, runs, pairs[~same]),
    ]


def _clash(kind: str, flow: StreamFlow, runs: RunTable, pairs: Ints) -> Occurrences:
    """Report drives, given as pieces, that the next piece replaces."""
    taps, pieces = flow.taps, flow.pieces
    one, other = taps.run[pieces.source[pairs]], taps.run[pieces.source[pairs + 1]]
    before, after = runs.cycle(one, pieces.first[pairs]), runs.cycle(other, pieces.first[pairs + 1])
    tap = pieces.source[pairs + 1]
    resource = (taps.stream[tap], taps.along[tap])
    return double(kind, after + taps.delay[tap], pieces.count[pairs], resource, (one, before), (other, after))


def _missing(flow: StreamFlow, runs: RunTable) -> list[Occurrences]:
    """Split dispatches with missing operands by how many are missing."""
    taps, pieces = flow.taps, flow.pieces
    lost = np.flatnonzero(~flow.drives & (flow.driver < 0))
    if not len(lost):
        return []
    run = taps.run[pieces.source[lost]]
    cut = cells(
        Progressions(key=run, start=pieces.first[lost], step=pieces.step[lost], count=pieces.count[lost])
    )
    order = np.lexsort((taps.port[pieces.source[lost[cut.source]]], cut.cell))
    lead = order[np.append(True, cut.cell[order][1:] != cut.cell[order][:-1])]
    piece = lost[cut.source[lead]]
    tap, element = pieces.source[piece], pieces.first[piece] + cut.first[lead] * pieces.step[piece]
    missing = np.bincount(cut.cell)[cut.cell[lead]]
    sampled = np.bincount(taps.run, weights=~taps.drives, minlength=len(runs))[taps.run[tap]]
    every = missing == sampled
    return [
        _lost("undriven", flow, runs, tap[every], element[every], cut.count[lead][every]),
        _lost("unmet", flow, runs, tap[~every], element[~every], cut.count[lead][~every]),
    ]


def _lost(kind: str, flow: StreamFlow, runs: RunTable, tap: Ints, element: Ints, count: Ints) -> Occurrences:
    """Report elements of runs whose first missing stream is a tap."""
    taps = flow.taps
    dispatch = runs.cycle(taps.run[tap], element)
    resource = (taps.stream[tap], taps.along[tap])
    return single(kind, dispatch + taps.delay[tap], count, resource, taps.run[tap], dispatch)
