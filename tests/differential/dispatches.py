"""Every dispatch of a program as an object, and what it does to streams, words, latches, planes and links.

The plainest way to say who sees whom: sort what happens, and walk through it. Answers are dictionaries from
what is taken to what it comes from, both named by (run, element) and, for streams, operand column and part.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from lpu_emu import timing
from lpu_emu.analysis.core import Analysis
from lpu_emu.program.model import Program
from lpu_emu.spec.isa import Instruction
from lpu_emu.spec.machine import DTYPE_BYTES, LATCH, Machine, Queue, direction

Element = tuple[int, int]
Tap = tuple[int, int, int, int]
Key = TypeVar("Key")
IMAGE: Element = (-2, 0)


@dataclass(frozen=True, kw_only=True)
class Dispatch:
    """One dispatch: element ``k`` of ``run``."""

    run: int
    k: int
    queue: Queue
    instruction: Instruction
    args: tuple[int, ...]
    cycle: int
    machine: Machine

    def __getitem__(self, operand: str) -> int:
        return self.args[self.instruction.operand_index(operand)]

    @property
    def element(self) -> Element:
        return self.run, self.k

    @property
    def mnemonic(self) -> str:
        return self.instruction.mnemonic

    def after(self, key: str) -> int:
        return self.cycle + self.machine.timing(self.instruction)[key]

    def taps(self) -> Iterator[tuple[int, int, int, bool, Tap]]:
        """Yield stream, slot, place along the stream, whether it is a drive, and the name of every tap."""
        for column, operand in enumerate(self.instruction.operands):
            base = self.args[column]
            if not operand.is_stream or base >= LATCH:
                continue
            drives = operand.role == "out"
            width = self.machine.group(self.instruction, operand, self.args)
            way = direction(base)
            x = (self.machine.x_out if drives else self.machine.x_in)(self.queue, way)
            cycle = self.after("func" if drives else operand.skew)
            samples = 2 if self.mnemonic == "ifetch" else 1
            for part in range(width * samples):
                stream, later = (base + part, 0) if samples == 1 else (base, part)
                slot = timing.slot(cycle + later, x, way)
                yield stream, slot, timing.hops(0, x, way), drives, (self.run, self.k, column, part)


def dispatches(analysis: Analysis) -> list[Dispatch]:
    """Write out all runs, in the order of dispatch, queue and index."""
    runs, machine = analysis.runs, analysis.program.machine
    found = []
    for run in range(len(runs)):
        instruction = machine.isa.by_opcode[int(runs.opcode[run])]
        queue = machine.queues[int(runs.queue[run])]
        first = [int(a) for a in runs.args[run][: len(instruction.operands)]]
        for k in range(int(runs.count[run])):
            args = tuple(
                a + k * int(runs.stride[run]) if o.strided else a
                for a, o in zip(first, instruction.operands, strict=True)
            )
            cycle = int(runs.start[run] + k * runs.interval[run])
            found.append(
                Dispatch(
                    run=run,
                    k=k,
                    queue=queue,
                    instruction=instruction,
                    args=args,
                    cycle=cycle,
                    machine=machine,
                )
            )
    return sorted(found, key=lambda d: (d.cycle, d.run))


def streams(every: list[Dispatch]) -> dict[Tap, Tap | None]:
    """Return the drive that each sample sees."""
    events = [
        (stream, slot, along, not drives, d.cycle, d.run, tap)
        for d in every
        for stream, slot, along, drives, tap in d.taps()
    ]
    seen: dict[Tap, Tap | None] = {}
    last: dict[tuple[int, int], Tap] = {}
    for stream, slot, _, samples, _, _, tap in sorted(events):
        if samples:
            seen[tap] = last.get((stream, slot))
        else:
            last[stream, slot] = tap
    return seen


def last_writers(
    events: Iterable[tuple[Key, int, bool, bool, Element]], *, reads_first: bool
) -> dict[tuple[Key, Element], Element | None]:
    """Return, for every read of (place, cycle, reads, writes, element), the write to its place before."""
    seen: dict[tuple[Key, Element], Element | None] = {}
    last: dict[Key, Element] = {}
    for place, _, reads, writes, element in sorted(
        events, key=lambda e: (e[1], e[3] if reads_first else not e[3], e[4])
    ):
        if reads:
            seen[place, element] = last.get(place)
        if writes:
            last[place] = element
    return seen


def words(every: list[Dispatch], program: Program) -> dict[tuple[tuple[str, int], Element], Element | None]:
    """Return who wrote the words that reads take; scatters are left out."""
    events = [(place, -1, False, True, IMAGE) for place in _image(program)]
    for d in every:
        where = d.queue.name.removeprefix("mem.")
        if d.mnemonic in ("read", "read_write"):
            events.append(((where, d["address"]), d.after("access"), True, False, d.element))
        if d.mnemonic == "write":
            events.append(((where, d["address"]), d.after("access"), False, True, d.element))
        if d.mnemonic == "read_write":
            events.append(((where, d["store"]), d.after("access_store"), False, True, d.element))
    return last_writers(events, reads_first=True)


def _image(program: Program) -> list[tuple[str, int]]:
    """Return the words that hold something before cycle 0."""
    image = [(s.slice, s.address + i * s.step) for s in program.data for i in range(len(s.words))]
    pieces = [p for b in program.inputs for p in b.layout.pieces]
    return image + [(p.slice, p.address + i * p.step) for p in pieces for i in range(p.rows)]


def latches(every: list[Dispatch]) -> dict[tuple[int, Element], Element | None]:
    """Return who wrote the latches that operations take."""
    events = []
    for d in every:
        if d.queue.unit != "vxm":
            continue
        for operand, value in zip(d.instruction.operands, d.args, strict=True):
            if operand.is_stream and value == LATCH:
                drives = operand.role == "out"
                cycle = d.after("latch" if drives else "skew")
                events.append((d.queue.number, cycle, not drives, drives, d.element))
    return last_writers(events, reads_first=False)


def rows(every: list[Dispatch]) -> dict[tuple[tuple[int, int], Element], Element | None]:
    """Return who wrote the accumulator rows that are added to or read."""
    events = []
    for d in every:
        if d.mnemonic in ("acc", "acc_read"):
            writes = d.mnemonic == "acc"
            events.append(
                ((d.queue.number, d["row"]), d.cycle, not writes or d["mode"] == 1, writes, d.element)
            )
    return last_writers(events, reads_first=True)


def is_tandem(d: Dispatch) -> bool:
    """Whether an issue uses two planes."""
    return DTYPE_BYTES[d.machine.isa.kinds["dtype"].values[d["dtype"]]] == 2


def weights(every: list[Dispatch]) -> dict[tuple[int, Element], Element | None]:
    """Return the last install no later than each issue, on each of its planes."""
    events = []
    for d in every:
        if d.mnemonic in ("iw", "iw_stream"):
            events.append((d.queue.number, d.cycle, False, True, d.element))
        if d.mnemonic == "abc":
            events += [(d.queue.number + i, d.cycle, True, False, d.element) for i in range(1 + is_tandem(d))]
    return last_writers(events, reads_first=False)


def products(every: list[Dispatch]) -> dict[Element, Element]:
    """Return the issue whose product each ``acc`` takes, where there is one."""
    arriving = {(d.queue.number, d.after("product")): d.element for d in every if d.mnemonic == "abc"}
    taking = {d.element: (d.queue.number, d.after("skew")) for d in every if d.mnemonic == "acc"}
    return {element: arriving[place] for element, place in taking.items() if place in arriving}


def vectors(every: list[Dispatch], program: Program) -> dict[Element, Element | None]:
    """Return the send that each receive takes."""
    ends = dict(program.wires)
    sent: dict[str, list[Element]] = {}
    received: dict[str, int] = {}
    seen: dict[Element, Element | None] = {}
    for d in every:
        link = f"{d.queue.hemisphere}{d['link']}" if d.mnemonic in ("send", "receive") else ""
        if d.mnemonic == "send" and link in ends:
            sent.setdefault(ends[link], []).append(d.element)
    for d in every:
        if d.mnemonic == "receive":
            link = f"{d.queue.hemisphere}{d['link']}"
            number = received[link] = received.get(link, -1) + 1
            seen[d.element] = sent[link][number] if number < len(sent.get(link, [])) else None
    return seen


def final_writers(every: list[Dispatch], program: Program) -> dict[tuple[str, int], Element]:
    """Return who wrote each word last; scatters are left out."""
    last = dict.fromkeys(_image(program), IMAGE)
    events = []
    for d in every:
        where = d.queue.name.removeprefix("mem.")
        if d.mnemonic == "write":
            events.append((d.after("access"), d.element, (where, d["address"])))
        if d.mnemonic == "read_write":
            events.append((d.after("access_store"), d.element, (where, d["store"])))
    for _, element, place in sorted(events):
        last[place] = element
    return last


def regions(every: list[Dispatch]) -> dict[tuple[int, int], int]:
    """Return, for gathers and scatters and other runs that share words with them, who comes first."""
    touched: dict[int, list[tuple[str, int, int, int]]] = {}
    for d in every:
        touched.setdefault(d.run, []).extend(_touched(d))
    own = {d.run for d in every if d.mnemonic in ("gather", "scatter")}
    found = {}
    for region in own:
        where, low, high, _ = touched[region][0]
        times = [cycle for *_, cycle in touched[region]]
        for other, accesses in touched.items():
            shared = [c for w, a, b, c in accesses if w == where and a <= high and b >= low]
            if other != region and shared:
                before, after = max(shared) < min(times), min(shared) > max(times)
                found[region, other] = -1 if before else 1 if after else 0
    return found


def _touched(d: Dispatch) -> Iterator[tuple[str, int, int, int]]:
    """Yield slice, first and last word, and cycle of every SRAM access of a dispatch."""
    where = d.queue.name.removeprefix("mem.")
    if d.mnemonic in ("read", "write", "read_write"):
        yield where, d["address"], d["address"], d.after("access")
    if d.mnemonic == "read_write":
        yield where, d["store"], d["store"], d.after("access_store")
    if d.mnemonic in ("gather", "scatter"):
        yield where, d["base"], d["limit"], d.after("access")
