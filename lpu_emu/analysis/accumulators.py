"""MXM accumulators: which product each ``acc`` takes, and which ``acc`` wrote a row last."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lpu_emu.analysis.history import Walks, last_writes, steps_of, untangled
from lpu_emu.analysis.lattice import Bools, Ints, Progressions, cells
from lpu_emu.analysis.occurrences import Occurrences, double, single
from lpu_emu.analysis.order import Links, closer_than
from lpu_emu.analysis.planes import plane_of_queue
from lpu_emu.analysis.runs import RunTable, argument_of
from lpu_emu.analysis.tables import Role, Tables
from lpu_emu.spec.machine import Machine


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
    adds = writes & (argument_of(runs, tables, "mode") == machine.isa.kinds["mode"].values.index("add"))
    run = np.flatnonzero(writes | (role == Role.ROW_READ))
    walks = Walks(
        key=plane_of_queue(machine)[runs.queue[run]],
        address=argument_of(runs, tables, "row")[run],
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
