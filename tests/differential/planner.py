"""Dispatches at chosen cycles become queue texts: the ground on which random programs are planned."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from lpu_emu import timing
from lpu_emu.program.model import Binding, DataSection, Program
from lpu_emu.program.text import Issue, issue, pack_text
from lpu_emu.spec.machine import Machine, Queue
from lpu_emu.timing import Loop

from .bindings import binding

T = TypeVar("T")


class NoRoomError(Exception):
    """A plan needs more queues, streams or words than there are."""


@dataclass(frozen=True, kw_only=True)
class Item:
    """One instruction with its loops, dispatched first in ``cycle``."""

    queue: Queue
    cycle: int
    issue: Issue
    loops: tuple[Loop, ...] = ()

    @property
    def last(self) -> int:
        """The last dispatch."""
        return self.cycle + timing.body_spans(self.loops)[-1]


@dataclass(kw_only=True)
class Draft:
    """Items that belong together, at relative cycles, and the cycles in which they hold other resources."""

    items: list[Item] = field(default_factory=list)
    held: dict[str, tuple[int, int]] = field(default_factory=dict)

    def hold(self, resource: str, first: int, last: int) -> None:
        """Hold a resource in some cycles (and in those between what was held before)."""
        low, high = self.held.get(resource, (first, last))
        self.held[resource] = (min(low, first), max(high, last))

    def uses(self, queue: Queue) -> bool:
        """Whether a queue has an item."""
        return any(item.queue == queue for item in self.items)

    def holds(self, resource: str) -> bool:
        """Whether a resource is held at any time."""
        return resource in self.held


@dataclass(kw_only=True)
class Planner:
    """A program in the making. ``image`` holds words by place, ``written`` the words that items store."""

    machine: Machine
    rng: np.random.Generator
    items: list[Item] = field(default_factory=list)
    free: dict[str, int] = field(default_factory=dict)
    image: dict[tuple[str, int], NDArray[np.uint8]] = field(default_factory=dict)
    written: list[tuple[str, tuple[int, ...]]] = field(default_factory=list)
    wires: list[tuple[str, str]] = field(default_factory=list)

    def pick(self, low: int, high: int) -> int:
        """Return a random number in low..high."""
        return int(self.rng.integers(low, high + 1))

    def chance(self, probability: float) -> bool:
        """Return True with a probability."""
        return bool(self.rng.random() < probability)

    def choose(self, options: Sequence[T]) -> T:
        """Return one of some options.

        Raises:
            NoRoomError: there is none.
        """
        if not options:
            raise NoRoomError
        return options[self.pick(0, len(options) - 1)]

    def loops(self, least_interval: int = 1, most: int = 3) -> tuple[Loop, ...]:
        """Return up to three nested loops without strides, with few iterations."""
        found: list[Loop] = []
        for _ in range(self.pick(0, most)):
            span = timing.body_spans(found)[-1]
            joined = found and self.chance(0.3)
            interval = span + found[0].interval if joined else span + least_interval + self.pick(0, 2)
            left = 64 // timing.iterations(found)
            count = self.pick(0, min(40, left - 1)) if self.chance(0.1) else self.pick(0, min(3, left - 1))
            found.append(Loop(count=count, interval=interval, stride=0))
        return tuple(found)

    def strided(self, loops: tuple[Loop, ...], limit: int) -> tuple[int, tuple[Loop, ...]]:
        """Give loops strides, and return a base so that base + strides stays in 0..limit-1."""
        strided: list[Loop] = []
        for plain in loops:
            stride = self.pick(-3, 5) if self.chance(0.8) else 0
            if strided and self.chance(0.4):
                stride = strided[-1].stride * (strided[-1].count + 1)
            strided.append(Loop(count=plain.count, interval=plain.interval, stride=stride))
        low = sum(min(p.count * p.stride, 0) for p in strided)
        high = sum(max(p.count * p.stride, 0) for p in strided)
        if high - low >= limit:
            raise NoRoomError
        return self.pick(-low, limit - 1 - high), tuple(strided)

    def random_word(self) -> NDArray[np.uint8]:
        """Return random bytes [lanes]."""
        return self.rng.integers(0, 256, self.machine.chip.lanes).astype(np.uint8)

    def place(self, draft: Draft) -> None:
        """Shift a draft to a time at which all its resources are free, and take it into the program."""
        shift = max([-item.cycle for item in draft.items], default=0)
        for item in draft.items:
            shift = max(shift, self.free.get(item.queue.name, 0) - item.cycle)
        for name, (first, _) in draft.held.items():
            shift = max(shift, self.free.get(name, 0) - first)
        shift += self.pick(0, 12) if self.chance(0.5) else 0
        for item in draft.items:
            moved = Item(queue=item.queue, cycle=item.cycle + shift, issue=item.issue, loops=item.loops)
            self.items.append(moved)
            self.free[item.queue.name] = max(self.free.get(item.queue.name, 0), moved.last + 1 + self._rest())
        for name, (_, last) in draft.held.items():
            self.free[name] = max(self.free.get(name, 0), last + shift + 1)

    def _rest(self) -> int:
        """Return the cycles between two items of a queue after which their bank accesses cannot meet."""
        times = [self.machine.timing(i) for i in self.machine.isa.instructions.values()]
        access = [value for keys in times for key, value in keys.items() if key.startswith("access")]
        return max(access) - min(access) + 1

    def program(self, name: str) -> Program:
        """Turn everything into a program."""
        texts = _Texts(planner=self)
        queues = {
            q.name: pack_text(self.machine.isa, texts.of(q)) for q in self.machine.queues if texts.used(q)
        }
        data, inputs = self._image_parts()
        return Program(
            name=name,
            machine=self.machine,
            queues={name: text for name, text in queues.items() if len(text)},
            data=data,
            bindings=(*inputs, *self._outputs()),
            wires=tuple(self.wires),
        )

    def _image_parts(self) -> tuple[tuple[DataSection, ...], tuple[Binding, ...]]:
        """Put runs of neighbouring words into sections, and now and then into an input."""
        sections: list[DataSection] = []
        inputs: list[Binding] = []
        for where, addresses in _neighbours(sorted(self.image)):
            words = np.stack([self.image[where, a] for a in addresses])
            name = f"part{len(sections) + len(inputs)}"
            if self.chance(0.2):
                inputs.append(binding("input", name, where, addresses, self.machine.chip.lanes))
            else:
                sections.append(DataSection(name=name, slice=where, address=addresses[0], words=words))
        return tuple(sections), tuple(inputs)

    def _outputs(self) -> Iterable[Binding]:
        for number, (where, addresses) in enumerate(self.written):
            if self.chance(0.4):
                yield binding("output", f"y{number}", where, addresses, self.machine.chip.lanes)


def addresses_of(base: int, loops: Sequence[Loop]) -> tuple[int, ...]:
    """Return the addresses that a strided operand takes, in order."""
    found = [base]
    for loop in loops:
        found = [a + n * loop.stride for n in range(loop.count + 1) for a in found]
    return tuple(found)


def _neighbours(words: list[tuple[str, int]]) -> list[tuple[str, list[int]]]:
    found: list[tuple[str, list[int]]] = []
    for where, address in words:
        if found and found[-1][0] == where and found[-1][1][-1] == address - 1:
            found[-1][1].append(address)
        else:
            found.append((where, [address]))
    return found


@dataclass(kw_only=True)
class _Texts:
    """Queue texts from items: gaps become nops and, now and then, other instructions that only take time.

    In programs with barriers one queue notifies, and a gap may be spent waiting for it.
    """

    planner: Planner
    notifier: str = ""
    notifies: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        p = self.planner
        unused = [q.name for q in p.machine.queues if not any(i.queue == q for i in p.items)]
        if unused and p.chance(0.4):
            self.notifier = p.choose(unused)
            self.notifies = sorted({p.pick(0, 80) for _ in range(p.pick(1, 4))})

    def used(self, queue: Queue) -> bool:
        return queue.name == self.notifier or any(i.queue == queue for i in self.planner.items)

    def of(self, queue: Queue) -> list[Issue]:
        """Return the instructions of a queue."""
        isa = self.planner.machine.isa
        if queue.name == self.notifier:
            gaps = np.diff([0, *(n + 1 for n in self.notifies)]) - 1
            return [i for gap in gaps.tolist() for i in (issue(isa, "nop", count=gap), issue(isa, "notify"))]
        found: list[Issue] = []
        cycle = 0
        for item in sorted((i for i in self.planner.items if i.queue == queue), key=lambda i: i.cycle):
            found += self._gap(queue, cycle, item.cycle)
            found.append(item.issue)
            found += [
                issue(isa, "repeat", count=p.count, interval=p.interval, stride=p.stride) for p in item.loops
            ]
            cycle = item.last + 1
        return found

    def _gap(self, queue: Queue, cycle: int, until: int) -> Iterable[Issue]:
        """Fill the cycles of a queue up to the next item."""
        p, isa = self.planner, self.planner.machine.isa
        if cycle > until:
            raise AssertionError(f"{queue.name} is planned twice in cycle {until}")
        while cycle < until:
            left = until - cycle
            kind = p.choose(("nop", "nop", "nop", "part", "config", "sync", "deskew", "drift"))
            if kind == "sync" and (later := self._released(cycle, until)):
                yield issue(isa, "sync")
                cycle = later
            elif kind == "config" and p.chance(0.3):
                yield issue(isa, "config", superlanes=p.pick(0, p.machine.chip.superlanes))
                cycle += 1
            elif kind == "deskew" and queue.unit == "c2c" and (later := self._aligned(cycle)) <= until:
                yield issue(isa, "deskew")
                cycle = later
            else:
                count = p.pick(0, left) if kind == "part" else left
                drift = kind == "drift" and queue.unit == "c2c"
                yield issue(isa, "runtime_deskew" if drift else "nop", count=count)
                cycle += count

    def _released(self, cycle: int, until: int) -> int:
        """Return when a sync in ``cycle`` lets its queue go on, 0 if that is never or too late."""
        barrier = int(self.planner.machine.chip["icu.barrier_cycles"])
        arrivals = [n + barrier for n in self.notifies if n + barrier >= cycle]
        later = max(arrivals[0], cycle + 1) if arrivals else 0
        return later if later <= until else 0

    def _aligned(self, cycle: int) -> int:
        epoch = int(self.planner.machine.chip["c2c.epoch_cycles"])
        return (cycle // epoch + 1) * epoch
