"""Occurrences of hazards as columns, and the hazards they make."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from lpu_emu.analysis.lattice import Ints, dense
from lpu_emu.analysis.runs import RunTable
from lpu_emu.program.hazard import ADVICE, Hazard, Site, group
from lpu_emu.spec.machine import EAST, HEMISPHERES, Machine, direction, stream_name

KINDS = tuple(ADVICE)


@dataclass(frozen=True, kw_only=True, eq=False)
class Occurrences:
    """Hazards of one kind, int64 columns [n].

    ``cycle`` is that of the earliest of ``count`` occurrences; ``first`` and ``second`` are runs (-1: none)
    and ``first_cycle``, ``second_cycle`` their dispatches. ``major`` and ``minor`` name the resource, as the
    kind says.
    """

    kind: str
    cycle: Ints
    count: Ints
    major: Ints
    minor: Ints
    first: Ints
    first_cycle: Ints
    second: Ints
    second_cycle: Ints

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.cycle)


def single(
    kind: str, cycle: Ints, count: Ints, resource: tuple[Ints, Ints], run: Ints, dispatch: Ints
) -> Occurrences:
    """Occurrences that name one dispatch."""
    none = np.full(len(cycle), -1, dtype=np.int64)
    return Occurrences(
        kind=kind,
        cycle=cycle,
        count=count,
        major=resource[0],
        minor=resource[1],
        first=run,
        first_cycle=dispatch,
        second=none,
        second_cycle=none,
    )


def double(
    kind: str,
    cycle: Ints,
    count: Ints,
    resource: tuple[Ints, Ints],
    one: tuple[Ints, Ints],
    other: tuple[Ints, Ints],
) -> Occurrences:
    """Occurrences that name two dispatches (run, cycle), given in any order: the earlier one comes first.

    Runs are sorted by queue and index, so their numbers decide between equal cycles.
    """
    swap = (one[1] > other[1]) | ((one[1] == other[1]) & (one[0] > other[0]))
    return Occurrences(
        kind=kind,
        cycle=cycle,
        count=count,
        major=resource[0],
        minor=resource[1],
        first=np.where(swap, other[0], one[0]),
        first_cycle=np.where(swap, other[1], one[1]),
        second=np.where(swap, one[0], other[0]),
        second_cycle=np.where(swap, one[1], other[1]),
    )


def hazards_of(
    tables: Sequence[Occurrences], others: Sequence[Hazard], runs: RunTable, machine: Machine
) -> tuple[Hazard, ...]:
    """Merge occurrences to hazards and sort them; ``others`` are hazards that name no run."""
    found = list(others)
    for table in tables:
        if len(table):
            found += _merged(table, runs, machine)
    return group(found)


def _merged(table: Occurrences, runs: RunTable, machine: Machine) -> list[Hazard]:
    """Keep the earliest occurrences between two instructions; the first of them carries the whole count."""
    second = np.where(table.second >= 0, runs.row[table.second], -1)
    pair = dense(runs.row[table.first], second)
    total = np.bincount(pair, weights=table.count).astype(np.int64)
    order = np.lexsort((table.second_cycle, table.first_cycle, table.cycle, pair))
    lead = np.append(True, pair[order][1:] != pair[order][:-1])
    earliest = table.cycle[order][lead]
    tied = table.cycle[order] == earliest[pair[order]]
    counts = np.where(lead, total[pair[order]], 0)
    name = _RESOURCES[table.kind]
    return [
        Hazard(
            kind=table.kind,
            resource=name(machine, int(table.major[row]), int(table.minor[row])),
            cycle=int(table.cycle[row]),
            first=_site(runs, machine, int(table.first[row]), int(table.first_cycle[row])),
            second=_site(runs, machine, int(table.second[row]), int(table.second_cycle[row])),
            count=int(count),
        )
        for row, count in zip(order[tied].tolist(), counts[tied].tolist(), strict=True)
    ]


def _site(runs: RunTable, machine: Machine, run: int, cycle: int) -> Site | None:
    if run < 0:
        return None
    queue = machine.queues[int(runs.queue[run])].name
    return Site(queue=queue, index=int(runs.index[run]), line=int(runs.line[run]), cycle=cycle)


def stream_resource(stream: int, along: int) -> str:
    """Return the name of a stream at a place along its direction (x eastward, -x westward)."""
    return f"stream {stream_name(stream)} at x={along if direction(stream) == EAST else -along}"


def _stream(_: Machine, wire: int, along: int) -> str:
    return stream_resource(wire, along)


def _bank(machine: Machine, queue: int, bank: int) -> str:
    return f"bank {slice_name(machine, queue)}.{bank}"


def _word(machine: Machine, queue: int, address: int) -> str:
    return f"word {slice_name(machine, queue)}:0x{address:03x}"


def _plane(machine: Machine, plane: int, _: int) -> str:
    return f"plane {plane}"


def _row(machine: Machine, plane: int, row: int) -> str:
    return f"plane {plane} row {row}"


def _latch(machine: Machine, queue: int, _: int) -> str:
    return f"{machine.queues[queue].name} latch"


def _link(machine: Machine, link: int, _: int) -> str:
    return f"link {link_name(machine, link)}"


def slice_name(machine: Machine, queue: int) -> str:
    """Return ``W3`` for the queue index of a MEM slice."""
    return machine.queues[queue].name.removeprefix("mem.")


def link_name(machine: Machine, link: int) -> str:
    """Return ``W0`` for a link, numbered through both hemispheres."""
    side, number = divmod(link, int(machine.chip["c2c.links"]))
    return f"{HEMISPHERES[side]}{number}"


_RESOURCES: dict[str, Callable[[Machine, int, int], str]] = {
    "double_drive": _stream, "undriven": _stream, "unmet": _stream, "overwritten": _stream,
    "bank_conflict": _bank, "unwritten_read": _word,
    "no_weights": _plane, "install_busy": _plane, "load_in_flight": _plane, "plane_busy": _plane,
    "no_product": _plane, "lost_product": _plane, "row_unset": _row, "row_incomplete": _row,
    "latch_unset": _latch, "link_busy": _link, "receive_empty": _link,
}  # fmt: skip
