"""Operators of the source: when each ran, what it added to the program, and what bounds it.

The rule of ``bound_by``: for each resource, take the cycles for which the operator occupies the busiest
queue of that resource (of the MXM the busiest plane). With its work on these queues, no schedule can be
shorter than the largest of these loads. If that is at least half of the operator's span, the operator is
bound by that resource, else by ``latency``: pipelines that fill and drain, results that are waited for,
resources that other operators hold.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lpu_emu.analysis import Analysis
from lpu_emu.analysis.tables import Role
from lpu_emu.program.model import Program
from lpu_emu.report.figures import OperatorFigures
from lpu_emu.spec.machine import Machine, Queue

RESOURCES = ("mxm", "weights", "vxm", "mem", "sxm", "c2c")  # of equal loads, the first binds
LATENCY = "latency"
NOTHING = "none"

Ints = NDArray[np.int64]


def operator_figures(program: Program, analysis: Analysis) -> tuple[OperatorFigures, ...]:
    """Return one entry per operator, in the program's order."""
    accounts = analysis.accounts.operators
    loads = _loads(program, analysis)
    added = _added([account.end for account in accounts])
    moved = _moved_bytes(program, analysis)
    found = []
    for i, (operator, account) in enumerate(zip(program.operators, accounts, strict=True)):
        cycles = account.end - account.start
        own = {name: int(loads[name][i]) for name in RESOURCES if loads[name][i]}
        found.append(
            OperatorFigures(
                name=operator.name,
                op_type=operator.op_type,
                start=account.start,
                end=account.end,
                cycles=cycles,
                added_cycles=added[i],
                macs=operator.macs,
                ideal_cycles=operator.ideal_cycles,
                sram_bytes=moved[i],
                loads=own,
                bound_by=bound_by(own, cycles),
            )
        )
    return tuple(found)


def bound_by(loads: dict[str, int], cycles: int) -> str:
    """Return what bounds an operator with these loads and this span: a resource, ``latency``, or ``none``."""
    if not cycles:
        return NOTHING
    name = max(RESOURCES, key=lambda resource: loads.get(resource, 0))
    return name if 2 * loads.get(name, 0) >= cycles else LATENCY


def _added(ends: list[int]) -> list[int]:
    """Return how much later each operator ends than all that end before it; equal ends count once."""
    added, reached = [0] * len(ends), 0
    for i in sorted(range(len(ends)), key=lambda i: ends[i]):
        added[i] = ends[i] - reached
        reached = ends[i]
    return added


def _moved_bytes(program: Program, analysis: Analysis) -> list[int]:
    """Return the bytes that each operator's instructions read and write; a gather or scatter moves one vector."""
    words, runs = analysis.flows.words, analysis.runs
    run = np.concatenate((words.accesses.run, words.regions.run))
    vectors = np.concatenate((words.accesses.count, words.regions.count))
    owned = runs.origin[run] >= 0
    total = np.bincount(runs.origin[run[owned]], vectors[owned], minlength=len(program.operators))
    moved: list[int] = (total.astype(np.int64) * program.machine.chip.lanes).tolist()
    return moved


def _loads(program: Program, analysis: Analysis) -> dict[str, Ints]:
    """Return, by resource, the cycles [operator] that the busiest queue or plane is occupied."""
    number = len(program.operators)
    runs, queues = analysis.runs, program.machine.queues
    dispatches = _table(runs.origin, runs.queue, runs.count, (number, len(queues)))
    loads = {}
    for name in RESOURCES:
        columns = [queue.index for queue in queues if resource_of(queue) == name]
        loads[name] = dispatches[:, columns].max(axis=1, initial=0)
    loads["mxm"] = np.maximum(loads["mxm"], _occupied(program.machine, analysis, number))
    return loads


def resource_of(queue: Queue) -> str:
    """Return the resource that a queue stands for: its unit; ``weights`` for the weight queues of the MXM."""
    return "weights" if queue.kind == "weights" else queue.unit


def _occupied(machine: Machine, analysis: Analysis, operators: int) -> Ints:
    """Return the cycles [operator] that issues occupy the busiest plane."""
    events = analysis.flows.planes
    issues = events.rows(Role.ACTIVATE)
    origin = analysis.runs.origin[events.run[issues]]
    cycles = events.busy[issues] * events.count[issues]
    table = _table(origin, events.plane[issues], cycles, (operators, 2 * machine.chip.planes))
    return np.asarray(table.max(axis=1, initial=0))


def _table(row: Ints, column: Ints, amount: Ints, shape: tuple[int, int]) -> Ints:
    """Sum amounts into a table; rows below 0 belong to no operator."""
    owned = row >= 0
    key = row[owned] * shape[1] + column[owned]
    total = np.bincount(key, weights=amount[owned], minlength=shape[0] * shape[1])
    return total.astype(np.int64).reshape(shape)
