"""Gathers and scatters: words of their regions that are not written yet, and who else uses those words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lpu_emu.analysis.lattice import Ints, dense, ramp
from lpu_emu.analysis.occurrences import Occurrences, single
from lpu_emu.analysis.runs import RunTable
from lpu_emu.analysis.words import Words

_NEVER = 1 << 60


@dataclass(frozen=True, kw_only=True, eq=False)
class RegionUses:
    """Runs that share words with a gather or scatter, int64 columns [n], sorted.

    ``region`` is the run of the gather or scatter, ``other`` a run that reads, writes, gathers or scatters
    some of the same words. ``relation`` is -1 where all of the other's accesses to them come before the
    region's first dispatch accesses its bank, 1 where they come after its last, 0 where the two are
    interleaved in time.
    """

    region: Ints
    other: Ints
    relation: Ints


def region_hazards(words: Words, runs: RunTable) -> Occurrences:
    """A dispatch has one occurrence if any word of its region is unwritten; such dispatches come first."""
    steps, r = words.steps, words.regions
    part = np.flatnonzero(steps.walk >= words.begins[2])
    region = steps.walk[part] - words.begins[2]
    early, late = _first_writes(words, steps.cell[part])
    begin = r.time[region]
    rises = (early < begin) & (late >= begin)
    slope = (late - early) // np.maximum(steps.count[part] - 1, 1)
    skip = np.where(rises, -((early - begin) // np.maximum(slope, 1)), 0)
    address = r.base[region] + steps.first[part] + skip * steps.step[part]
    number = np.clip((np.maximum(early, late) - begin) // r.interval[region] + 1, 0, r.count[region])
    most, lowest = np.zeros(len(r), dtype=np.int64), np.full(len(r), _NEVER)
    hit = number > 0
    np.maximum.at(most, region, number)
    np.minimum.at(lowest, region[hit], address[hit])
    bad = np.flatnonzero(most)
    run = r.run[bad]
    return single("unwritten_read", r.time[bad], most[bad], (r.queue[bad], lowest[bad]), run, runs.start[run])


def _first_writes(words: Words, cell: Ints) -> tuple[Ints, Ints]:
    """Return when the first and last address of cells are written first (far in the future if never).

    Cells are untangled, so the write that is first at one end of a cell is first everywhere in it.
    """
    steps, walks = words.steps, words.walks
    early, late = np.full((2, len(cell)), _NEVER)
    rows = np.flatnonzero(walks.writes[steps.walk])
    if not len(rows) or not len(cell):
        return early, late
    walk = steps.walk[rows]
    begin = walks.time[walk] + steps.first[rows] * walks.interval[walk]
    end = begin + (steps.count[rows] - 1) * steps.step[rows] * walks.interval[walk]
    order = np.lexsort((end, begin, steps.cell[rows]))
    known = steps.cell[rows][order]
    place = np.minimum(np.searchsorted(known, cell), len(known) - 1)
    found = known[place] == cell
    early[found], late[found] = begin[order[place]][found], end[order[place]][found]
    return early, late


def region_uses(words: Words) -> RegionUses:
    """Relate every gather and scatter to the other users of its words."""
    region, other = _sharers(words)
    first, last = _spans(words)
    relation = np.where(last[other] < first[region], -1, np.where(first[other] > last[region], 1, 0))
    run = _run_of_walk(words)
    one, two = run[words.steps.walk[region]], run[words.steps.walk[other]]
    pair = dense(one, two)
    size = int(pair.max()) + 1 if len(pair) else 0
    low, high = np.full(size, 1), np.full(size, -1)
    np.minimum.at(low, pair, relation)
    np.maximum.at(high, pair, relation)
    lead = np.unique(pair, return_index=True)[1]
    return RegionUses(region=one[lead], other=two[lead], relation=np.where(low == high, low, 0))


def _sharers(words: Words) -> tuple[Ints, Ints]:
    """Return the pairs of pieces of a region and of another access that stand in one cell."""
    steps = words.steps
    uses = (steps.walk < words.begins[0]) | (steps.walk >= words.begins[2])
    rows = np.flatnonzero(uses)
    rows = rows[np.argsort(steps.cell[rows], kind="stable")]
    cell = steps.cell[rows]
    region = np.flatnonzero(steps.walk[rows] >= words.begins[2])
    low = np.searchsorted(cell, cell[region])
    high = np.searchsorted(cell, cell[region], side="right")
    part, j = ramp(high - low)
    one, other = region[part], low[part] + j
    kept = one != other
    return rows[one[kept]], rows[other[kept]]


def _spans(words: Words) -> tuple[Ints, Ints]:
    """Return the first and the last cycle in which each piece accesses its cell."""
    steps, walks, r = words.steps, words.walks, words.regions
    interval = walks.interval[steps.walk]
    begin = walks.time[steps.walk] + steps.first * interval
    moved = np.where(steps.repeats > 1, steps.repeats - 1, (steps.count - 1) * steps.step)
    end = begin + moved * interval
    region = steps.walk >= words.begins[2]
    number = steps.walk[region] - words.begins[2]
    first, last = np.minimum(begin, end), np.maximum(begin, end)
    first[region] = r.time[number]
    last[region] = r.time[number] + (r.count[number] - 1) * r.interval[number]
    return first, last


def _run_of_walk(words: Words) -> Ints:
    fixed = np.full(words.begins[2] - words.begins[0], -1, dtype=np.int64)
    return np.concatenate((words.accesses.run, fixed, words.regions.run))
