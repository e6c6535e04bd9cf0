"""Building blocks of plans: operands that arrive in time from SRAM, and results that end somewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lpu_emu import timing
from lpu_emu.program.text import Issue, issue
from lpu_emu.spec.machine import EAST, WEST, WEST_STREAM, Queue
from lpu_emu.timing import Loop

from .planner import Draft, Item, NoRoomError, Planner, addresses_of

Word = NDArray[np.uint8]
Words = Callable[[int], Word]


@dataclass(frozen=True, kw_only=True)
class Value:
    """Streams from ``base`` on that stand at position ``x`` in ``cycle`` (and later, as the loops say)."""

    base: int
    width: int
    x: int
    cycle: int

    @property
    def way(self) -> int:
        """EAST or WEST."""
        return self.base // WEST_STREAM

    def cycle_at(self, x: int) -> int:
        """Return when the value passes a position downstream.

        Raises:
            NoRoomError: the position lies upstream.
        """
        distance = timing.hops(self.x, x, self.way)
        if distance < 0:
            raise NoRoomError
        return self.cycle + distance


@dataclass(kw_only=True)
class Flow:
    """A draft whose items all have the same loops."""

    planner: Planner
    draft: Draft
    loops: tuple[Loop, ...]

    @property
    def span(self) -> int:
        """Cycles from the first to the last iteration."""
        return timing.body_spans(self.loops)[-1]

    def make(self, mnemonic: str, **operands: int) -> Issue:
        """Return an instruction."""
        return issue(self.planner.machine.isa, mnemonic, **operands)

    def delay(self, mnemonic: str, key: str) -> int:
        """Return a timing key of an instruction."""
        return self.planner.machine.timing(self.planner.machine.isa[mnemonic])[key]

    def add(self, queue: Queue, cycle: int, made: Issue, loops: tuple[Loop, ...] | None = None) -> None:
        """Dispatch an instruction from ``cycle`` on, in the loops of the flow unless others are given."""
        self.draft.items.append(
            Item(queue=queue, cycle=cycle, issue=made, loops=self.loops if loops is None else loops)
        )

    def streams(self, way: int, width: int, aligned: int = 0, among: Sequence[int] | None = None) -> int:
        """Choose streams that this draft does not use yet, hold them around cycle 0, and return the first."""
        p, step = self.planner, aligned or width
        bases = range(0, p.machine.chip.streams - width + 1, step)
        options = [
            way * WEST_STREAM + b
            for b in bases
            if (among is None or b // 4 in among)
            and not any(self.draft.holds(f"s{way * WEST_STREAM + b + i}") for i in range(width))
        ]
        base = p.choose(options)
        for i in range(width):
            self.draft.hold(f"s{base + i}", 0, 0)
        return base

    def hold_streams(self, value: Value, until: int) -> None:
        """Keep the streams of a value from its drive until a cycle of the last iteration."""
        for i in range(value.width):
            self.draft.hold(f"s{value.base + i}", value.cycle, until + self.span)

    def slices(self, fits: Callable[[Queue], bool]) -> list[Queue]:
        """Return the MEM queues that this draft does not use, and that fit."""
        queues = [q for q in self.planner.machine.queues if q.unit == "mem"]
        return [q for q in queues if not self.draft.uses(q) and fits(q)]

    def feed(self, base: int, width: int, x: int, cycle: int, words: Words | None = None) -> Value:
        """Let streams from ``base`` on arrive at ``x`` in ``cycle``, read from one slice each.

        ``words`` makes the bytes of stream i; by default they are random or what an earlier plan has left.
        """
        way, machine = base // WEST_STREAM, self.planner.machine
        first = cycle
        for i in range(width):
            upstream = self.slices(lambda q: timing.hops(machine.x_out(q, way), x, way) >= 0)
            queue = self.planner.choose(upstream)
            mnemonic = self.planner.choose(("read", "read", "read_write")) if words is None else "read"
            stands = cycle - timing.hops(machine.x_out(queue, way), x, way)
            made = None if words is None else words(i)
            self._read(queue, mnemonic, stands - self.delay(mnemonic, "func"), base + i, made)
            first = min(first, stands)
            self.draft.hold(f"s{base + i}", stands, cycle + self.span)
        return Value(base=base, width=width, x=x, cycle=cycle)

    def _read(self, queue: Queue, mnemonic: str, cycle: int, to: int, made: Word | None) -> None:
        """Read from words that hold data."""
        p, where = self.planner, queue.name.removeprefix("mem.")
        half = p.machine.chip.words // 2
        address, loops = p.strided(self.loops, half)
        for touched in addresses_of(address, loops):
            if made is not None:
                p.image[where, touched] = made
            elif not self._left(where, touched):
                p.image.setdefault((where, touched), p.random_word())
        if mnemonic == "read_write":
            self._read_write(queue, cycle, address, to, loops)
        else:
            self.add(queue, cycle, self.make("read", address=address, to=to), loops)

    def _left(self, where: str, address: int) -> bool:
        """Whether an earlier plan stores a word, and may be trusted to."""
        stored = any(name == where and address in words for name, words in self.planner.written)
        return stored and self.planner.chance(0.7)

    def _read_write(self, queue: Queue, cycle: int, address: int, to: int, loops: tuple[Loop, ...]) -> None:
        """Read one word and store another, in the other bank, that comes from another slice."""
        p = self.planner
        x, way = p.machine.x_in(queue, EAST), p.choose((EAST, WEST))
        store = address + p.machine.chip.words // 2
        data = self.streams(way, 1)
        self.draft.items.append(
            Item(
                queue=queue,
                cycle=cycle,
                issue=self.make("read_write", address=address, data=data, to=to, store=store),
                loops=loops,
            )
        )
        upstream = self.slices(lambda q: timing.hops(p.machine.x_out(q, way), x, way) > 0)
        source = p.choose(upstream)
        sampled = cycle + self.delay("read_write", "skew")
        stands = sampled - timing.hops(p.machine.x_out(source, way), x, way)
        self._read(source, "read", stands - self.delay("read", "func"), data, p.random_word())
        self.draft.hold(f"s{data}", stands, sampled + self.span)
        p.written.append((queue.name.removeprefix("mem."), addresses_of(store, loops)))

    def store(self, value: Value) -> None:
        """Write a value into one slice for each of its streams."""
        p, machine = self.planner, self.planner.machine
        for i in range(value.width):
            downstream = self.slices(
                lambda q: timing.hops(value.x, machine.x_in(q, value.way), value.way) >= 0
            )
            queue = p.choose(downstream)
            sampled = value.cycle_at(machine.x_in(queue, value.way))
            half = machine.chip.words // 2
            address, loops = p.strided(self.loops, half)
            address += half
            cycle = sampled - self.delay("write", "skew")
            self.add(queue, cycle, self.make("write", data=value.base + i, address=address), loops)
            self.draft.hold(f"s{value.base + i}", value.cycle, sampled + self.span)
            p.written.append((queue.name.removeprefix("mem."), addresses_of(address, loops)))
