"""ALU latches: which write each sample of a latch sees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lpu_emu.analysis.lattice import Bools, Ints, Progressions
from lpu_emu.analysis.occurrences import Occurrences, single
from lpu_emu.analysis.order import Links, last_before
from lpu_emu.analysis.runs import RunTable
from lpu_emu.analysis.tables import Tables
from lpu_emu.spec.machine import LATCH


@dataclass(frozen=True, kw_only=True, eq=False)
class LatchFlow:
    """Uses of latches, int64 columns [n], at ``time + k * interval`` of ``run``.

    ``links`` say who wrote what is read; their rows are those of this table.
    """

    run: Ints
    time: Ints
    writes: Bools
    links: Links


def latch_flow(runs: RunTable, tables: Tables) -> LatchFlow:
    """Resolve all latches; an operation that takes its latch twice has two rows."""
    ports = tables.ports
    column = ports.column[runs.opcode]
    value = np.take_along_axis(runs.args, np.maximum(column, 0), axis=1)
    run, port = np.nonzero((column >= 0) & (value == LATCH))
    opcode = runs.opcode[run]
    writes = ports.drives[opcode, port]
    time = runs.start[run] + ports.latch_delay[opcode, port]
    events = Progressions(key=runs.queue[run], start=time, step=runs.interval[run], count=runs.count[run])
    rank = ~writes * len(runs) + run
    return LatchFlow(run=run, time=time, writes=writes, links=last_before(events, rank, ~writes, writes))


def latch_hazards(flow: LatchFlow, runs: RunTable) -> Occurrences:
    """Find samples of latches that nothing was written to."""
    lost = flow.links.where(flow.links.writer < 0)
    run = flow.run[lost.reader]
    cycle = flow.time[lost.reader] + lost.first * runs.interval[run]
    resource = (runs.queue[run], np.zeros_like(run))
    return single("latch_unset", cycle, lost.count, resource, run, runs.cycle(run, lost.first))
