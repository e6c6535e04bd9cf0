"""What of a program follows from placed words and the end of the schedule alone."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from lpu_emu import timing
from lpu_emu.compiler.emit.texts import start_cycle
from lpu_emu.compiler.geometry import Geometry
from lpu_emu.compiler.memory.words import Words
from lpu_emu.program.model import DataSection
from lpu_emu.spec.machine import HEMISPHERES


def predicted_cycles(geometry: Geometry, end: int) -> int:
    """Return the cycles of a program whose last effect is over ``end`` cycles after the start barrier."""
    return timing.program_cycles(geometry.machine, 0, start_cycle(geometry.machine) + end)


def data_sections(all_words: Iterable[Words]) -> tuple[DataSection, ...]:
    """Return the contents of all placed constants, neighbours in memory as one section."""
    placed = [w for w in all_words if w.placed and w.content is not None]
    order = sorted(placed, key=lambda w: (HEMISPHERES.index(w.slice[0]), int(w.slice[1:]), w.address))
    groups: list[list[Words]] = []
    for words in order:
        last = groups[-1][-1] if groups else None
        if last is not None and last.slice == words.slice and last.address + last.count == words.address:
            groups[-1].append(words)
        else:
            groups.append([words])
    return tuple(_section(group) for group in groups)


def _section(group: list[Words]) -> DataSection:
    contents = [w.content for w in group if w.content is not None]
    first = group[0]
    return DataSection(
        name=first.name, slice=first.slice, address=first.address, words=np.concatenate(contents, axis=0)
    )
