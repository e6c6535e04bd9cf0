"""What was there before: the latch, row or weights that a part of a program changes in some lanes only."""

from __future__ import annotations

import numpy as np

from lpu_emu.analysis.core import Analysis
from lpu_emu.analysis.history import Walks, last_writes, steps_of, untangled
from lpu_emu.analysis.lattice import Ints, Progressions
from lpu_emu.analysis.order import Links, last_before
from lpu_emu.analysis.planes import plane_of_queue
from lpu_emu.analysis.tables import Role, Tables


def latches_before(analysis: Analysis, tables: Tables, runs: Ints) -> Links:
    """Link each latch write of some runs to the write of the latch before it, both as runs."""
    flow, table = analysis.flows.latches, analysis.runs
    wanted = flow.writes & np.isin(flow.run, runs) & (tables.role[table.opcode[flow.run]] != Role.ACCUMULATE)
    events = Progressions(
        key=table.queue[flow.run], start=flow.time, step=table.interval[flow.run], count=table.count[flow.run]
    )
    return _known(last_before(events, flow.run, wanted, flow.writes), flow.run)


def rows_before(analysis: Analysis, tables: Tables, runs: Ints) -> Links:
    """Link each accumulation of some runs to the one on its row before it, both as runs."""
    flow = analysis.flows.rows
    wanted = flow.walks.writes & np.isin(flow.run, runs)
    walks = Walks(**{**vars(flow.walks), "reads": wanted})
    return _known(last_writes(walks, untangled(walks, steps_of(walks))), flow.run)


def installs_before(analysis: Analysis, runs: Ints) -> Links:
    """Link each install of some runs to the install on its plane before it, both as runs."""
    table = analysis.runs
    plane = plane_of_queue(analysis.program.machine)[table.queue[runs]]
    events = Progressions(
        key=plane, start=table.start[runs], step=table.interval[runs], count=table.count[runs]
    )
    every = np.ones(len(runs), dtype=bool)
    return _known(last_before(events, runs, every, every), runs)


def _known(links: Links, run: Ints) -> Links:
    """Return the links that have a writer, with runs for rows of the table they were made from."""
    kept = links.where(links.writer >= 0)
    return Links(**{**vars(kept), "reader": run[kept.reader], "writer": run[kept.writer]})
