"""MXM planes: installs and loads under way, issues, products, and accumulator rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lpu_emu.analysis.history import Walks, last_writes, steps_of, untangled
from lpu_emu.analysis.lattice import Bools, Ints, Progressions, cells, ramp
from lpu_emu.analysis.occurrences import Occurrences, double, single
from lpu_emu.analysis.order import Links, closer_than, join, last_before
from lpu_emu.analysis.runs import RunTable
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
    dtype, half = (_argument(runs, tables, name) for name in ("dtype", "half"))
    types = two_byte_types(machine)
    tandem = activate & types[np.where(activate, dtype, 0)]
    return tandem, tandem & (half == machine.isa.kinds["half"].values.index("all"))


def _argument(runs: RunTable, tables: Tables, name: str) -> Ints:
    """Return an argument of every run, 0 where it has none of that name."""
    column = tables.columns[name][runs.opcode]
    value = np.take_along_axis(runs.args, np.maximum(column, 0)[:, None], axis=1)[:, 0]
    return np.where(column >= 0, value, 0)


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


@dataclass(frozen=True, kw_only=True, eq=False)
class ProductFlow:
    """Products and the ``acc`` that takes each: links from taking to issuing runs, and who is left alone."""

    links: Links
    unmatched: Links


def product_flow(runs: RunTable, machine: Machine, tables: Tables) -> ProductFlow:
    """Pair products with the ``acc`` that samples when they arrive. Rows of the links are runs."""
    role = tables.role[runs.opcode]
    run = np.flatnonzero((role == Role.ACTIVATE) | (role == Role.ACCUMULATE))
    takes = role[run] == Role.ACCUMULATE
    time = runs.start[run] + _product_delay(runs.opcode[run], takes, tables)
    plane = plane_of_queue(machine)[runs.queue[run]]
    cut = cells(Progressions(key=plane, start=time, step=runs.interval[run], count=runs.count[run]))
    order = np.lexsort((~takes[cut.source], cut.cell))
    row, cell = cut.source[order], cut.cell[order]
    paired = np.append(cell[1:] == cell[:-1], False)[: len(cell)]
    other = np.minimum(np.arange(len(row)) + 1, len(row) - 1)
    alone = ~paired & ~np.append(False, paired[:-1])[: len(cell)]
    first, step = cut.first[order], cut.step[order]
    links = Links(
        reader=run[row],
        first=first,
        step=step,
        count=cut.count[order],
        writer=np.where(paired, run[row][other], -1),
        writer_first=np.where(paired, first[other], 0),
        writer_step=np.where(paired, step[other], 0),
    )
    return ProductFlow(links=links.where(paired), unmatched=links.where(alone))


def _product_delay(opcode: Ints, takes: Bools, tables: Tables) -> Ints:
    return np.where(takes, tables.delays["skew"][opcode], tables.delays["product"][opcode])


def product_hazards(flow: ProductFlow, runs: RunTable, machine: Machine, tables: Tables) -> list[Occurrences]:
    """Report every product that nobody takes, and every ``acc`` to which none comes."""
    takes = tables.role[runs.opcode[flow.unmatched.reader]] == Role.ACCUMULATE
    found = []
    for kind, chosen in (("no_product", takes), ("lost_product", ~takes)):
        lost = flow.unmatched.where(chosen)
        run = lost.reader
        dispatch = runs.cycle(run, lost.first)
        delay = _product_delay(runs.opcode[run], takes[chosen], tables)
        resource = (plane_of_queue(machine)[runs.queue[run]], np.zeros_like(run))
        found.append(single(kind, dispatch + delay, lost.count, resource, run, dispatch))
    return found


@dataclass(frozen=True, kw_only=True, eq=False)
class RowFlow:
    """Uses of accumulator rows, and who wrote last the rows that are needed (rows of this table)."""

    run: Ints
    walks: Walks
    links: Links


def row_flow(runs: RunTable, machine: Machine, tables: Tables) -> RowFlow:
    """Resolve all accumulator rows."""
    role = tables.role[runs.opcode]
    writes = role == Role.ACCUMULATE
    adds = writes & (_argument(runs, tables, "mode") == machine.isa.kinds["mode"].values.index("add"))
    run = np.flatnonzero(writes | (role == Role.ROW_READ))
    walks = Walks(
        key=plane_of_queue(machine)[runs.queue[run]],
        address=_argument(runs, tables, "row")[run],
        stride=runs.stride[run],
        time=runs.start[run],
        interval=runs.interval[run],
        count=runs.count[run],
        reads=adds[run] | ~writes[run],
        writes=writes[run],
    )
    return RowFlow(run=run, walks=walks, links=last_writes(walks, untangled(walks, steps_of(walks))))


def row_hazards(flow: RowFlow, runs: RunTable, tables: Tables) -> list[Occurrences]:
    """Find rows that are used before anything was accumulated in them, or before that has landed."""
    walks, lost = flow.walks, flow.links.where(flow.links.writer < 0)
    run = flow.run[lost.reader]
    dispatch = runs.cycle(run, lost.first)
    unset = single("row_unset", dispatch, lost.count, _row(walks, lost), run, dispatch)
    land = tables.delays["land"][runs.opcode[flow.run]]
    bound = land[flow.links.writer] if len(land) else flow.links.writer
    near = closer_than(flow.links, walks.time, walks.interval, bound)
    reader, writer = flow.run[near.reader], flow.run[near.writer]
    dispatch = runs.cycle(reader, near.first)
    early = double(
        "row_incomplete",
        dispatch,
        near.count,
        _row(walks, near),
        (writer, runs.cycle(writer, near.writer_first)),
        (reader, dispatch),
    )
    return [unset, early]


def _row(walks: Walks, links: Links) -> tuple[Ints, Ints]:
    return walks.key[links.reader], walks.address[links.reader] + links.first * walks.stride[links.reader]


def active_lanes(runs: RunTable, machine: Machine, tables: Tables) -> Ints:
    """Return, by run, how many lanes of an issue's activations take part; 0 for other runs."""
    values = machine.isa.kinds["half"].values
    lanes = np.where(
        _argument(runs, tables, "half") == values.index("all"), machine.chip.lanes, machine.chip.lanes // 2
    )
    return np.where(tables.role[runs.opcode] == Role.ACTIVATE, lanes, 0)
