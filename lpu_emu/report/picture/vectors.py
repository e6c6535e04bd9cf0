"""Vectors on streams: where each is driven, how far it goes, and who samples it on the way."""

from __future__ import annotations

import numpy as np

from lpu_emu.analysis import Analysis
from lpu_emu.analysis.lattice import Ints, dense
from lpu_emu.report.picture.chains import whole
from lpu_emu.report.picture.table import Table
from lpu_emu.spec.machine import EAST, WEST_STREAM, Machine

_NOWHERE = -(1 << 60)


def vectors_of(machine: Machine, analysis: Analysis) -> tuple[Table, Table]:
    """Return the moving vectors and the samples of them.

    Neighbouring streams that carry one operand the same way are one entry. Vector ``j`` of an entry is at place
    ``along`` (x eastward, -x westward) in cycle ``slot + j * spacing + along``, from ``origin`` to ``target``.

    Columns of vectors, sorted by the cycle of the first drive: ``stream``, ``width`` (streams), ``slot``,
    ``spacing``, ``count``, ``origin``, ``target``, ``run`` (who drives), ``first``, ``step`` (dispatch ``first + j *
    step`` of the run), ``samples`` (how many rows of the other table belong to it; none: it reaches the edge).

    Columns of samples, sorted by vector: ``vector``, ``run`` (who samples), ``first``, ``step``, ``along``.
    """
    flow, runs = analysis.flows.streams, analysis.runs
    taps, pieces = flow.taps, flow.pieces
    drives = np.flatnonzero(flow.drives)
    tap = pieces.source[drives]
    end = _targets(machine, analysis, drives)
    key = (taps.run[tap], taps.operand[tap], pieces.first[drives], pieces.step[drives], end, taps.stream[tap])
    group, lead, width = _joined(key)
    source, interval = tap[lead], runs.interval[taps.run[tap[lead]]]
    first, step = pieces.first[drives[lead]], pieces.step[drives[lead]]
    table = {
        "stream": taps.stream[source],
        "width": width,
        "slot": taps.slot[source] + first * interval,
        "spacing": step * interval,
        "count": pieces.count[drives[lead]],
        "origin": taps.along[source],
        "target": end[lead],
        "run": taps.run[source],
        "first": first,
        "step": step,
    }
    return whole(table, _samples(analysis, drives, group))


def _targets(machine: Machine, analysis: Analysis, drives: Ints) -> Ints:
    """Return the place of the last sample of each drive; the edge without one."""
    flow = analysis.flows.streams
    taps, pieces = flow.taps, flow.pieces
    last = np.full(len(pieces), _NOWHERE, dtype=np.int64)
    sampled = np.flatnonzero(~flow.drives & (flow.driver >= 0))
    np.maximum.at(last, flow.driver[sampled], taps.along[pieces.source[sampled]])
    used = last[drives] > _NOWHERE
    east = taps.stream[pieces.source[drives]] // WEST_STREAM == EAST
    return np.where(used, last[drives], np.where(east, machine.positions - 1, 0))


def _joined(key: tuple[Ints, ...]) -> tuple[Ints, Ints, Ints]:
    """Join rows that differ in the last column only, by one each.

    Returns, per row, its group; and per group its first row and how many it has.
    """
    same, number = dense(*key[:-1]), key[-1]
    order = np.lexsort((number, same))
    fresh = np.append(True, (np.diff(same[order]) != 0) | (np.diff(number[order]) != 1))[: len(order)]
    group = np.empty(len(order), dtype=np.int64)
    group[order] = np.cumsum(fresh) - 1
    lead = order[fresh]
    return group, lead, np.bincount(group, minlength=len(lead)).astype(np.int64)


def _samples(analysis: Analysis, drives: Ints, group: Ints) -> dict[str, Ints]:
    """Return each sample of each group once, sorted by group."""
    flow = analysis.flows.streams
    taps, pieces = flow.taps, flow.pieces
    of_piece = np.full(len(pieces), -1, dtype=np.int64)
    of_piece[drives] = group
    rows = np.flatnonzero(~flow.drives & (flow.driver >= 0))
    tap = pieces.source[rows]
    table = np.stack(
        (of_piece[flow.driver[rows]], taps.run[tap], pieces.first[rows], pieces.step[rows], taps.along[tap])
    )
    names = ("vector", "run", "first", "step", "along")
    return dict(zip(names, _distinct(table), strict=True))


def _distinct(table: Ints) -> Ints:
    """Return the different columns of a matrix, in order."""
    table = table[:, np.lexsort(table[::-1])]
    fresh = np.append(True, np.any(table[:, 1:] != table[:, :-1], axis=0))[: table.shape[1]]
    return np.asarray(table[:, fresh])
