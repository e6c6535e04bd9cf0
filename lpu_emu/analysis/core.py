"""The analysis of a program: control flow, then every resource, each resolved once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lpu_emu import timing
from lpu_emu.analysis.accounts import Accounts, accounts_of
from lpu_emu.analysis.accumulators import product_hazards, row_hazards
from lpu_emu.analysis.control import Timeline, timeline_of
from lpu_emu.analysis.flows import Flows, flows_of
from lpu_emu.analysis.latches import latch_hazards
from lpu_emu.analysis.links import link_hazards
from lpu_emu.analysis.listing import Listing, listing_of
from lpu_emu.analysis.memory import bank_hazards
from lpu_emu.analysis.occurrences import Occurrences, hazards_of
from lpu_emu.analysis.planes import plane_hazards, wide_issues
from lpu_emu.analysis.producers import Producers, producers_of
from lpu_emu.analysis.regions import region_hazards
from lpu_emu.analysis.runs import RunTable, runs_of
from lpu_emu.analysis.streams import stream_hazards
from lpu_emu.analysis.tables import Tables, tables_of
from lpu_emu.analysis.words import output_hazards, word_hazards
from lpu_emu.program.hazard import Hazard, Site
from lpu_emu.program.model import Program


@dataclass(frozen=True, kw_only=True, eq=False)
class Analysis:
    """What is known about a program before any value is.

    ``runs`` are all dispatches, ``listing`` and ``timeline`` the instructions and when each is reached,
    ``flows`` the resolved resources. ``producers`` and ``accounts`` are made from them when first asked for.
    """

    program: Program
    cycles: int
    hazards: tuple[Hazard, ...]
    runs: RunTable
    listing: Listing
    timeline: Timeline
    flows: Flows

    @cached_property
    def producers(self) -> Producers:
        """For everything that a dispatch takes, the dispatch it comes from."""
        return producers_of(self.flows)

    @cached_property
    def accounts(self) -> Accounts:
        """Where the cycles, the text, the SRAM accesses and the streams went."""
        return accounts_of(self.program, self.cycles, self.listing, self.timeline, self.runs, self.flows)


def analyse(program: Program, *, hazard_free: bool = False) -> Analysis:
    """Return cycles, hazards, runs, producers and accounts of a program that fits its chip.

    ``hazard_free`` says that the same program is known to have no hazards, not even warnings: nobody looks for them.
    """
    machine, tables = program.machine, tables_of(program.machine)
    listing = listing_of(program)
    timeline = timeline_of(listing, machine, tables)
    runs = runs_of(listing, timeline, machine, tables)
    cycles = _cycles(program, timeline, runs, tables)
    flows = flows_of(program, runs, tables, cycles)
    hazards: tuple[Hazard, ...] = ()
    if not hazard_free:
        others = _parked(program, timeline, listing) + output_hazards(flows.words, program, cycles)
        hazards = hazards_of(_occurrences(program, flows, runs, tables), others, runs, machine)
    return Analysis(
        program=program,
        cycles=cycles,
        hazards=hazards,
        runs=runs,
        listing=listing,
        timeline=timeline,
        flows=flows,
    )


def _cycles(program: Program, timeline: Timeline, runs: RunTable, tables: Tables) -> int:
    _, wide = wide_issues(runs, program.machine, tables)
    finish = np.where(wide, tables.finish_wide[runs.opcode], tables.finish[runs.opcode])
    last = runs.start + (runs.count - 1) * runs.interval + finish + 1
    return timing.program_cycles(program.machine, timeline.end, int(last.max(initial=0)))


def _occurrences(program: Program, flows: Flows, runs: RunTable, tables: Tables) -> list[Occurrences]:
    machine = program.machine
    return [
        *stream_hazards(flows.streams, runs),
        bank_hazards(flows.banks, runs, machine.chip.banks),
        word_hazards(flows.words, runs),
        region_hazards(flows.words, runs),
        latch_hazards(flows.latches, runs),
        *plane_hazards(flows.planes, flows.weights, runs),
        *product_hazards(flows.products, runs, machine, tables),
        *row_hazards(flows.rows, runs, tables),
        *link_hazards(flows.links, runs, machine),
    ]


def _parked(program: Program, timeline: Timeline, listing: Listing) -> list[Hazard]:
    found = []
    for row, cycle in timeline.parked.tolist():
        name = program.machine.queues[int(listing.queue[row])].name
        site = Site(queue=name, index=int(listing.index[row]), line=int(listing.line[row]), cycle=cycle)
        found.append(Hazard(kind="never_notified", resource=name, cycle=cycle, first=site, second=None))
    return found
