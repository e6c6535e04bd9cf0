"""SRAM over time: which words hold what, from when to when.

A *block* is what one run (or the image) wrote to some words of a slice and nobody replaced at one time. It lives from
its first write to the last read of any of its words; what an output binding returns lives to the end. What nobody
reads is never live.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lpu_emu.analysis import Analysis
from lpu_emu.analysis.lattice import Ints
from lpu_emu.analysis.words import Words
from lpu_emu.program.model import Program
from lpu_emu.report.picture.table import Table

CONSTANT, INPUT, OUTPUT, WORKING = 0, 1, 2, 3
KINDS = ("constant", "input", "output", "working")


def blocks_of(program: Program, analysis: Analysis) -> Table:
    """Return all blocks that are live at some time, sorted by slice, first cycle and address.

    Columns: ``queue`` (of the slice), ``address``, ``step``, ``words``, ``start``, ``end`` (the last cycle with a
    read), ``kind`` (a place in ``KINDS``), ``name`` (the data section, input,
    output or operator by kind; -1 unknown), ``run`` (the writer; -1: there before cycle 0).
    """
    words = analysis.flows.words
    steps, walks = words.steps, words.walks
    first, last = _spans(words)
    version, writes = _versions(words, first)
    end = np.full(len(writes), -1, dtype=np.int64)
    reads = np.flatnonzero((version >= 0) & ~walks.writes[steps.walk])
    np.maximum.at(end, version[reads], last[reads])
    output = np.full(len(writes), -1, dtype=np.int64)
    returned = reads[_is_output(words)[reads]]
    output[version[returned]] = words.owner[steps.walk[returned]]
    kept = np.flatnonzero(end >= np.maximum(first[writes], 0))
    writes, end, output = writes[kept], end[kept], output[kept]
    walk = steps.walk[writes]
    low = walks.address[walk] + walks.stride[walk] * steps.first[writes]
    step = walks.stride[walk] * steps.step[writes]
    count = steps.count[writes]
    kind, name, run = _holders(program, analysis, walk, output)
    table = {
        "queue": walks.key[walk],
        "address": np.where(step < 0, low + step * (count - 1), low),
        "step": np.where(count > 1, np.abs(step), 1),
        "words": count,
        "start": np.maximum(first[writes], 0),
        "end": np.minimum(end, max(analysis.cycles - 1, 0)),
        "kind": kind,
        "name": name,
        "run": run,
    }
    return Table(columns=table).sorted_by("queue", "start", "address")


def peak_words(blocks: Table, cycles: int) -> tuple[int, int]:
    """Return the most words that are live in one cycle, and the first such cycle (0, 0 without any)."""
    change, cycle = live_words(blocks, cycles)
    if not len(change):
        return 0, 0
    at = int(np.argmax(change))
    return int(change[at]), int(cycle[at])


def live_words(blocks: Table, cycles: int) -> tuple[Ints, Ints]:
    """Return the number of live words from each of some cycles on, and these cycles, in order."""
    at = np.concatenate((blocks["start"], np.minimum(blocks["end"] + 1, cycles)))
    delta = np.concatenate((blocks["words"], -blocks["words"]))
    cycle, place = np.unique(at, return_inverse=True)
    change = np.bincount(place, weights=delta, minlength=len(cycle)).astype(np.int64)
    return np.cumsum(change), cycle


def _spans(words: Words) -> tuple[Ints, Ints]:
    """Return the first and the last cycle in which each step accesses its cell."""
    steps, walks, regions = words.steps, words.walks, words.regions
    interval = walks.interval[steps.walk]
    begin = walks.time[steps.walk] + steps.first * interval
    moved = np.where(steps.repeats > 1, steps.repeats - 1, (steps.count - 1) * steps.step)
    first, last = np.minimum(begin, begin + moved * interval), np.maximum(begin, begin + moved * interval)
    region = np.flatnonzero(steps.walk >= words.begins[2])
    number = steps.walk[region] - words.begins[2]
    last[region] = regions.time[number] + (regions.count[number] - 1) * regions.interval[number]
    return first, last


def _versions(words: Words, first: Ints) -> tuple[Ints, Ints]:
    """Return, by step, the number of the write whose words it meets (-1: none), and the writing steps."""
    steps = words.steps
    writes = words.walks.writes[steps.walk]
    order = np.lexsort((writes, first, steps.cell))
    number = np.cumsum(writes[order]) - 1
    lead = np.append(True, steps.cell[order][1:] != steps.cell[order][:-1])[: len(order)]
    opening = np.maximum.accumulate(np.where(lead, np.arange(len(order)), 0))
    before = number[opening] - writes[order][opening]
    version = np.full(len(order), -1, dtype=np.int64)
    version[order] = np.where(number > before, number, -1)
    return version, order[writes[order]]


def _is_output(words: Words) -> Ints:
    _, begin, end = words.begins
    return np.asarray((words.steps.walk >= begin) & (words.steps.walk < end))


def _holders(program: Program, analysis: Analysis, walk: Ints, output: Ints) -> tuple[Ints, Ints, Ints]:
    """Return kind, name and run of what walks write; ``output`` is the output binding that returns it."""
    words = analysis.flows.words
    accesses = words.begins[0]
    parts = np.array(list(_image_parts(program)), dtype=np.int64).reshape(-1, 2)
    image = (walk >= accesses) & (walk < accesses + len(parts))
    kind = np.full(len(walk), WORKING, dtype=np.int64)
    name, run = np.full((2, len(walk)), -1, dtype=np.int64)
    kind[image], name[image] = parts[walk[image] - accesses].T
    run[~image] = words.accesses.run[walk[~image]]
    name[~image] = analysis.runs.origin[run[~image]]
    returned = ~image & (output >= 0)
    kind[returned], name[returned] = OUTPUT, output[returned]
    return kind, name, run


def _image_parts(program: Program) -> Iterator[tuple[int, int]]:
    """Yield kind and number of everything that is in SRAM before cycle 0, in the order of the analysis."""
    for number, section in enumerate(program.data):
        if len(section.words):
            yield CONSTANT, number
    for number, binding in enumerate(program.inputs):
        for piece in binding.layout.pieces:
            if piece.rows:
                yield INPUT, number
