"""A schedule written by a program: dispatches at cycles, memory slices found for operands and results, then text.

All times come from the machine, so that the same benchmark is a right schedule for another chip. Cycles are relative
until the text is made, which begins with the earliest dispatch in cycle 0.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lpu_emu import timing
from lpu_emu.errors import UsageError
from lpu_emu.spec.machine import EAST, HEMISPHERES, WEST, WEST_STREAM, Machine, direction, stream_name
from lpu_emu.timing import Loop

Bytes = NDArray[np.uint8]
FEED, CATCH = 0, 1


@dataclass(frozen=True, kw_only=True)
class Step:
    """One instruction of a queue with its repeats, dispatched for the first time in ``cycle``.

    A step that ``follows`` is dispatched as soon as its queue reaches it; its cycle only says what it stands behind.
    """

    cycle: int
    text: str
    loops: tuple[Loop, ...] = ()
    follows: bool = False

    @property
    def last(self) -> int:
        """Cycle of the last dispatch."""
        return self.cycle + timing.body_spans(self.loops)[-1]


@dataclass(frozen=True, kw_only=True)
class Words:
    """Words [n, lanes] of a slice, from an address on."""

    place: str
    address: int
    words: Bytes


class Script:
    """A program in the making for one machine."""

    def __init__(self, machine: Machine, name: str) -> None:
        """Begin an empty program."""
        self.machine = machine
        self.name = name
        self.steps: dict[str, list[Step]] = {}
        self.data: list[Words] = []
        self.expected: list[Words] = []
        self.wires: list[tuple[str, str]] = []
        self.hold = (
            0  # cycles for which a slice is taken at least, so that short and long programs use the same ones
        )
        self._near: dict[tuple[int, int, int], list[tuple[int, str]]] = {}
        self._taken: dict[str, list[tuple[int, int]]] = {}
        self._used: dict[tuple[str, int], int] = {}

    @property
    def lanes(self) -> int:
        """Bytes of a vector."""
        return self.machine.chip.lanes

    def time(self, text: str, key: str) -> int:
        """Return a timing key of the instruction that a text begins with, 0 where it has no such key."""
        mnemonic = text.split()[0].split(".")[0]
        return self.machine.timing(self.machine.isa[mnemonic]).get(key, 0)

    def issue(self, queue: str, cycle: int, text: str, *loops: Loop) -> int:
        """Dispatch an instruction in a cycle, with repeats (the innermost first), and return the cycle."""
        kept = tuple(loop for loop in loops if loop.count)
        self.steps.setdefault(queue, []).append(Step(cycle=cycle, text=text, loops=kept))
        return cycle

    def follow(self, queue: str, text: str) -> None:
        """Dispatch an instruction right behind the last one of its queue, whenever that is."""
        steps = self.steps.setdefault(queue, [])
        steps.append(Step(cycle=max((s.cycle for s in steps), default=0) + 1, text=text, follows=True))

    def put(self, place: str, address: int, words: Bytes) -> None:
        """Put words [n, lanes] into a slice (``W3``) before the program starts."""
        self.data.append(Words(place=place, address=address, words=words))

    def expect(self, place: str, address: int, words: Bytes) -> None:
        """Say what a slice holds after the program."""
        self.expected.append(Words(place=place, address=address, words=words))

    def feed(self, queue: str, stream: int, cycle: int, words: Bytes, *loops: Loop, place: str = "") -> str:
        """Have words [n, lanes] pass a queue's unit on a stream from ``cycle`` on; return the slice they come from.

        One word per cycle unless ``loops`` say how the read repeats.
        """
        loops = loops or (Loop(count=len(words) - 1, interval=1, stride=1),)
        read = "read 0 -> e0"
        lead = self.time(read, "func")
        found, hops = self._slice(queue, stream, FEED, cycle, -lead, loops, len(words), place)
        address = self._take(found, FEED, len(words))
        self.put(found, address, words)
        self.issue(f"mem.{found}", cycle - hops - lead, f"read {address} -> {stream_name(stream)}", *loops)
        return found

    def catch(
        self, queue: str, stream: int, cycle: int, count: int = 1, *loops: Loop,
        words: Bytes | None = None, place: str = "",
    ) -> str:  # fmt: skip
        """Store ``count`` words that a queue's unit drives on a stream from ``cycle`` on; return the slice.

        ``words`` are what they must be.
        """
        loops = loops or (Loop(count=count - 1, interval=1, stride=1),)
        lead = self.time("write e0 -> 0", "skew")
        found, hops = self._slice(queue, stream, CATCH, cycle, -lead, loops, count, place)
        address = self._take(found, CATCH, count)
        self.issue(f"mem.{found}", cycle + hops - lead, f"write {stream_name(stream)} -> {address}", *loops)
        if words is not None:
            self.expect(found, address, words)
        return found

    def _take(self, place: str, bank: int, count: int) -> int:
        """Return the address of ``count`` fresh words in a bank."""
        chip = self.machine.chip
        bank = min(bank, chip.banks - 1)
        first = self._used.get((place, bank), 0)
        self._used[place, bank] = first + count
        return bank * chip.words_per_bank + first

    def _slice(
        self, queue: str, stream: int, way: int, cycle: int, lead: int, loops: Sequence[Loop], count: int, place: str
    ) -> tuple[str, int]:  # fmt: skip
        """Return the nearest slice that is on the way, idle at that time and has room, and its distance."""
        span = max(timing.body_spans(loops)[-1], self.hold)
        for hops, name in self.slices(queue, stream, way):
            first = cycle + lead + (-hops if way == FEED else hops)
            if place in ("", name) and self._idle(name, first, first + span) and self._room(name, way, count):
                self._taken.setdefault(name, []).append((first, first + span))
                return name, hops
        raise UsageError(
            f"benchmark {self.name}: chip {self.machine.chip.name} has no free memory slice for "
            f"{stream_name(stream)} of {queue}; choose a chip with more slices"
        )

    def slices(self, queue: str, stream: int, way: int) -> list[tuple[int, str]]:
        """Return distance and name of the slices before (``FEED``) or behind a unit on a stream, nearest first."""
        machine, flow = self.machine, direction(stream)
        unit = machine.queue_by_name[queue]
        here = machine.x_in(unit, flow) if way == FEED else machine.x_out(unit, flow)
        if (here, flow, way) not in self._near:
            self._near[here, flow, way] = _slices(machine, here, flow, way)
        return [entry for entry in self._near[here, flow, way] if f"mem.{entry[1]}" != queue]

    def unused(self, queue: str, stream: int, way: int, kept: Collection[str] = ()) -> str:
        """Return the nearest slice on the way to or from a unit that does nothing so far and is not ``kept``."""
        names = [name for _, name in self.slices(queue, stream, way) if f"mem.{name}" not in self.steps]
        names = [name for name in names if name not in kept]
        return names[0] if names else ""

    def _idle(self, place: str, first: int, last: int) -> bool:
        taken = self._taken.get(place, []) + [(s.cycle, s.last) for s in self.steps.get(f"mem.{place}", [])]
        return all(end < first or begin > last for begin, end in taken)

    def _room(self, place: str, bank: int, count: int) -> bool:
        chip = self.machine.chip
        return self._used.get((place, min(bank, chip.banks - 1)), 0) + count <= chip.words_per_bank

    def shift(self) -> int:
        """Return what is added to every cycle so that the program begins in cycle 0."""
        return -min((step.cycle for steps in self.steps.values() for step in steps), default=0)

    def text(self) -> str:
        """Return the program as assembly text."""
        return "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        yield f".chip {self.machine.chip.name}"
        yield f'.program "{self.name}"'
        for first, second in self.wires:
            yield f".wire {first} {second}"
        for number, section in enumerate(self.data):
            yield from _section(f"d{number}", section)
        shift = self.shift()
        for queue in self.machine.queues:
            if queue.name in self.steps:
                yield f".queue {queue.name}"
                for step in sorted(self.steps[queue.name], key=lambda s: s.cycle):
                    yield step.text if step.follows else f"@{step.cycle + shift} {step.text}"
                    yield from (f"    repeat {p.count}, {p.interval}, {p.stride}" for p in step.loops)


def _slices(machine: Machine, here: int, flow: int, way: int) -> list[tuple[int, str]]:
    """Return distance and name of the slices that a stream comes from, or goes to, at a position."""
    found = []
    for side in HEMISPHERES:
        for number in range(machine.chip.slices):
            x = machine.x_mem(side, number)
            hops = timing.hops(x, here, flow) if way == FEED else timing.hops(here, x, flow)
            if hops >= 0:
                found.append((hops, f"{side}{number}"))
    return sorted(found, key=lambda entry: entry[0])


def _section(name: str, section: Words) -> Iterator[str]:
    yield f".words {name} at {section.place}:{section.address}"
    yield from (f"    {row.tobytes().hex()}" for row in section.words)


def each(count: int, interval: int = 1, stride: int = 0) -> Loop:
    """Return the repeat that dispatches ``count`` times in all."""
    return Loop(count=count - 1, interval=interval, stride=stride)


def stream(way: int, number: int) -> int:
    """Return a stream by direction (``EAST``, ``WEST``) and number."""
    return number + WEST_STREAM * (way == WEST)


def opposite(way: int) -> int:
    """Return the other direction."""
    return WEST if way == EAST else EAST
