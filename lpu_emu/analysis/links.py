"""C2C links: sends that come too close, and receives that come too early."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lpu_emu.analysis.lattice import Bools, Ints, Pieces, Progressions, cells
from lpu_emu.analysis.occurrences import Occurrences, double, single
from lpu_emu.analysis.order import Links, closer_than, last_before, ordinals
from lpu_emu.analysis.runs import RunTable
from lpu_emu.analysis.tables import Role, Tables
from lpu_emu.program.model import Program
from lpu_emu.spec.machine import HEMISPHERES, Machine


@dataclass(frozen=True, kw_only=True, eq=False)
class LinkFlow:
    """Sends and receives (``run``, on ``link``, at ``time + k * interval``), and for receives their sends.

    A send's time is that of its sample, a receive's that of its dispatch. ``links`` has rows of this table;
    its writer is -1 for receives to which nothing is ever sent. Links are numbered through both hemispheres.
    """

    run: Ints
    link: Ints
    time: Ints
    interval: Ints
    sends: Bools
    links: Links
    previous: Links


def link_flow(runs: RunTable, program: Program, tables: Tables) -> LinkFlow:
    """Pair the n-th receive of every link with the n-th vector sent to it."""
    role = tables.role[runs.opcode]
    run = np.flatnonzero((role == Role.SEND) | (role == Role.RECEIVE))
    sends = role[run] == Role.SEND
    column = tables.columns["link"][runs.opcode[run]]
    link = _first_link(program.machine)[runs.queue[run]] + runs.args[run, column]
    time = runs.start[run] + np.where(sends, tables.delays["skew"][runs.opcode[run]], 0)
    interval, count = runs.interval[run], runs.count[run]
    sent = np.flatnonzero(sends)
    events = Progressions(key=link[sent], start=time[sent], step=interval[sent], count=count[sent])
    every = np.ones(len(sent), dtype=bool)
    before = last_before(events, run[sent], every, every)
    before = before.where(before.writer >= 0)
    end = np.where(sends, _other_ends(program)[link], link)
    wired = np.flatnonzero(end >= 0)
    arrivals = Progressions(
        key=2 * end[wired] + sends[wired], start=time[wired], step=interval[wired], count=count[wired]
    )
    return LinkFlow(
        run=run,
        link=link,
        time=time,
        interval=interval,
        sends=sends,
        links=_matched(arrivals, wired, sends),
        previous=Links(**{**vars(before), "reader": sent[before.reader], "writer": sent[before.writer]}),
    )


def link_hazards(flow: LinkFlow, runs: RunTable, machine: Machine) -> list[Occurrences]:
    """Find sends on a busy link, and receives of vectors that have not arrived."""
    vector, latency = (int(machine.chip[f"c2c.{key}_cycles"]) for key in ("vector", "latency"))
    close = closer_than(flow.previous, flow.time, flow.interval, np.full(len(flow.previous), vector))
    reader, writer = flow.run[close.reader], flow.run[close.writer]
    busy = double(
        "link_busy",
        flow.time[close.reader] + close.first * flow.interval[close.reader],
        close.count,
        (flow.link[close.reader], np.zeros_like(reader)),
        (writer, runs.cycle(writer, close.writer_first)),
        (reader, runs.cycle(reader, close.first)),
    )
    early = closer_than(flow.links, flow.time, flow.interval, np.full(len(flow.links), latency))
    never = flow.links.where(flow.links.writer < 0)
    return [busy, *(_empty(part, flow, runs) for part in (early, never))]


def _empty(links: Links, flow: LinkFlow, runs: RunTable) -> Occurrences:
    run = flow.run[links.reader]
    dispatch = runs.cycle(run, links.first)
    resource = (flow.link[links.reader], np.zeros_like(run))
    return single("receive_empty", dispatch, links.count, resource, run, dispatch)


def _first_link(machine: Machine) -> Ints:
    """Return, by queue, the number of link 0 of its hemisphere."""
    links = int(machine.chip["c2c.links"])
    return np.array([links * (q.hemisphere == HEMISPHERES[1]) for q in machine.queues], dtype=np.int64)


def _other_ends(program: Program) -> Ints:
    """Return the link at which vectors sent on each link arrive, -1 where it is not wired."""
    links = int(program.machine.chip["c2c.links"])
    ends = np.full(2 * links, -1, dtype=np.int64)
    for one, other in program.wires:
        ends[_number(one, links)] = _number(other, links)
    return ends


def _number(name: str, links: int) -> int:
    return HEMISPHERES.index(name[0]) * links + int(name[1:])


def _matched(events: Progressions, rows: Ints, sends: Bools) -> Links:
    """Match sends and receives by their number on the receiving link."""
    source, numbers, parts = ordinals(events)
    cut = cells(
        Progressions(key=numbers.key >> 1, start=numbers.start, step=numbers.step, count=numbers.count)
    )
    row = rows[source[cut.source]]
    first = parts.first[cut.source] + cut.first * parts.step[cut.source]
    step = parts.step[cut.source] * cut.step
    order = np.lexsort((sends[row], cut.cell))
    return _neighbours(
        Pieces(source=row, first=first, step=step, count=cut.count, cell=cut.cell), order, sends
    )


def _neighbours(pieces: Pieces, order: Ints, sends: Bools) -> Links:
    """Link each receive to the send of its cell, which comes right behind it in the order."""
    cell = pieces.cell[order]
    paired = np.append(cell[1:] == cell[:-1], False)[: len(cell)]
    receives = np.flatnonzero(~sends[pieces.source[order]])
    reader, known = order[receives], paired[receives]
    writer = order[np.minimum(receives + 1, len(order) - 1)]
    return Links(
        reader=pieces.source[reader],
        first=pieces.first[reader],
        step=pieces.step[reader],
        count=pieces.count[reader],
        writer=np.where(known, pieces.source[writer], -1),
        writer_first=np.where(known, pieces.first[writer], 0),
        writer_step=np.where(known, pieces.step[writer], 0),
    )
