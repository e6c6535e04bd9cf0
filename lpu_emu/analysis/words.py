"""SRAM words: who wrote what is read, what was never written, and what gathers and scatters may touch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lpu_emu.analysis.history import Steps, Walks, last_writes, steps_of, untangled
from lpu_emu.analysis.lattice import Ints
from lpu_emu.analysis.memory import Accesses, Regions
from lpu_emu.analysis.occurrences import Occurrences, single
from lpu_emu.analysis.order import Links
from lpu_emu.analysis.runs import RunTable
from lpu_emu.program.hazard import Hazard
from lpu_emu.program.model import Binding, Program

_BEFORE = -1  # the image is there before cycle 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Words:
    """All uses of SRAM words, cut into cells: accesses, image, outputs and regions, in this order.

    ``begins`` are the rows at which the last three start; ``owner`` is the access, image part, output binding
    or region of a row.
    """

    accesses: Accesses
    regions: Regions
    walks: Walks
    owner: Ints
    begins: tuple[int, int, int]
    steps: Steps
    links: Links


def words_of(program: Program, accesses: Accesses, regions: Regions, cycles: int) -> Words:
    """Cut all uses of SRAM words into cells and find who wrote them last; outputs are read in ``cycles``."""
    known = program.machine.queue_by_name
    image = [(0, known[f"mem.{s}"].index, *part) for s, *part in _image(program)]
    outputs = [
        (number, known[f"mem.{s}"].index, *part)
        for number, binding in enumerate(program.outputs)
        for s, *part in _pieces(binding)
    ]
    fixed = np.array(image + outputs, dtype=np.int64).reshape(-1, 5)
    walks, owner = _walks(accesses, regions, fixed, np.repeat((_BEFORE, cycles), (len(image), len(outputs))))
    steps = untangled(walks, steps_of(walks))
    return Words(
        accesses=accesses,
        regions=regions,
        walks=walks,
        owner=owner,
        begins=(len(accesses), len(accesses) + len(image), len(accesses) + len(fixed)),
        steps=steps,
        links=last_writes(walks, steps),
    )


def _image(program: Program) -> Iterator[tuple[str, int, int, int]]:
    """Yield slice, address, step and words of everything that is in SRAM before cycle 0."""
    for section in program.data:
        if len(section.words):
            yield section.slice, section.address, section.step, len(section.words)
    for binding in program.inputs:
        yield from _pieces(binding)


def _pieces(binding: Binding) -> Iterator[tuple[str, int, int, int]]:
    for piece in binding.layout.pieces:
        if piece.rows:
            yield piece.slice, piece.address, piece.step, piece.rows


def _walks(a: Accesses, r: Regions, fixed: Ints, time: Ints) -> tuple[Walks, Ints]:
    image = time == _BEFORE
    none, quiet = np.zeros(len(r), dtype=np.int64), np.zeros(len(r), dtype=bool)
    walks = Walks(
        key=np.concatenate((a.queue, fixed[:, 1], r.queue)),
        address=np.concatenate((a.address, fixed[:, 2], r.base)),
        stride=np.concatenate((a.stride, fixed[:, 3], none + 1)),
        time=np.concatenate((a.time, time, r.time)),
        interval=np.concatenate((a.interval, np.zeros(len(fixed), dtype=np.int64), none)),
        count=np.concatenate((a.count, fixed[:, 4], np.maximum(r.limit - r.base + 1, 0))),
        reads=np.concatenate((~a.writes, ~image, quiet)),
        writes=np.concatenate((a.writes, image, quiet)),
    )
    return walks, np.concatenate((np.arange(len(a)), fixed[:, 0], np.arange(len(r))))


def word_hazards(words: Words, runs: RunTable) -> Occurrences:
    """Find reads of words that were not written before."""
    lost = words.links.where((words.links.writer < 0) & (words.links.reader < words.begins[0]))
    a = words.accesses
    run = a.run[lost.reader]
    return single(
        "unwritten_read",
        a.time[lost.reader] + lost.first * a.interval[lost.reader],
        lost.count,
        (a.queue[lost.reader], a.address[lost.reader] + lost.first * a.stride[lost.reader]),
        run,
        runs.cycle(run, lost.first),
    )


def output_hazards(words: Words, program: Program, cycles: int) -> list[Hazard]:
    """Find words of output bindings that nothing ever writes."""
    steps, (_, begin, end) = words.steps, words.begins
    written = np.unique(steps.cell[words.walks.writes[steps.walk]])
    rows = np.flatnonzero((steps.walk >= begin) & (steps.walk < end) & ~np.isin(steps.cell, written))
    owner, size = words.owner[steps.walk[rows]], steps.count[rows]
    _, once = np.unique(np.stack((owner, steps.cell[rows])), axis=1, return_index=True)
    counts = np.bincount(owner[once], weights=size[once], minlength=len(program.outputs))
    return [
        Hazard(
            kind="unwritten_output",
            resource=f"output {binding.name}",
            cycle=cycles,
            first=None,
            second=None,
            count=int(count),
        )
        for binding, count in zip(program.outputs, counts.tolist(), strict=True)
        if count
    ]
