"""Order: which piece has to wait for which, and a sequence in which none waits in vain.

What is taken comes from the same window or an earlier one, so it is enough to order the pieces of a window
among themselves. Where pieces wait for each other in a circle, as two runs may that feed each other element by
element, they have to be cut into single elements.
"""

from __future__ import annotations

import numpy as np

from lpu_emu.analysis.lattice import Ints
from lpu_emu.engine import columns as c
from lpu_emu.engine._jit import inner, jit
from lpu_emu.engine.planning.pieces import AT, SOURCE, STEP, Pieces
from lpu_emu.engine.planning.weights import Weights

# Columns of accesses: when, and which words, from LOW_WORD on by APART, an access of a bank touches.
BANK, SINCE, UNTIL, LOW_WORD, HIGH_WORD, APART, CHANGES, PIECE, ACCESS_COLUMNS = range(9)


def waits_of(table: Ints, pieces: Pieces, weights: Weights, accesses: Ints) -> tuple[Ints, Ints]:
    """Return pairs of pieces of one window: the second one waits for the first."""
    fixed = (table, pieces.table, pieces.begin, pieces.origins, weights.number, weights.row)
    rows = (weights.source, weights.at)
    number, room = 0, 4 * len(pieces.table) + 64
    while True:
        before, after = np.empty((2, room), dtype=np.int64)
        number = _operand_waits(*fixed, *rows, before, after)
        number = _access_waits(accesses, before, after, number)
        if number <= room:
            return before[:number], after[:number]
        room = number


@inner
def piece_with(pieces: Ints, begin: Ints, op: int, element: int) -> int:
    """Return the piece of an op that holds an element; the op must have pieces."""
    low, high = begin[op], begin[op + 1]
    while high - low > 1:
        middle = (low + high) // 2
        if pieces[middle, c.FIRST] <= element:
            low = middle
        else:
            high = middle
    return low


@jit
def _operand_waits(
    table: Ints,
    pieces: Ints,
    begin: Ints,
    origins: Ints,
    number_of_install: Ints,
    row_of_version: Ints,
    row_source: Ints,
    row_at: Ints,
    before: Ints,
    after: Ints,
) -> int:
    """Enter the waits for operands as far as there is room; return their number."""
    number = 0
    for p in range(pieces.shape[0]):
        op = pieces[p, c.OP]
        known_source, known_at, known_step = -1, -1, -1
        for i in range(pieces[p, c.SOURCES], pieces[p, c.SOURCES] + table[op, c.SLOTS]):
            source, at, step = origins[i, SOURCE], origins[i, AT], origins[i, STEP]
            if source < 0 or (source == known_source and at == known_at and step == known_step):
                continue
            known_source, known_at, known_step = source, at, step
            end = at + (pieces[p, c.NUMBER] - 1) * step
            number = _wait(pieces, begin, p, source, min(at, end), max(at, end), before, after, number)
            slot = i - pieces[p, c.SOURCES]
            if table[op, c.KIND] == c.ACCUMULATE and c.WEIGHT_SLOT <= slot < c.ROW_SLOT:
                row = row_of_version[number_of_install[source] + at]
                number = _wait_rows(pieces, begin, p, row_source[row], row_at[row], before, after, number)
    return number


@inner
def _wait_rows(
    pieces: Ints, begin: Ints, p: int, source: Ints, at: Ints, before: Ints, after: Ints, number: int
) -> int:
    """Wait for the loads that weights come from."""
    known_source, known_at = -1, -1
    for lane in range(source.size):
        if source[lane] < 0 or (source[lane] == known_source and at[lane] == known_at):
            continue
        known_source, known_at = source[lane], at[lane]
        number = _wait(pieces, begin, p, source[lane], at[lane], at[lane], before, after, number)
    return number


@inner
def _wait(
    pieces: Ints,
    begin: Ints,
    p: int,
    source: int,
    low: int,
    high: int,
    before: Ints,
    after: Ints,
    number: int,
) -> int:
    """Let piece p wait for the pieces of an op with elements low..high, as far as they are in its window."""
    if begin[source] == begin[source + 1]:
        return number
    q = piece_with(pieces, begin, source, low)
    while q < begin[source + 1] and pieces[q, c.FIRST] <= high:
        if q != p and pieces[q, c.WINDOW] == pieces[p, c.WINDOW]:
            if number < before.size:
                before[number], after[number] = q, p
            number += 1
        q += 1
    return number


def accesses_of(table: Ints, pieces: Pieces, lanes: int, words_per_bank: int, window: int) -> Ints:
    """Return all accesses of memory that have to keep their order, by bank and window and time."""
    kind = table[pieces.table[:, c.OP], c.KIND]
    rows = np.flatnonzero(np.isin(kind, (c.READ, c.WRITE, c.GATHER, c.SCATTER, c.STORE_ROWS, c.SWAP)))
    room = _list_accesses(
        table, pieces.table, rows, lanes, words_per_bank, np.zeros((0, ACCESS_COLUMNS), np.int64)
    )
    found = np.empty((room, ACCESS_COLUMNS), dtype=np.int64)
    _list_accesses(table, pieces.table, rows, lanes, words_per_bank, found)
    order = np.lexsort((found[:, SINCE], found[:, SINCE] // window, found[:, BANK]))
    found = found[order]
    # From here on a bank in another window is another bank.
    new = np.append(True, (np.diff(found[:, BANK]) != 0) | (np.diff(found[:, SINCE] // window) != 0))[:room]
    found[:, BANK] = np.cumsum(new)
    return found


@jit
def _list_accesses(table: Ints, pieces: Ints, rows: Ints, lanes: int, words_per_bank: int, out: Ints) -> int:
    number = 0
    for i in range(rows.size):
        p = rows[i]
        op = pieces[p, c.OP]
        kind, first, last = (
            table[op, c.KIND],
            pieces[p, c.FIRST],
            pieces[p, c.FIRST] + pieces[p, c.NUMBER] - 1,
        )
        base, stride = table[op, c.ADDRESS] // lanes, table[op, c.STRIDE] // lanes
        low, high = (
            min(base + first * stride, base + last * stride),
            max(base + first * stride, base + last * stride),
        )
        if kind == c.GATHER or kind == c.SCATTER:
            low, high, stride = base + table[op, c.A], base + table[op, c.B], 1
        if kind == c.STORE_ROWS or kind == c.SWAP:
            # Weight buffers are small, and which rows change matters little: one access takes one whole.
            low = high = -1 - table[op, c.B]
            stride = 0
        for bank in range(low // words_per_bank, high // words_per_bank + 1):
            if out.shape[0]:
                out[number, BANK], out[number, LOW_WORD], out[number, HIGH_WORD] = bank, low, high
                out[number, SINCE] = table[op, c.START] + first * table[op, c.INTERVAL]
                out[number, UNTIL] = table[op, c.START] + last * table[op, c.INTERVAL]
                out[number, APART], out[number, PIECE] = abs(stride), p
                out[number, CHANGES] = kind != c.READ and kind != c.GATHER
            number += 1
    return number


@jit
def _access_waits(accesses: Ints, before: Ints, after: Ints, number: int) -> int:
    """Keep the order of accesses to the same words; those that overlap in time wait for each other."""
    group = 0
    for j in range(accesses.shape[0]):
        if accesses[j, BANK] != accesses[group, BANK]:
            group = j
        for i in range(j - 1, group - 1, -1):
            if not _clash(accesses, i, j):
                continue
            if number < before.size:
                before[number], after[number] = accesses[i, PIECE], accesses[j, PIECE]
            number += 1
            if accesses[i, UNTIL] >= accesses[j, SINCE]:
                if number < before.size:
                    before[number], after[number] = accesses[j, PIECE], accesses[i, PIECE]
                number += 1
            elif accesses[i, CHANGES] and _covers(accesses, i, j):
                break
    return number


@inner
def _clash(accesses: Ints, i: int, j: int) -> bool:
    if not (accesses[i, CHANGES] or accesses[j, CHANGES]):
        return False
    if accesses[i, HIGH_WORD] < accesses[j, LOW_WORD] or accesses[j, HIGH_WORD] < accesses[i, LOW_WORD]:
        return False
    apart = accesses[i, APART]
    if apart > 1 and apart == accesses[j, APART]:
        return (accesses[i, LOW_WORD] - accesses[j, LOW_WORD]) % apart == 0
    return True


@inner
def _covers(accesses: Ints, i: int, j: int) -> bool:
    """Return whether access i touches all words of access j, so that who clashes with j clashes with i."""
    if accesses[i, APART] > 1:
        return False
    return accesses[i, LOW_WORD] <= accesses[j, LOW_WORD] and accesses[j, HIGH_WORD] <= accesses[i, HIGH_WORD]


def sequence_of(pieces: Ints, before: Ints, after: Ints) -> tuple[Ints, Ints]:
    """Return pieces in an order that keeps all waits, and the pieces that wait for each other in a circle."""
    n = len(pieces)
    by_before = np.argsort(before, kind="stable")
    begin = np.searchsorted(before[by_before], np.arange(n + 1))
    by_window = np.argsort(pieces[:, c.WINDOW], kind="stable")
    order, stack = np.empty((2, n), dtype=np.int64)
    waiting = np.bincount(after, minlength=n).astype(np.int64)
    done = _sort(pieces, by_window, begin, after[by_before], waiting, stack, order)
    if done == n:
        return order, np.zeros(0, dtype=np.int64)
    return order[:done], _circles(before, after, waiting)


@jit
def _sort(
    pieces: Ints, by_window: Ints, begin: Ints, after: Ints, waiting: Ints, stack: Ints, order: Ints
) -> int:
    """Take what is ready, newest first, window by window; return how many pieces could be taken."""
    done, low = 0, 0
    while low < by_window.size:
        high = low
        while high < by_window.size and pieces[by_window[high], c.WINDOW] == pieces[by_window[low], c.WINDOW]:
            high += 1
        top = 0
        for i in range(high - 1, low - 1, -1):
            if waiting[by_window[i]] == 0:
                stack[top] = by_window[i]
                top += 1
        while top:
            top -= 1
            p = stack[top]
            order[done] = p
            done += 1
            for e in range(begin[p], begin[p + 1]):
                waiting[after[e]] -= 1
                if waiting[after[e]] == 0:
                    stack[top] = after[e]
                    top += 1
        low = high
    return done


def _circles(before: Ints, after: Ints, waiting: Ints) -> Ints:
    """Return the pieces still waiting for which some piece waits that is still waiting, and so on."""
    left = waiting > 0
    while True:
        among = left[before] & left[after]
        kept = np.zeros_like(left)
        kept[before[among]] = True
        kept &= left
        if kept.sum() == left.sum():
            return np.flatnonzero(left)
        left = kept
