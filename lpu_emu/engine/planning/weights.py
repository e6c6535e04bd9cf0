"""Weights: what every row of the array of a plane is, for each install that an issue uses.

An install makes a *version* of the weights of its plane. Versions are never copied: a version is a table of where
its rows lie, in SRAM mostly, where their reads are views.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lpu_emu.analysis.core import Analysis
from lpu_emu.analysis.lattice import Ints, ramp
from lpu_emu.analysis.planes import plane_of_queue
from lpu_emu.analysis.tables import Role, Tables
from lpu_emu.engine import columns as c
from lpu_emu.engine._jit import inner, jit
from lpu_emu.engine.planning.ops import Ops
from lpu_emu.engine.planning.refs import Refs
from lpu_emu.engine.planning.storage import Storage, Taken

_LOAD, _SWAP, _REPLACE, _WHOLE = range(4)


@dataclass(frozen=True, kw_only=True, eq=False)
class Weights:
    """``number`` [op] is the version of element 0 of an install, ``row`` [version] its row in the tables, or -1.

    The tables, int64 [versions in use, lanes], say which op and element and part each row of the array comes
    from; a ``source`` of -1 is a row of zeros.
    """

    number: Ints
    row: Ints
    source: Ints
    at: Ints
    part: Ints


def weights_of(analysis: Analysis, ops: Ops, refs: Refs, known: Taken, tables: Tables) -> Weights:
    """Go through loads and installs in order and note the rows of every version that is used."""
    runs, table = analysis.runs, ops.table
    role = tables.role[runs.opcode]
    acts = np.isin(role, (Role.LOAD, Role.INSTALL, Role.INSTALL_STREAM))
    run = np.flatnonzero(acts & (table[: len(runs), c.KIND] != c.STORE_ROWS))
    installs = run[role[run] != Role.LOAD]
    number = np.full(len(table), -1, dtype=np.int64)
    number[installs] = np.cumsum(runs.count[installs]) - runs.count[installs]
    row, used = _used(ops, known, number, int(runs.count[installs].sum()))
    lanes = analysis.program.machine.chip.lanes
    source, at, part = np.full((3, used, lanes), -1, dtype=np.int64)
    if used:
        plane = plane_of_queue(analysis.program.machine)[runs.queue]
        lead, k = ramp(runs.count[run])
        order = np.lexsort((runs.cycle(run[lead], k), plane[run[lead]]))
        events = np.stack((run[lead], k, plane[run[lead]], _acts(table, role, run)[lead]), axis=1)[order]
        planes = np.full((2, 3, lanes), -1, dtype=np.int64)
        _walk(events, table, refs.table, refs.begin, number, row, planes[0], planes[1], source, at, part)
    return Weights(number=number, row=row, source=source, at=at, part=part)


def _acts(table: Ints, role: Ints, run: Ints) -> Ints:
    acts = np.full(len(run), _SWAP, dtype=np.int64)
    acts[role[run] == Role.LOAD] = _LOAD
    acts[role[run] == Role.INSTALL_STREAM] = _REPLACE
    acts[np.isin(table[run, c.KIND], (c.SWAP, c.REPLACE))] = _WHOLE
    return acts


def _used(ops: Ops, known: Taken, number: Ints, versions: int) -> tuple[Ints, int]:
    """Return the table row of every version, and how many are used."""
    rows, consumer = known.rows, known.consumer
    slot = rows[:, c.REF_SLOT] - ops.table[consumer, c.SLOT]
    weights = (ops.table[consumer, c.KIND] == c.ACCUMULATE) & (
        (slot == c.WEIGHT_SLOT) | (slot == c.WEIGHT_SLOT + 1)
    )
    rows = rows[weights]
    lead, j = ramp(np.where(rows[:, c.REF_STEP] == 0, 1, rows[:, c.REF_COUNT]))
    version = number[rows[lead, c.REF_SOURCE]] + rows[lead, c.REF_AT] + j * rows[lead, c.REF_STEP]
    marked = np.zeros(versions, dtype=bool)
    marked[version] = True
    return np.where(marked, np.cumsum(marked) - 1, -1), int(marked.sum())


@inner
def find_ref(refs: Ints, begin: Ints, slot: int, element: int) -> int:
    """Return the row of the ref that covers an element of a slot, -1 if none does."""
    low, high = begin[slot], begin[slot + 1]
    while low < high:
        middle = (low + high) // 2
        if refs[middle, c.REF_FIRST] <= element:
            low = middle + 1
        else:
            high = middle
    row = low - 1
    if row < begin[slot] or element >= refs[row, c.REF_FIRST] + refs[row, c.REF_COUNT]:
        return -1
    return row


@jit
def _walk(
    events: Ints,
    table: Ints,
    refs: Ints,
    begin: Ints,
    number: Ints,
    row: Ints,
    buffer: Ints,
    array: Ints,
    source: Ints,
    at: Ints,
    part: Ints,
) -> None:
    """Keep buffer and array of one plane after the other as tables [3, lanes] of op, element and part."""
    plane = -1
    for i in range(events.shape[0]):
        op, k, act = events[i, 0], events[i, 1], events[i, 3]
        if events[i, 2] != plane:
            plane = events[i, 2]
            _clear(buffer)
            _clear(array)
        if act == _LOAD:
            _load(op, k, table, refs, begin, buffer)
            continue
        if act == _SWAP:
            _copy(buffer, array)
            _clear(buffer)
        elif act == _REPLACE:
            _load(op, k, table, refs, begin, array)
        else:
            _whole(op, k, array)
        here = row[number[op] + k]
        if here >= 0:
            for lane in range(source.shape[1]):
                source[here, lane], at[here, lane] = array[0, lane], array[1, lane]
                part[here, lane] = array[2, lane]


@inner
def _clear(rows: Ints) -> None:
    for lane in range(rows.shape[1]):
        rows[0, lane] = -1


@inner
def _copy(rows: Ints, out: Ints) -> None:
    for i in range(3):
        for lane in range(rows.shape[1]):
            out[i, lane] = rows[i, lane]


@inner
def _load(op: int, k: int, table: Ints, refs: Ints, begin: Ints, rows: Ints) -> None:
    group = table[op, c.X]
    first = (table[op, c.A] + k * table[op, c.STRIDE]) * group
    for i in range(group):
        rows[0, first + i], rows[1, first + i], rows[2, first + i] = op, k, i
        if table[op, c.KIND] != c.NOTHING:
            continue
        ref = find_ref(refs, begin, table[op, c.SLOT] + i, k)
        rows[0, first + i] = refs[ref, c.REF_SOURCE]
        rows[1, first + i] = refs[ref, c.REF_AT] + (k - refs[ref, c.REF_FIRST]) * refs[ref, c.REF_STEP]
        rows[2, first + i] = refs[ref, c.REF_PART]


@inner
def _whole(op: int, k: int, rows: Ints) -> None:
    for i in range(rows.shape[1]):
        rows[0, i], rows[1, i], rows[2, i] = op, k, i


def keep_loads(ops: Ops, known: Taken, weights: Weights, storage: Storage, window: int) -> None:
    """Let loaded rows live as long as the versions that they are part of."""
    rows, consumer = known.rows, known.consumer
    source = rows[:, c.REF_SOURCE]
    installs = np.flatnonzero(weights.number[source] >= 0)
    rows, consumer = rows[installs], consumer[installs]
    last = rows[:, c.REF_COUNT] - 1
    when = ops.table[consumer, c.START] + (rows[:, c.REF_FIRST] + last) * ops.table[consumer, c.INTERVAL]
    lead, j = ramp(np.where(rows[:, c.REF_STEP] == 0, 1, rows[:, c.REF_COUNT]))
    version = weights.number[rows[lead, c.REF_SOURCE]] + rows[lead, c.REF_AT] + j * rows[lead, c.REF_STEP]
    here = weights.row[version]
    kept = here >= 0
    _extend(here[kept], when[lead[kept]] // window, weights.source, storage.death)


@jit
def _extend(versions: Ints, when: Ints, source: Ints, death: Ints) -> None:
    for i in range(versions.size):
        for lane in range(source.shape[1]):
            op = source[versions[i], lane]
            if op >= 0:
                death[op] = max(death[op], when[i])


@jit
def weight_rows(table: Ints, source: Ints, at: Ints, part: Ints, zeros: int, out: Ints) -> None:
    """Fill ``out`` [versions, lanes] with the address of every row; rows of zeros lie at ``zeros``."""
    for v in range(source.shape[0]):
        for lane in range(source.shape[1]):
            op = source[v, lane]
            out[v, lane] = zeros if op < 0 else address_of(table, op, at[v, lane], part[v, lane])


@inner
def address_of(table: Ints, op: int, element: int, part: int) -> int:
    """Return where part of an element of an op lies."""
    place = (element + table[op, c.PHASE]) % max(table[op, c.CAP], 1)
    return table[op, c.OUT] + part * table[op, c.PART_STEP] + place * table[op, c.STEP]
