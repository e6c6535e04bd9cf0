"""Storage: which reads are views of SRAM, which results nobody takes, and how many elements of the others live at once.

Results of an op lie in a ring: as soon as an element has been taken by everybody, a later one may take its
place. Execution goes window by window (``window`` cycles each), in any order inside a window, so an element
lives until the end of the window in which it is taken last.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lpu_emu.analysis.lattice import Bools, Ints
from lpu_emu.engine import columns as c
from lpu_emu.engine._jit import jit
from lpu_emu.engine.planning.ops import Ops
from lpu_emu.engine.planning.refs import Refs

# A ring has room for at least this many windows: fewer make more pieces, more take more cache.
_RING_WINDOWS = 2
_PURE = (
    c.READ, c.BINARY, c.UNARY, c.CONVERT, c.ACCUMULATE, c.MERGE, c.SHIFT, c.DISTRIBUTE, c.ROTATE, c.TRANSPOSE,
)  # fmt: skip
_RINGS = (*_PURE, c.GATHER, c.PERMUTE)
_ELEMENT_MAJOR = (c.LOAD, c.SWAP, c.REPLACE)
_SIDE_EFFECTS = (c.WRITE, c.SCATTER, c.STORE_ROWS)


@dataclass(frozen=True, kw_only=True, eq=False)
class Storage:
    """By op: the bytes its results need (0: none), and the windows in which they are first made and last taken."""

    size: Ints
    birth: Ints
    death: Ints


def view_reads(ops: Ops, refs: Refs, lanes: int, words: int, window: int) -> None:
    """Turn reads of words that are not written later into views, and loads of weights from views into nothing."""
    table = ops.table
    reads = np.flatnonzero((table[:, c.KIND] == c.READ) & (table[:, c.ON] == lanes))
    last = np.full(words, -1, dtype=np.int64)
    _note_writes(table, lanes, window, last)
    settled = np.ones(len(reads), dtype=bool)
    _unwritten_since(table, reads, lanes, window, last, settled)
    views = reads[settled]
    table[views, c.KIND] = c.VIEW
    table[views, c.OUT], table[views, c.STEP] = table[views, c.ADDRESS], table[views, c.STRIDE]
    table[views, c.CAP], table[views, c.LANE_STEP] = table[views, c.COUNT], 1
    loads = np.flatnonzero(table[:, c.KIND] == c.LOAD)
    if len(loads):
        consumer = owners(ops)[refs.table[:, c.REF_SLOT]]
        source = refs.table[:, c.REF_SOURCE]
        other = (source < 0) | (table[source, c.KIND] != c.VIEW)
        copied = np.unique(consumer[other])
        table[np.setdiff1d(loads, copied), c.KIND] = c.NOTHING


def changed_words(table: Ints, lanes: int, words: int) -> Bools:
    """Return, for every word of SRAM, whether a program with these ops may write it."""
    last = np.full(words, -1, dtype=np.int64)
    _note_writes(table, lanes, 1, last)
    return np.asarray(last >= 0)


def owners(ops: Ops) -> Ints:
    """Return the op of every slot."""
    return np.repeat(np.arange(len(ops.table)), ops.table[:, c.SLOTS])


@jit
def _note_writes(table: Ints, lanes: int, window: int, last: Ints) -> None:
    """Note, for every word, the last window in which it may be written."""
    for op in range(table.shape[0]):
        kind = table[op, c.KIND]
        if kind != c.WRITE and kind != c.SCATTER:
            continue
        low, high = table[op, c.ADDRESS] // lanes, table[op, c.ADDRESS] // lanes
        if kind == c.SCATTER:
            low, high = low + table[op, c.A], high + table[op, c.B]
        for k in range(table[op, c.COUNT]):
            now = (table[op, c.START] + k * table[op, c.INTERVAL]) // window
            shift = k * table[op, c.STRIDE] // lanes
            for word in range(low + shift, high + shift + 1):
                last[word] = max(last[word], now)


@jit
def _unwritten_since(table: Ints, reads: Ints, lanes: int, window: int, last: Ints, found: Bools) -> None:
    """Strike out the reads that do not find every word as it will stay, written in an earlier window or never."""
    for i in range(reads.size):
        op = reads[i]
        word, stride = table[op, c.ADDRESS] // lanes, table[op, c.STRIDE] // lanes
        for k in range(table[op, c.COUNT]):
            if last[word + k * stride] >= (table[op, c.START] + k * table[op, c.INTERVAL]) // window:
                found[i] = False
                break


def taken(ops: Ops, refs: Refs) -> tuple[Ints, Ints]:
    """Return the refs that are taken at run time [n, columns], and the op that takes each."""
    consumer = owners(ops)[refs.table[:, c.REF_SLOT]]
    kind = ops.table[consumer, c.KIND]
    acts = (kind != c.NOTHING) & (kind != c.ISSUE) & (kind != c.VIEW)
    known = np.flatnonzero(acts & (refs.table[:, c.REF_SOURCE] >= 0))
    return refs.table[known], consumer[known]


def drop_unused(ops: Ops, refs: Refs, kept: Ints) -> None:
    """Leave out what nobody takes; ``kept`` are ops whose results are wanted at the end."""
    table = ops.table
    rows, consumer = taken(ops, refs)
    used = np.zeros(len(table), dtype=bool)
    used[rows[rows[:, c.REF_SOURCE] != consumer, c.REF_SOURCE]] = True
    used[kept] = True
    dead = np.isin(table[:, c.KIND], _PURE) & ~used
    table[dead, c.KIND] = c.NOTHING


def storage_of(ops: Ops, refs: Refs, kept: Ints, lanes: int, window: int) -> Storage:
    """Decide how the results of every op lie, and how long they live; ``kept`` as in :func:`drop_unused`."""
    table = ops.table
    rows, consumer = taken(ops, refs)
    source = rows[:, c.REF_SOURCE]
    birth = table[:, c.START] // window
    # What nobody takes is made all the same, and needs its place until then.
    death = (table[:, c.START] + (table[:, c.COUNT] - 1) * table[:, c.INTERVAL]) // window
    need = np.zeros(len(table), dtype=np.int64)
    for j in (np.zeros(len(rows), dtype=np.int64), rows[:, c.REF_COUNT] - 1):
        when = _cycle(table, consumer, rows[:, c.REF_FIRST] + j)
        made = _cycle(table, source, rows[:, c.REF_AT] + j * rows[:, c.REF_STEP])
        np.maximum.at(death, source, when // window)
        alive = (when - made + window) // table[source, c.INTERVAL] + 2
        np.maximum.at(need, source, alive)
    whole = np.ones(len(table), dtype=bool)
    whole[np.isin(table[:, c.KIND], _RINGS)] = False
    whole[kept] = True
    whole[source[rows[:, c.REF_STEP] < 0]] = True
    death[kept] = np.iinfo(np.int32).max
    return Storage(size=_lay_out(table, need, whole, lanes, window), birth=birth, death=death)


def _cycle(table: Ints, op: Ints, element: Ints) -> Ints:
    return np.asarray(table[op, c.START] + element * table[op, c.INTERVAL])


def _lay_out(table: Ints, need: Ints, whole: Bools, lanes: int, window: int) -> Ints:
    """Fill in how results lie, except where, and return how many bytes they take."""
    kind = table[:, c.KIND]
    makes = np.isin(kind, _RINGS) | np.isin(kind, _ELEMENT_MAJOR)
    cap, phase = _rings(table, need, whole, window)
    parts, size = table[:, c.PARTS], table[:, c.SIZE]
    table[makes, c.CAP], table[makes, c.PHASE] = cap[makes], phase[makes]
    major = np.isin(kind, _ELEMENT_MAJOR)
    table[makes, c.STEP] = (size * lanes * np.where(major, parts, 1))[makes]
    table[makes, c.PART_STEP] = np.where(major, lanes, np.where(parts > 1, cap * lanes, 1))[makes]
    table[makes, c.LANE_STEP] = size[makes]
    return np.where(makes, cap * size * parts * lanes, 0)


def _rings(table: Ints, need: Ints, whole: Bools, window: int) -> tuple[Ints, Ints]:
    """Return ring sizes in elements, and phases such that rings begin anew at the border of a window."""
    count, interval, start = table[:, c.COUNT], table[:, c.INTERVAL], table[:, c.START]
    each = np.maximum(window // interval, 1)
    cap = -(-np.maximum(need, _RING_WINDOWS * each) // each) * each
    ring = ~whole & (cap < count)
    opening = -((start - (start // window + 1) * window) // interval)
    phase = np.where(window % interval == 0, -opening % each, 0)
    return np.where(ring, cap, count), np.where(ring, phase, 0)
