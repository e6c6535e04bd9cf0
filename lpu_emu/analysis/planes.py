"""MXM planes: loads and installs under way, and issues."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lpu_emu.analysis.lattice import Bools, Ints, Progressions, ramp
from lpu_emu.analysis.occurrences import Occurrences, double, single
from lpu_emu.analysis.order import Links, closer_than, join, last_before
from lpu_emu.analysis.runs import RunTable, argument_of
from lpu_emu.analysis.tables import Role, Tables, two_byte_types
from lpu_emu.spec.machine import Machine


@dataclass(frozen=True, kw_only=True, eq=False)
class PlaneEvents:
    """What happens on planes, int64 columns [n]: one row per run and plane (an issue in tandem has two).

    ``busy`` is how many cycles an issue occupies the plane, or how long until a load or install lands.
    """

    run: Ints
    role: Ints
    plane: Ints
    busy: Ints
    start: Ints
    interval: Ints
    count: Ints

    def rows(self, *roles: Role) -> Bools:
        """Return which rows have one of some roles."""
        return np.isin(self.role, roles)

    def progressions(self) -> Progressions:
        """Return all events on the axis of their plane."""
        return Progressions(key=self.plane, start=self.start, step=self.interval, count=self.count)


def plane_of_queue(machine: Machine) -> Ints:
    """Return the plane of each queue (its number in its unit; meaningless outside the MXM)."""
    return np.array([queue.number for queue in machine.queues])


def wide_issues(runs: RunTable, machine: Machine, tables: Tables) -> tuple[Bools, Bools]:
    """Return, by run, whether it is an issue of a two-byte type, and whether that takes all lanes."""
    activate = tables.role[runs.opcode] == Role.ACTIVATE
    dtype, half = (argument_of(runs, tables, name) for name in ("dtype", "half"))
    types = two_byte_types(machine)
    tandem = activate & types[np.where(activate, dtype, 0)]
    return tandem, tandem & (half == machine.isa.kinds["half"].values.index("all"))


def plane_events(runs: RunTable, machine: Machine, tables: Tables) -> PlaneEvents:
    """List loads, installs and issues by plane."""
    role = tables.role[runs.opcode]
    tandem, wide = wide_issues(runs, machine, tables)
    used = np.isin(role, (Role.LOAD, Role.INSTALL, Role.INSTALL_STREAM, Role.ACTIVATE))
    run, second = ramp(used * (1 + tandem))
    issue = np.where(
        wide, tables.delays["interval_wide"][runs.opcode], tables.delays["interval"][runs.opcode]
    )
    busy = np.where(role == Role.ACTIVATE, issue, tables.delays["land"][runs.opcode])
    return PlaneEvents(
        run=run,
        role=role[run],
        plane=plane_of_queue(machine)[runs.queue[run]] + second,
        busy=busy[run],
        start=runs.start[run],
        interval=runs.interval[run],
        count=runs.count[run],
    )


def weight_links(events: PlaneEvents) -> Links:
    """Link every issue, on each of its planes, to the latest install dispatched no later than it."""
    return _latest(events, (Role.ACTIVATE,), (Role.INSTALL, Role.INSTALL_STREAM))


def _latest(events: PlaneEvents, readers: tuple[Role, ...], writers: tuple[Role, ...]) -> Links:
    reads, writes = events.rows(*readers), events.rows(*writers)
    used = np.flatnonzero(reads | writes)
    p = events.progressions()
    chosen = Progressions(key=p.key[used], start=p.start[used], step=p.step[used], count=p.count[used])
    rank = ~writes[used] * len(used) + np.arange(len(used))
    links = last_before(chosen, rank, reads[used], writes[used])
    return Links(
        **{
            **vars(links),
            "reader": used[links.reader],
            "writer": np.where(links.writer >= 0, used[links.writer] if len(used) else links.writer, -1),
        }
    )


def plane_hazards(events: PlaneEvents, weights: Links, runs: RunTable) -> list[Occurrences]:
    """Find issues without weights, during an install or too soon, and installs during a load."""
    lost = weights.where(weights.writer < 0)
    none = single(
        "no_weights",
        events.start[lost.reader] + lost.first * events.interval[lost.reader],
        lost.count,
        (events.plane[lost.reader], np.zeros_like(lost.reader)),
        events.run[lost.reader],
        runs.cycle(events.run[lost.reader], lost.first),
    )
    during_install = _under_way(events, Role.ACTIVATE, (Role.INSTALL, Role.INSTALL_STREAM))
    during_load = _under_way(events, Role.INSTALL, (Role.LOAD, Role.INSTALL_STREAM))
    return [
        none,
        _pairs("install_busy", events, during_install, runs),
        _pairs("load_in_flight", events, during_load, runs),
        _pairs("plane_busy", events, _too_soon(events), runs),
    ]


def _under_way(events: PlaneEvents, reader: Role, writers: tuple[Role, ...]) -> Links:
    """Return, for elements of a role, the latest of the writers that has not landed yet.

    Writers of one role land after the same time, so only the latest of each role matters.
    """
    found = []
    for writer in writers:
        links = _latest(events, (reader,), (writer,))
        found.append(closer_than(links, events.start, events.interval, _bounds(events, links)))
    near = join(*found)
    if all(len(part) for part in found):
        near = _latest_of_each(events, near)
    return near


def _bounds(events: PlaneEvents, links: Links) -> Ints:
    return events.busy[links.writer] if len(events.busy) else links.writer


def _latest_of_each(events: PlaneEvents, links: Links) -> Links:
    """Keep, of several links of one element, the one with the latest writer."""
    row, j = ramp(links.count)
    one = links.where(row)
    element, writer = one.first + j * one.step, one.writer_first + j * one.writer_step
    written = events.start[one.writer] + writer * events.interval[one.writer]
    order = np.lexsort((-written, element, one.reader))
    lead = np.append(True, (np.diff(one.reader[order]) != 0) | (np.diff(element[order]) != 0))
    kept = order[lead]
    steps = np.ones_like(kept)
    return Links(
        reader=one.reader[kept],
        first=element[kept],
        step=steps,
        count=steps,
        writer=one.writer[kept],
        writer_first=writer[kept],
        writer_step=0 * steps,
    )


def _too_soon(events: PlaneEvents) -> Links:
    """Return the issues that come before the plane's previous issue is over."""
    links = _previous(events)
    return closer_than(links, events.start, events.interval, _bounds(events, links))


def _previous(events: PlaneEvents) -> Links:
    used = np.flatnonzero(events.rows(Role.ACTIVATE))
    p = events.progressions()
    chosen = Progressions(key=p.key[used], start=p.start[used], step=p.step[used], count=p.count[used])
    every = np.ones(len(used), dtype=bool)
    links = last_before(chosen, events.run[used], every, every)
    links = links.where(links.writer >= 0)
    return Links(**{**vars(links), "reader": used[links.reader], "writer": used[links.writer]})


def _pairs(kind: str, events: PlaneEvents, links: Links, runs: RunTable) -> Occurrences:
    reader, writer = events.run[links.reader], events.run[links.writer]
    dispatch = runs.cycle(reader, links.first)
    return double(
        kind,
        dispatch,
        links.count,
        (events.plane[links.reader], np.zeros_like(reader)),
        (writer, runs.cycle(writer, links.writer_first)),
        (reader, dispatch),
    )


def active_lanes(runs: RunTable, machine: Machine, tables: Tables) -> Ints:
    """Return, by run, how many lanes of an issue's activations take part; 0 for other runs."""
    values = machine.isa.kinds["half"].values
    lanes = np.where(
        argument_of(runs, tables, "half") == values.index("all"), machine.chip.lanes, machine.chip.lanes // 2
    )
    return np.where(tables.role[runs.opcode] == Role.ACTIVATE, lanes, 0)
