"""Where data and wires may be: sections inside their slice and apart, links that exist and are free."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from lpu_emu.program.model import DataSection
from lpu_emu.spec.machine import HEMISPHERES, Machine

Numbered = tuple[int, str]


def slice_names(machine: Machine) -> dict[str, int]:
    """Return the names of all MEM slices (``W3``) with a number each."""
    names = [f"{side}{n}" for side in HEMISPHERES for n in range(machine.chip.slices)]
    return {name: number for number, name in enumerate(names)}


def link_names(machine: Machine) -> list[str]:
    """Return the names of all C2C links (``W0``)."""
    return [f"{side}{n}" for side in HEMISPHERES for n in range(int(machine.chip["c2c.links"]))]


def run_problem(
    machine: Machine, slices: dict[str, int], slice_name: str, address: int, rows: int, step: int
) -> str:
    """Return what is wrong with ``rows`` words from ``address`` on, ``step`` apart; empty when nothing is."""
    if slice_name not in slices:
        return f"chip {machine.chip.name} has no slice {slice_name!r}; {_sides(machine.chip.slices)}"
    last = address + step * max(rows - 1, 0)
    low, high = min(address, last), max(address, last)
    if low < 0 or high >= machine.chip.words:
        words = f"0x000..{machine.chip.words - 1:#05x}"
        return f"{slice_name}:{low:#05x}..{high:#05x} leaves the slice, which has the words {words}"
    return ""


def _sides(count: int) -> str:
    return "it has " + " and ".join(f"{side}0..{side}{count - 1}" for side in HEMISPHERES)


def data_findings(machine: Machine, data: Sequence[DataSection]) -> Iterator[Numbered]:
    """Yield (section number, message) for sections that are misshapen, leave their slice or overlap."""
    slices = slice_names(machine)
    sound: list[int] = []
    for i, section in enumerate(data):
        problem = _shape_problem(machine, section) or run_problem(
            machine, slices, section.slice, section.address, len(section.words), section.step
        )
        if problem:
            yield i, f"{section.name}: {problem}"
        else:
            sound.append(i)
    yield from _overlaps(machine, slices, data, sound)


def _shape_problem(machine: Machine, section: DataSection) -> str:
    shape, lanes = section.words.shape, machine.chip.lanes
    if section.words.dtype != np.uint8 or len(shape) != 2 or shape[1] != lanes:
        return f"words are {section.words.dtype} {list(shape)}, expected uint8 [n, {lanes}]"
    return ""


def _overlaps(
    machine: Machine, slices: dict[str, int], data: Sequence[DataSection], sound: list[int]
) -> Iterator[Numbered]:
    if not sound:
        return
    sizes = [len(data[i].words) for i in sound]
    owner = np.repeat(np.array(sound, dtype=np.int64), sizes)
    words = [
        slices[data[i].slice] * machine.chip.words + data[i].address + data[i].step * np.arange(size)
        for i, size in zip(sound, sizes, strict=True)
    ]
    word = np.concatenate(words)
    order = np.argsort(word, kind="stable")
    word, owner = word[order], owner[order]
    seen: set[tuple[int, int]] = set()
    for at in np.flatnonzero(word[1:] == word[:-1]).tolist():
        first, second = int(owner[at]), int(owner[at + 1])
        if (first, second) not in seen:
            seen.add((first, second))
            place = f"{data[first].slice}:{int(word[at]) % machine.chip.words:#05x}"
            yield second, f"{data[second].name}: overlaps {data[first].name} at {place}"


def wire_findings(machine: Machine, wires: Sequence[tuple[str, str]]) -> Iterator[Numbered]:
    """Yield (wire number, message) for wires of unknown links, or of links wired before in the same role."""
    links = link_names(machine)
    for i, wire in enumerate(wires):
        for role, (link, verb) in enumerate(zip(wire, ("sends", "receives"), strict=True)):
            if link not in links:
                sides = _sides(len(links) // len(HEMISPHERES))
                yield i, f"chip {machine.chip.name} has no link {link!r}; {sides}"
            elif any(earlier[role] == link for earlier in wires[:i]):
                yield i, f"link {link} {verb} on another wire already"
