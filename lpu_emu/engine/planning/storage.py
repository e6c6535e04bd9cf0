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
from lpu_emu.engine._jit import inner, jit
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


@dataclass(frozen=True, kw_only=True, eq=False)
class Taken:
    """The refs that are taken at run time, ``rows`` [n, columns], and the op that takes each, ``consumer`` [n]."""

    rows: Ints
    consumer: Ints


def taken(ops: Ops, refs: Refs) -> Taken:
    """Return what ops take that do something."""
    rows = np.empty((len(refs.table), c.REF_COLUMNS), dtype=np.int64)
    consumer = np.empty(len(refs.table), dtype=np.int64)
    number = _take(ops.table, refs.table, refs.begin, rows, consumer)
    return Taken(rows=rows[:number], consumer=consumer[:number])


@jit
def _take(table: Ints, refs: Ints, begin: Ints, rows: Ints, consumer: Ints) -> int:
    number = 0
    for op in range(table.shape[0]):
        kind, slot, slots = table[op, c.KIND], table[op, c.SLOT], table[op, c.SLOTS]
        if kind == c.NOTHING or kind == c.ISSUE or kind == c.VIEW or slots == 0:
            continue
        for ref in range(begin[slot], begin[slot + slots]):
            if refs[ref, c.REF_SOURCE] < 0:
                continue
            consumer[number] = op
            for column in range(c.REF_COLUMNS):
                rows[number, column] = refs[ref, column]
            number += 1
    return number


def drop_unused(ops: Ops, refs: Refs, kept: Ints) -> None:
    """Leave out what nobody takes; ``kept`` are ops whose results are wanted at the end."""
    table, all_taken = ops.table, taken(ops, refs)
    source = all_taken.rows[:, c.REF_SOURCE]
    used = np.zeros(len(table), dtype=bool)
    used[source[source != all_taken.consumer]] = True
    used[kept] = True
    dead = np.isin(table[:, c.KIND], _PURE) & ~used
    table[dead, c.KIND] = c.NOTHING


def storage_of(ops: Ops, known: Taken, kept: Ints, lanes: int, window: int) -> Storage:
    """Decide how the results of every op lie, and how long they live; ``kept`` as in :func:`drop_unused`."""
    table = ops.table
    birth, death, need, size = np.zeros((4, len(table)), dtype=np.int64)
    whole = np.zeros(len(table), dtype=bool)
    _lifetimes(table, known.rows, known.consumer, window, birth, death, need, whole)
    whole[kept] = True
    death[kept] = np.iinfo(np.int32).max
    _lay_out(table, need, whole, _marked(_RINGS), _marked(_ELEMENT_MAJOR), lanes, window, size)
    return Storage(size=size, birth=birth, death=death)


def _marked(kinds: tuple[int, ...]) -> Bools:
    found = np.zeros(c.KINDS, dtype=bool)
    found[list(kinds)] = True
    return found


@jit
def _lifetimes(
    table: Ints, rows: Ints, consumer: Ints, window: int, birth: Ints, death: Ints, need: Ints, whole: Bools
) -> None:
    """Fill in the windows of the first and the last use, how many elements live at once, and what is taken backwards."""
    for op in range(table.shape[0]):
        start, interval = table[op, c.START], table[op, c.INTERVAL]
        birth[op] = start // window
        # What nobody takes is made all the same, and needs its place until then.
        death[op] = (start + (table[op, c.COUNT] - 1) * interval) // window
    for i in range(rows.shape[0]):
        op, source, step = consumer[i], rows[i, c.REF_SOURCE], rows[i, c.REF_STEP]
        whole[source] |= step < 0
        last = rows[i, c.REF_COUNT] - 1
        for j in range(0, last + 1, max(last, 1)):
            when = table[op, c.START] + (rows[i, c.REF_FIRST] + j) * table[op, c.INTERVAL]
            made = table[source, c.START] + (rows[i, c.REF_AT] + j * step) * table[source, c.INTERVAL]
            death[source] = max(death[source], when // window)
            need[source] = max(need[source], (when - made + window) // table[source, c.INTERVAL] + 2)


@jit
def _lay_out(
    table: Ints, need: Ints, whole: Bools, rings: Bools, majors: Bools, lanes: int, window: int, sizes: Ints
) -> None:
    """Fill in how results lie, except where, and how many bytes they take."""
    for op in range(table.shape[0]):
        row = table[op]
        is_ring, is_major = rings[row[c.KIND]], majors[row[c.KIND]]
        if not is_ring and not is_major:
            continue
        cap, phase = row[c.COUNT], 0
        if is_ring and not whole[op]:
            cap, phase = _ring(row, need[op], window)
        size, parts = row[c.SIZE], row[c.PARTS]
        row[c.CAP], row[c.PHASE], row[c.LANE_STEP] = cap, phase, size
        row[c.STEP] = size * lanes * (parts if is_major else 1)
        row[c.PART_STEP] = lanes if is_major else (cap * lanes if parts > 1 else 1)
        sizes[op] = cap * size * parts * lanes


@inner
def _ring(row: Ints, need: int, window: int) -> tuple[int, int]:
    """Return the size of a ring in elements, and a phase such that it begins anew at the border of a window."""
    interval, start = row[c.INTERVAL], row[c.START]
    each = max(window // interval, 1)
    cap = (max(need, _RING_WINDOWS * each) + each - 1) // each * each
    if cap >= row[c.COUNT]:
        return row[c.COUNT], 0
    if window % interval:
        return cap, 0
    opening = ((start // window + 1) * window - start + interval - 1) // interval
    return cap, (each - opening % each) % each
