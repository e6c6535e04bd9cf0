"""Pieces: stretches of elements of an op whose operands lie evenly, one window at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lpu_emu.analysis.lattice import Bools, Ints
from lpu_emu.engine import columns as c
from lpu_emu.engine._jit import jit
from lpu_emu.engine.planning.ops import Ops
from lpu_emu.engine.planning.refs import Refs
from lpu_emu.engine.planning.storage import Taken

# Columns of origins: where a slot of a piece comes from; from element to element the source's element moves by STEP.
SOURCE, AT, STEP, PART, ORIGIN_COLUMNS = range(5)


@dataclass(frozen=True, kw_only=True, eq=False)
class Pieces:
    """``table`` as in :mod:`lpu_emu.engine.columns`, by op and element; the pieces of op i begin at ``begin[i]``.

    ``origins`` has a row for each slot of each piece.
    """

    table: Ints
    begin: Ints
    origins: Ints


def pieces_of(ops: Ops, refs: Refs, known: Taken, window: int, apart: Ints) -> Pieces:
    """Cut ops into pieces. ``apart`` [n, 3] are op, first element and number of elements that stand alone."""
    table = ops.table
    kind = table[:, c.KIND]
    acts = (kind != c.NOTHING) & (kind != c.ISSUE) & (kind != c.VIEW)
    limit = int(table[:, c.COUNT].max(initial=0)) + 1
    keys = np.unique(_cuts(ops, known, acts, window, apart, limit))
    begin = np.zeros(len(table) + 1, dtype=np.int64)
    begin[1:] = np.cumsum(np.bincount(keys // limit, minlength=len(table)) + acts)
    pieces = np.zeros((int(begin[-1]), c.PIECE_COLUMNS), dtype=np.int64)
    slots = _cut_up(table, keys, limit, acts, window, pieces)
    origins = np.zeros((slots, ORIGIN_COLUMNS), dtype=np.int64)
    _trace(table, refs.table, refs.begin, begin, pieces, origins)
    return Pieces(table=pieces, begin=begin, origins=origins)


def _cuts(ops: Ops, known: Taken, acts: Bools, window: int, apart: Ints, limit: int) -> Ints:
    """Return the places, as op * limit + element, at which new pieces begin."""
    table = ops.table
    long = np.flatnonzero(acts & (table[:, c.COUNT] > 1))
    several = np.flatnonzero(table[known.consumer, c.COUNT] > 1)
    rows, consumer = known.rows[several], known.consumer[several]
    span = (table[long, c.COUNT] - 1) * table[long, c.INTERVAL]
    rings = table[long, c.COUNT] // np.maximum(table[long, c.CAP], 1) + 1
    own = int(np.minimum(table[long, c.COUNT], span // window + 2).sum() + rings.sum())
    source = rows[:, c.REF_SOURCE]
    moved = rows[:, c.REF_COUNT] * np.abs(rows[:, c.REF_STEP])
    taken_rings = np.minimum(moved // np.maximum(table[source, c.CAP], 1) + 2, rows[:, c.REF_COUNT])
    alone = _weights_change(table, rows, consumer)
    taken_rings[alone] = rows[alone, c.REF_COUNT]
    room = own + int(taken_rings.sum()) + 2 * len(rows) + int((apart[:, 2] + 1).sum())
    found = np.empty(room, dtype=np.int64)
    number = _cut_ops(table, long, window, limit, found)
    number = _cut_refs(table, rows, consumer, alone, limit, found, number)
    number = _cut_apart(table, apart, limit, found, number)
    return found[:number]


def _weights_change(table: Ints, rows: Ints, consumer: Ints) -> Bools:
    slot = rows[:, c.REF_SLOT] - table[consumer, c.SLOT]
    weights = (slot == c.WEIGHT_SLOT) | (slot == c.WEIGHT_SLOT + 1)
    return (table[consumer, c.KIND] == c.ACCUMULATE) & weights & (rows[:, c.REF_STEP] != 0)


@jit
def _cut_ops(table: Ints, long: Ints, window: int, limit: int, out: Ints) -> int:
    """Cut where a window ends, and where the ring of the results begins anew."""
    number = 0
    for i in range(long.size):
        op = long[i]
        start, interval, count = table[op, c.START], table[op, c.INTERVAL], table[op, c.COUNT]
        element = 0
        while True:
            border = ((start + element * interval) // window + 1) * window
            element = element + max((border - start - element * interval + interval - 1) // interval, 1)
            if element >= count:
                break
            out[number] = op * limit + element
            number += 1
        cap, phase = table[op, c.CAP], table[op, c.PHASE]
        element = cap - phase if cap > 0 else count
        while element < count:
            out[number] = op * limit + element
            number += 1
            element += cap
    return number


@jit
def _cut_refs(
    table: Ints, rows: Ints, consumer: Ints, alone: Bools, limit: int, out: Ints, number: int
) -> int:
    """Cut where the source changes, and where the ring that is taken from begins anew."""
    for i in range(rows.shape[0]):
        op, first, count = consumer[i], rows[i, c.REF_FIRST], rows[i, c.REF_COUNT]
        base = op * limit
        if first > 0:
            out[number] = base + first
            number += 1
        if first + count < table[op, c.COUNT]:
            out[number] = base + first + count
            number += 1
        source, at, step = rows[i, c.REF_SOURCE], rows[i, c.REF_AT], rows[i, c.REF_STEP]
        cap, place = table[source, c.CAP], at + table[source, c.PHASE]
        if alone[i]:
            cap, place, step = 1, 0, 1
        if step <= 0 or cap <= 0:
            continue
        j = ((place // cap + 1) * cap - place + step - 1) // step
        while j < count:
            out[number] = base + first + j
            number += 1
            here = place + j * step
            j += max(((here // cap + 1) * cap - here + step - 1) // step, 1)
    return number


@jit
def _cut_apart(table: Ints, apart: Ints, limit: int, out: Ints, number: int) -> int:
    for i in range(apart.shape[0]):
        op, first, count = apart[i, 0], apart[i, 1], apart[i, 2]
        for k in range(max(first, 1), min(first + count + 1, table[op, c.COUNT])):
            out[number] = op * limit + k
            number += 1
    return number


@jit
def _cut_up(table: Ints, keys: Ints, limit: int, acts: Bools, window: int, pieces: Ints) -> int:
    """Fill in the pieces; return the slots that they have in all."""
    row, key, slots = 0, 0, 0
    for op in range(table.shape[0]):
        if not acts[op]:
            continue
        first = 0
        while first < table[op, c.COUNT]:
            end = table[op, c.COUNT]
            if key < keys.size and keys[key] < (op + 1) * limit:
                end = keys[key] - op * limit
                key += 1
            pieces[row, c.OP], pieces[row, c.FIRST], pieces[row, c.NUMBER] = op, first, end - first
            pieces[row, c.WINDOW] = (table[op, c.START] + first * table[op, c.INTERVAL]) // window
            pieces[row, c.SOURCES] = slots
            slots += table[op, c.SLOTS]
            row += 1
            first = end
    return slots


@jit
def _trace(table: Ints, refs: Ints, begin_of_slot: Ints, begin: Ints, pieces: Ints, origins: Ints) -> None:
    """Say where every slot of every piece comes from, and which pieces take their own results."""
    for op in range(table.shape[0]):
        low, high = begin[op], begin[op + 1]
        if low == high:
            continue
        for i in range(table[op, c.SLOTS]):
            slot = table[op, c.SLOT] + i
            ref, last = begin_of_slot[slot], begin_of_slot[slot + 1]
            for p in range(low, high):
                first = pieces[p, c.FIRST]
                while ref < last and refs[ref, c.REF_FIRST] + refs[ref, c.REF_COUNT] <= first:
                    ref += 1
                row = pieces[p, c.SOURCES] + i
                if ref >= last or refs[ref, c.REF_FIRST] > first:
                    origins[row, SOURCE] = -1
                    continue
                step = refs[ref, c.REF_STEP]
                at = refs[ref, c.REF_AT] + (first - refs[ref, c.REF_FIRST]) * step
                origins[row, SOURCE], origins[row, AT] = refs[ref, c.REF_SOURCE], at
                origins[row, STEP], origins[row, PART] = step, refs[ref, c.REF_PART]
                if refs[ref, c.REF_SOURCE] == op and at + max((pieces[p, c.NUMBER] - 1) * step, 0) >= first:
                    pieces[p, c.SERIAL] = 1
