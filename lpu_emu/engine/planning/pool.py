"""The pool: where results lie, so that what lives at different times shares its place."""

from __future__ import annotations

import math

import numpy as np

from lpu_emu.analysis.lattice import Ints
from lpu_emu.engine._jit import inner, jit

_ALIGNED_BYTES = 64


def unit_of(lanes: int) -> int:
    """Return the bytes that every place is a multiple of: whole rows, and whole cache lines."""
    return math.lcm(lanes, _ALIGNED_BYTES)


def place(size: Ints, birth: Ints, death: Ints, unit: int) -> tuple[Ints, int]:
    """Return an offset for every item, and the bytes needed in all; items of size 0 need no place.

    Items that live in the same window, birth and death included, never overlap.
    """
    offset = np.zeros(len(size), dtype=np.int64)
    used = np.flatnonzero(size)
    by_birth = used[np.argsort(birth[used], kind="stable")]
    by_death = used[np.argsort(death[used], kind="stable")]
    rounded = -(-size // unit) * unit
    begin, room = np.empty((2, len(used) + 1), dtype=np.int64)
    return offset, int(_place(rounded, birth, death, by_birth, by_death, begin, room, offset))


@jit
def _place(
    size: Ints,
    birth: Ints,
    death: Ints,
    by_birth: Ints,
    by_death: Ints,
    begin: Ints,
    room: Ints,
    offset: Ints,
) -> int:
    """First fit among the gaps (``begin`` and ``room``, by place), which grow together again."""
    gaps, over, top = 0, 0, 0
    for i in range(by_birth.size):
        item = by_birth[i]
        while over < by_death.size and death[by_death[over]] < birth[item]:
            gaps = _give_back(offset[by_death[over]], size[by_death[over]], begin, room, gaps)
            over += 1
        gap = 0
        while gap < gaps and room[gap] < size[item]:
            gap += 1
        if gap == gaps:
            if gaps and begin[gaps - 1] + room[gaps - 1] == top:
                gaps -= 1
                offset[item] = begin[gaps]
                top = begin[gaps] + size[item]
            else:
                offset[item] = top
                top += size[item]
            continue
        offset[item] = begin[gap]
        begin[gap] += size[item]
        room[gap] -= size[item]
        if room[gap] == 0:
            gaps -= 1
            for j in range(gap, gaps):
                begin[j], room[j] = begin[j + 1], room[j + 1]
    return top


@inner
def _give_back(offset: int, size: int, begin: Ints, room: Ints, gaps: int) -> int:
    """Enter a gap in its place and join it with its neighbours; return the number of gaps."""
    low, high = 0, gaps
    while low < high:
        middle = (low + high) // 2
        if begin[middle] < offset:
            low = middle + 1
        else:
            high = middle
    joins_left = low > 0 and begin[low - 1] + room[low - 1] == offset
    joins_right = low < gaps and offset + size == begin[low]
    if joins_left and joins_right:
        room[low - 1] += size + room[low]
        for j in range(low, gaps - 1):
            begin[j], room[j] = begin[j + 1], room[j + 1]
        return gaps - 1
    if joins_left:
        room[low - 1] += size
        return gaps
    if joins_right:
        begin[low] = offset
        room[low] += size
        return gaps
    for j in range(gaps, low, -1):
        begin[j], room[j] = begin[j - 1], room[j - 1]
    begin[low], room[low] = offset, size
    return gaps + 1
