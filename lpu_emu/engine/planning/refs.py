"""Refs: where every operand of every op comes from, whichever resource carried it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lpu_emu.analysis.core import Analysis
from lpu_emu.analysis.lattice import Bools, Ints, ramp
from lpu_emu.analysis.order import Links
from lpu_emu.analysis.planes import plane_of_queue
from lpu_emu.analysis.tables import Role, Tables
from lpu_emu.engine import columns as c
from lpu_emu.engine.planning.before import installs_before, latches_before, rows_before
from lpu_emu.engine.planning.ops import Ops
from lpu_emu.spec.machine import LATCH

_NOBODY = -1


@dataclass(frozen=True, kw_only=True, eq=False)
class Refs:
    """Refs sorted by slot and first element, and for every slot the row of its first ref, [slots + 1].

    The refs of a slot cover each element at most once.
    """

    table: Ints
    begin: Ints


def refs_of(analysis: Analysis, ops: Ops, tables: Tables) -> Refs:
    """Return the refs of all slots; an accumulation has those of the issue whose product it takes."""
    plain = [
        _streams(analysis, ops),
        *_latches(analysis, ops, tables),
        *_rows(analysis, ops, tables),
        _vectors(analysis, ops),
        _weights(analysis, ops),
        *_merges(analysis, ops, tables),
        _installs(analysis, ops, tables),
    ]
    issued = _sorted(plain, ops)
    return _sorted([issued.table, *_accumulations(analysis, ops, issued)], ops)


def _sorted(parts: list[Ints], ops: Ops) -> Refs:
    table = np.concatenate(parts)
    key = table[:, c.REF_SLOT] * _limit(ops) + table[:, c.REF_FIRST]
    order = np.argsort(key, kind="stable")
    key = key[order]
    kept = np.append(True, key[1:] != key[:-1])[: len(key)]
    table = np.ascontiguousarray(table[order[kept]])
    slots = int(ops.table[:, c.SLOTS].sum())
    return Refs(table=table, begin=np.searchsorted(table[:, c.REF_SLOT], np.arange(slots + 1)))


def _limit(ops: Ops) -> int:
    return int(ops.table[:, c.COUNT].max(initial=0)) + 1


def _refs(
    slot: Ints, first: Ints, step: Ints, count: Ints, source: Ints, at: Ints, move: Ints, part: Ints
) -> Ints:
    """Return refs [n, columns]; those that skip elements become one ref for each element."""
    split = (step != 1) & (count > 1)
    if not split.any():
        return np.stack((slot, first, count, source, at, move, part), axis=1)
    row, j = ramp(np.where(split, count, 1))
    one = split[row]
    return np.stack(
        (
            slot[row],
            first[row] + j * step[row],
            np.where(one, 1, count[row]),
            source[row],
            at[row] + j * move[row],
            np.where(one, 0, move[row]),
            part[row],
        ),
        axis=1,
    )


def _streams(analysis: Analysis, ops: Ops) -> Ints:
    s = analysis.producers.streams
    consumer = ops.consumer(s.consumer)
    kept = np.flatnonzero(ops.table[consumer, c.SLOTS] > 0)
    run, operand = s.consumer[kept], s.operand[kept]
    slot = ops.table[consumer[kept], c.SLOT] + ops.ports[run, operand] + s.part[kept]
    return _refs(
        slot,
        s.first[kept],
        s.step[kept],
        s.count[kept],
        s.producer[kept],
        s.producer_first[kept],
        s.producer_step[kept],
        s.producer_part[kept],
    )


def _bytes(ops: Ops, links: Links, slot: Ints, width: Ints, rows: Bools | Ints) -> Ints:
    """Return refs to the bytes of what runs left in latches or rows; bytes above a narrow result are zero."""
    some, slot, width = links.where(rows), slot[rows], width[rows]
    row, part = ramp(width)
    writer = some.writer[row]
    source = np.where(writer >= 0, ops.state(writer), _NOBODY)
    source = np.where(part < ops.table[source, c.SIZE], source, _NOBODY)
    return _refs(
        slot[row] + part,
        some.first[row],
        some.step[row],
        some.count[row],
        source,
        some.writer_first[row],
        some.writer_step[row],
        part,
    )


def _latches(analysis: Analysis, ops: Ops, tables: Tables) -> Iterator[Ints]:
    links, runs = analysis.producers.latches, analysis.runs
    if not len(links):
        return
    opcode, ports = runs.opcode[links.reader], tables.ports
    for port, width in enumerate((c.X, c.Y)):
        column = ports.column[opcode, port]
        value = runs.args[links.reader, np.maximum(column, 0)]
        rows = np.flatnonzero((column >= 0) & ~ports.drives[opcode, port] & (value == LATCH))
        before = ops.ports[links.reader, np.maximum(column, 0)]
        slot = ops.table[links.reader, c.SLOT] + before
        yield _bytes(ops, links, slot, ops.table[links.reader, width], rows)


def _rows(analysis: Analysis, ops: Ops, tables: Tables) -> Iterator[Ints]:
    links = analysis.producers.rows
    if not len(links):
        return
    adds = tables.role[analysis.runs.opcode[links.reader]] == Role.ACCUMULATE
    slot = ops.table[links.reader, c.SLOT] + np.where(adds, c.ROW_SLOT, 0)
    yield _bytes(ops, links, slot, np.full(len(links), 4), np.arange(len(links)))


def _vectors(analysis: Analysis, ops: Ops) -> Ints:
    links = analysis.producers.vectors
    none = np.zeros(len(links), dtype=np.int64)
    slot = ops.table[links.reader, c.SLOT]
    return _refs(
        slot, links.first, links.step, links.count, links.writer, links.writer_first, links.writer_step, none
    )


def _weights(analysis: Analysis, ops: Ops) -> Ints:
    links, runs = analysis.producers.weights, analysis.runs
    home = plane_of_queue(analysis.program.machine)[runs.queue[links.reader]]
    slot = ops.table[links.reader, c.SLOT] + 2 + analysis.producers.weight_planes - home
    none = np.zeros(len(links), dtype=np.int64)
    return _refs(
        slot, links.first, links.step, links.count, links.writer, links.writer_first, links.writer_step, none
    )


def _merges(analysis: Analysis, ops: Ops, tables: Tables) -> Iterator[Ints]:
    """What keeps the lanes that are off takes the new bytes, and those of the latch or row before."""
    run = np.flatnonzero(ops.merges >= 0)
    if not len(run):
        return
    row, part = ramp(ops.table[run, c.SIZE])
    none = np.zeros(len(row), dtype=np.int64)
    new = ops.table[ops.merges[run[row]], c.SLOT] + c.NEW_SLOT + part
    yield _refs(new, none, none + 1, ops.table[run[row], c.COUNT], run[row], none, none + 1, part)
    for links in (latches_before(analysis, tables, run), rows_before(analysis, tables, run)):
        old = ops.table[ops.merges[links.reader], c.SLOT] + c.OLD_SLOT
        yield _bytes(ops, links, old, np.full(len(links), 4), np.arange(len(links)))


def _installs(analysis: Analysis, ops: Ops, tables: Tables) -> Ints:
    """Installs of planes that work on bytes take the array before."""
    run = np.flatnonzero(np.isin(ops.table[: len(analysis.runs), c.KIND], (c.SWAP, c.REPLACE)))
    links = installs_before(analysis, run)
    slot = ops.table[links.reader, c.SLOT] + ops.table[links.reader, c.X]
    none = np.zeros(len(links), dtype=np.int64)
    return _refs(
        slot, links.first, links.step, links.count, links.writer, links.writer_first, links.writer_step, none
    )


def _accumulations(analysis: Analysis, ops: Ops, issued: Refs) -> Iterator[Ints]:
    """Give accumulations the operands of their issues."""
    links = analysis.producers.products
    none = np.zeros(len(links), dtype=np.int64)
    slot = ops.table[links.reader, c.SLOT]
    products = _refs(
        slot, links.first, links.step, links.count, links.writer, links.writer_first, links.writer_step, none
    )
    yield products
    for number, own in enumerate((c.X_SLOT, c.X_SLOT + 1, c.WEIGHT_SLOT, c.WEIGHT_SLOT + 1)):
        yield _through(products, ops, issued, number, own)


def _through(products: Ints, ops: Ops, issued: Refs, number: int, own: int) -> Ints:
    """Return, for slot ``own`` of accumulations, the refs of slot ``number`` of the issues they take."""
    limit, table = _limit(ops), issued.table
    key = table[:, c.REF_SLOT] * limit + table[:, c.REF_FIRST]
    slot = ops.table[products[:, c.REF_SOURCE], c.SLOT] + number
    move = np.where(products[:, c.REF_COUNT] > 1, products[:, c.REF_STEP], 1)
    begin = products[:, c.REF_AT]
    end = begin + (products[:, c.REF_COUNT] - 1) * move
    low = np.searchsorted(key, slot * limit + begin, side="right") - 1
    high = np.searchsorted(key, slot * limit + end, side="right")
    p, i = ramp(high - low)
    r = table[np.maximum(low[p] + i, 0)] if len(table) else np.zeros((0, c.REF_COLUMNS), dtype=np.int64)
    skip = np.maximum(-((begin[p] - r[:, c.REF_FIRST]) // move[p]), 0)
    last = (r[:, c.REF_FIRST] + r[:, c.REF_COUNT] - 1 - begin[p]) // move[p]
    count = np.minimum(last, products[p, c.REF_COUNT] - 1) - skip + 1
    kept = (count > 0) & (r[:, c.REF_SLOT] == slot[p]) & (low[p] + i >= 0)
    p, skip, count, r = p[kept], skip[kept], count[kept], r[kept]
    into = begin[p] + skip * move[p] - r[:, c.REF_FIRST]
    return np.stack(
        (
            products[p, c.REF_SLOT] + own,
            products[p, c.REF_FIRST] + skip,
            count,
            r[:, c.REF_SOURCE],
            r[:, c.REF_AT] + into * r[:, c.REF_STEP],
            move[p] * r[:, c.REF_STEP],
            r[:, c.REF_PART],
        ),
        axis=1,
    )
