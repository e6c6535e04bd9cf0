"""Short ways to write programs instruction by instruction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from lpu_emu import timing
from lpu_emu.program.hazard import Hazard, Site
from lpu_emu.program.model import Binding, DataSection, Program
from lpu_emu.program.result import RunResult
from lpu_emu.program.text import Issue, issue, pack_text
from lpu_emu.reference import executor
from lpu_emu.spec.isa import Isa, load_isa
from lpu_emu.spec.machine import WEST_STREAM, Machine, direction, stream_name

Bytes = NDArray[np.uint8]
Texts = Mapping[str, Sequence[Issue]]

ISA: Isa = load_isa()
DTYPES = ISA.kinds["dtype"].values


def make(mnemonic: str, /, **operands: int | str) -> Issue:
    """Return an instruction; enum operands are given by name, streams as numbers or as ``e5`` and ``w0``."""
    instruction = ISA[mnemonic]
    values = {}
    for name, value in operands.items():
        kind = instruction.operands[instruction.operand_index(name)].kind
        values[name] = _value(kind.values, value) if isinstance(value, str) else value
    return issue(ISA, mnemonic, **values)


def _value(names: tuple[str, ...], value: str) -> int:
    if value in names:
        return names.index(value)
    return int(value[1:]) + WEST_STREAM * (value[0] == "w")


def nop(count: int) -> Issue:
    """Return a gap."""
    return make("nop", count=count)


def repeat(count: int, interval: int = 1, stride: int = 0) -> Issue:
    """Return a loop."""
    return make("repeat", count=count, interval=interval, stride=stride)


def at(cycle: int, *issues: Issue) -> list[Issue]:
    """Return instructions of which the first is dispatched in ``cycle``."""
    return [nop(cycle), *issues] if cycle else list(issues)


def timeline(issues: Mapping[int, Issue]) -> list[Issue]:
    """Return a queue text from single-cycle instructions by dispatch cycle."""
    text: list[Issue] = []
    now = 0
    for cycle, item in sorted(issues.items()):
        text += [nop(cycle - now)] * (cycle > now) + [item]
        now = cycle + 1
    return text


def program(
    machine: Machine,
    queues: Texts,
    *,
    data: Mapping[tuple[str, int], Bytes] | None = None,
    wires: Sequence[tuple[str, str]] = (),
    bindings: Sequence[Binding] = (),
) -> Program:
    """Return a program; ``data`` maps (slice, address) to words uint8 [n, lanes] or one word [lanes]."""
    sections = [
        DataSection(name="", slice=name, address=address, words=np.atleast_2d(words))
        for (name, address), words in (data or {}).items()
    ]
    return Program(
        name="test",
        machine=machine,
        queues={q.name: pack_text(ISA, queues[q.name]) for q in machine.queues if q.name in queues},
        data=tuple(sections),
        bindings=tuple(bindings),
        wires=tuple(wires),
    )


def run(made: Program, *, strict: bool = True, **inputs: NDArray[np.generic]) -> RunResult:
    """Run a program on the reference."""
    return executor.run(made, inputs, strict=strict)


def hazards_of(made: Program) -> list[Hazard]:
    """Return the hazards of a program without input bindings."""
    return list(executor.run(made, {}, strict=False).hazards)


def hazard(
    kind: str,
    resource: str,
    cycle: int,
    first: Site | None = None,
    second: Site | None = None,
    count: int = 1,
) -> Hazard:
    """Return the hazard that a test expects."""
    return Hazard(kind=kind, resource=resource, cycle=cycle, first=first, second=second, count=count)


def site(queue: str, index: int, cycle: int) -> Site:
    """Return a dispatch of a text without source lines."""
    return Site(queue=queue, index=index, line=0, cycle=cycle)


class Bench:
    """A test bench around units: words go in from MEM slices, results go into others.

    Slices feed from their first bank and store into their second. Each dispatch is timed so that the value is
    where it is wanted, when it is wanted: a unit with another timing meets a hazard.
    """

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.data: dict[tuple[str, int], Bytes] = {}
        self._timed: dict[str, dict[int, Issue]] = {}
        self._addresses: dict[tuple[str, str], int] = {}
        self._stored: list[tuple[str, str, int]] = []

    def do(self, queue: str, cycle: int, item: Issue) -> None:
        """Dispatch an instruction in a cycle."""
        assert cycle not in self._timed.setdefault(queue, {}), f"{queue} has something in cycle {cycle}"
        self._timed[queue][cycle] = item

    def apply(self, queue: str, cycle: int, item: Issue, **words: Bytes) -> None:
        """Dispatch an instruction, feed ``words`` [streams, lanes] by operand, store each result by name."""
        delays = self.machine.timing(item.instruction)
        self.do(queue, cycle, item)
        for operand in item.instruction.operands:
            if operand.name in words:
                base = item.arg(operand.name)
                self.feed(base, np.atleast_2d(words[operand.name]), queue, cycle + delays[operand.skew])
            if operand.role == "out" and operand.group and item.arg(operand.name) < 2 * WEST_STREAM:
                count = self.machine.group(item.instruction, operand, item.args)
                self.store(operand.name, item.arg(operand.name), count, queue, cycle + delays["func"])

    def feed(self, base: int, words: Bytes, queue: str, cycle: int) -> None:
        """Have ``words`` [streams, lanes] on streams from ``base`` on where ``queue`` samples them."""
        x = self.machine.x_in(self.machine.queue_by_name[queue], direction(base))
        func = self.machine.timing(ISA["read"])["func"]
        for stream, word in enumerate(words, base):
            name, dispatch = self._slice(stream, x, "read", cycle - func)
            address = self._address(name, "read")
            self.data[name, address] = word
            self.do(f"mem.{name}", dispatch, make("read", address=address, to=stream))

    def store(self, name: str, base: int, count: int, queue: str, cycle: int) -> None:
        """Keep, under a name, the ``count`` streams that ``queue`` drives in ``cycle``."""
        x = self.machine.x_out(self.machine.queue_by_name[queue], direction(base))
        skew = self.machine.timing(ISA["write"])["skew"]
        for stream in range(base, base + count):
            slice_name, dispatch = self._slice(stream, x, "write", cycle - skew)
            address = self._address(slice_name, "write")
            self.do(f"mem.{slice_name}", dispatch, make("write", data=stream, address=address))
            self._stored.append((name, slice_name, address))

    def program(self) -> Program:
        """Return the program."""
        texts = {name: timeline(items) for name, items in self._timed.items()}
        return program(self.machine, texts, data=self.data)

    def run(self) -> dict[str, Bytes]:
        """Run strictly, without warnings, and return what was stored: uint8 [streams, lanes] by name."""
        result = run(self.program())
        assert result.hazards == ()
        return {name: self.stored(result, name) for name in dict.fromkeys(name for name, *_ in self._stored)}

    def stored(self, result: RunResult, name: str) -> Bytes:
        """Return the words that a run stored under a name, uint8 [streams, lanes]."""
        return np.stack([result.memory[s][address] for key, s, address in self._stored if key == name])

    def _slice(self, stream: int, x: int, use: str, cycle_at_x: int) -> tuple[str, int]:
        """Return a free slice upstream of ``x`` (to read) or downstream (to write), and its dispatch."""
        flow = direction(stream)
        for queue in self.machine.queues:
            if queue.unit != "mem":
                continue
            hops = timing.hops(self.machine.x_in(queue, flow), x, flow)
            cycle = cycle_at_x - hops
            fits = hops >= 0 if use == "read" else hops <= 0
            if fits and cycle not in self._timed.get(queue.name, {}):
                assert cycle >= 0, f"{queue.name} would have to be dispatched in cycle {cycle}"
                return f"{queue.hemisphere}{queue.number}", cycle
        raise AssertionError(f"no slice is free to {use} {stream_name(stream)} at x={x}")

    def _address(self, name: str, use: str) -> int:
        first = 0 if use == "read" else self.machine.chip.words_per_bank
        self._addresses[name, use] = self._addresses.get((name, use), first - 1) + 1
        return self._addresses[name, use]
