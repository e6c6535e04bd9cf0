"""Every resource of a program, resolved: who meets whom on streams, in memories, on planes and links."""

from __future__ import annotations

from dataclasses import dataclass

from lpu_emu.analysis.accumulators import ProductFlow, RowFlow, product_flow, row_flow
from lpu_emu.analysis.latches import LatchFlow, latch_flow
from lpu_emu.analysis.links import LinkFlow, link_flow
from lpu_emu.analysis.memory import BankUse, accesses_of, bank_use, regions_of
from lpu_emu.analysis.order import Links
from lpu_emu.analysis.planes import PlaneEvents, plane_events, weight_links
from lpu_emu.analysis.runs import RunTable
from lpu_emu.analysis.streams import StreamFlow, flow_of, taps_of
from lpu_emu.analysis.tables import Tables
from lpu_emu.analysis.words import Words, words_of
from lpu_emu.program.model import Program


@dataclass(frozen=True, kw_only=True, eq=False)
class Flows:
    """The resolved resources of a program."""

    streams: StreamFlow
    banks: BankUse
    words: Words
    latches: LatchFlow
    planes: PlaneEvents
    weights: Links
    products: ProductFlow
    rows: RowFlow
    links: LinkFlow


def flows_of(program: Program, runs: RunTable, tables: Tables, cycles: int) -> Flows:
    """Resolve all resources of a program; ``cycles`` is its length."""
    machine = program.machine
    accesses, regions = accesses_of(runs, tables), regions_of(runs, tables)
    planes = plane_events(runs, machine, tables)
    return Flows(
        streams=flow_of(taps_of(runs, tables), runs),
        banks=bank_use(accesses, regions, machine.chip.words_per_bank),
        words=words_of(program, accesses, regions, cycles),
        latches=latch_flow(runs, tables),
        planes=planes,
        weights=weight_links(planes),
        products=product_flow(runs, machine, tables),
        rows=row_flow(runs, machine, tables),
        links=link_flow(runs, program, tables),
    )
