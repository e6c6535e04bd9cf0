"""Instructions and runs: what stands in each queue, and when it is dispatched."""

from __future__ import annotations

import numpy as np

from lpu_emu.analysis import Analysis
from lpu_emu.analysis.tables import Role, tables_of
from lpu_emu.report.picture.table import Table
from lpu_emu.spec.machine import Machine


def instructions_of(machine: Machine, analysis: Analysis) -> Table:
    """Return the text of all queues, sorted by queue and index.

    Columns: ``queue``, ``index``, ``opcode``, ``line`` (0 unknown), ``operator`` (-1 none), ``start`` (the first cycle
    in which the queue is at it; -1 never, and for a ``repeat``), ``a0``, ``a1``, ... (its arguments).
    """
    listing, timeline = analysis.listing, analysis.timeline
    start = np.full(len(listing), -1, dtype=np.int64)
    start[timeline.row] = timeline.start
    table = {
        "queue": listing.queue,
        "index": listing.index,
        "opcode": listing.opcode,
        "line": listing.line,
        "operator": listing.origin,
        "start": start,
    }
    return Table(columns=table | {f"a{i}": listing.args[:, i] for i in range(machine.isa.widest)})


def runs_of(machine: Machine, analysis: Analysis) -> Table:
    """Return the runs, sorted by queue and instruction: dispatch k is in cycle ``start + k * interval``.

    Columns: ``queue``, ``row`` (of the instructions), ``start``, ``interval``, ``count``, ``shift`` and ``stride``
    (dispatch k adds ``shift + k * stride`` to the strided arguments), ``operator`` (-1 none).
    """
    runs, listing, tables = analysis.runs, analysis.listing, tables_of(machine)
    moved = np.where(tables.strided[runs.opcode], runs.args - listing.args[runs.row], 0)
    shift = np.where(np.any(moved > 0, axis=1), moved.max(axis=1, initial=0), moved.min(axis=1, initial=0))
    table = {
        "queue": runs.queue,
        "row": runs.row,
        "start": runs.start,
        "interval": runs.interval,
        "count": runs.count,
        "shift": shift,
        "stride": runs.stride,
        "operator": runs.origin,
    }
    return Table(columns=table)


def issues_of(analysis: Analysis) -> Table:
    """Return the issues that occupy planes.

    Columns: ``run``, ``plane``, ``busy`` (cycles for which each issue occupies the plane).
    """
    events = analysis.flows.planes
    rows = np.flatnonzero(events.rows(Role.ACTIVATE))
    return Table(columns={"run": events.run[rows], "plane": events.plane[rows], "busy": events.busy[rows]})
