"""Instruction soup: anything that fits the chip, in any order, on a few queues, streams, rows and words."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lpu_emu import timing
from lpu_emu.program.model import DataSection, Program
from lpu_emu.program.text import Issue, issue, pack_text
from lpu_emu.spec.isa import Instruction, Operand
from lpu_emu.spec.machine import DTYPE_BYTES, IMMEDIATE, LATCH, NOTHING, WEST_STREAM, Machine, Queue
from lpu_emu.timing import Loop

from .bindings import binding

STREAM_GROUP = 4


class Soup:
    """A cook with one machine and one random generator; few streams and words make things meet."""

    def __init__(self, machine: Machine, rng: np.random.Generator) -> None:
        self.machine = machine
        self.rng = rng
        self.streams = int(rng.choice([8, machine.chip.streams]))
        self.words = int(rng.choice([4, 16, machine.chip.words]))
        self.longest = int(rng.choice([3, 3, 3, 12, 60]))

    def pick(self, low: int, high: int) -> int:
        """Return a random number in low..high."""
        return int(self.rng.integers(low, high + 1))

    def program(self, name: str) -> Program:
        """Return a program of a few queues."""
        queues = self.machine.queues
        chosen = set(self.rng.choice(len(queues), size=self.pick(1, 14), replace=False).tolist())
        if self.rng.random() < 0.6:  # planes do little unless all three of their queues do something
            plane = self.pick(0, 2 * self.machine.chip.planes - 1)
            chosen |= {q.index for q in queues if q.unit == "mxm" and q.number == plane}
        texts = {q.name: pack_text(self.machine.isa, self.text(q)) for q in queues if q.index in chosen}
        return Program(
            name=name,
            machine=self.machine,
            queues={name: text for name, text in texts.items() if len(text)},
            data=tuple(self.data()),
            bindings=tuple(
                binding(kind, f"{kind}{i}", where, range(at, at + self.pick(1, 4)), self.machine.chip.lanes)
                for i, (kind, where, at) in enumerate(self.places())
            ),
            wires=tuple(self.wires()),
        )

    def places(self) -> list[tuple[str, str, int]]:
        """Return kind, slice and address of a few bindings."""
        slices = [q.name.removeprefix("mem.") for q in self.machine.queues if q.unit == "mem"]
        number = self.pick(0, 2)
        return [
            (
                str(self.rng.choice(["input", "output"])),
                str(self.rng.choice(slices)),
                self.pick(0, self.words - 4),
            )
            for _ in range(number)
        ]

    def data(self) -> list[DataSection]:
        """Return data at the low words of some slices."""
        found = []
        for queue in self.machine.queues:
            if queue.unit == "mem" and self.rng.random() < 0.6:
                words: NDArray[np.uint8] = self.rng.integers(
                    0, 256, (self.pick(1, self.words), self.machine.chip.lanes)
                ).astype(np.uint8)
                where = queue.name.removeprefix("mem.")
                found.append(DataSection(name=where, slice=where, address=0, words=words))
        return found

    def wires(self) -> list[tuple[str, str]]:
        """Wire some links, in any way that each is used once at each end."""
        links = [f"{side}{n}" for side in "WE" for n in range(int(self.machine.chip["c2c.links"]))]
        ends = [str(name) for name in self.rng.permutation(links)]
        return [(a, b) for a, b in zip(links, ends, strict=True) if self.rng.random() < 0.6]

    def text(self, queue: Queue) -> list[Issue]:
        """Return the instructions of a queue."""
        isa = self.machine.isa
        own = [
            i
            for i in isa.instructions.values()
            if i.unit == queue.unit and (not i.queue or i.queue == queue.kind) and self.dtypes(queue, i)
        ]
        found: list[Issue] = []
        for _ in range(self.pick(1, 12)):
            if self.rng.random() < 0.3:
                found.append(self.control(queue))
                continue
            instruction = own[self.pick(0, len(own) - 1)]
            loops = self.loops() if instruction.repeatable else []
            found.append(self.instruction(queue, instruction, loops))
            found += [
                issue(isa, "repeat", count=p.count, interval=p.interval, stride=p.stride) for p in loops
            ]
        return found

    def control(self, queue: Queue) -> Issue:
        """Return an instruction of the ICU; barriers are rare."""
        isa = self.machine.isa
        kind = str(self.rng.choice(["nop"] * 8 + ["config", "notify", "notify", "sync", "ifetch"]))
        operands = {
            "nop": {"count": self.pick(0, 6)},
            "ifetch": {"stream": self.stream(1, 1, self.reach(queue))},
            "config": {"superlanes": self.pick(0, self.machine.chip.superlanes)},
        }
        return issue(isa, kind, **operands.get(kind, {}))

    def reach(self, queue: Queue) -> frozenset[int] | None:
        """Return the groups of four streams that a queue can name, None for all."""
        return self.machine.reach(queue.number) if queue.unit == "vxm" else None

    def loops(self) -> list[Loop]:
        """Return up to three nested loops, some of which go on as the inner one began."""
        found: list[Loop] = []
        for _ in range(int(self.rng.choice([0, 0, 1, 1, 2, 3]))):
            span = timing.body_spans(found)[-1]
            smooth = bool(found) and self.rng.random() < 0.4
            interval = span + (found[0].interval if smooth else self.pick(1, 3))
            stride = found[-1].stride * (found[-1].count + 1) if smooth else self.pick(-2, 2)
            most = min(self.longest, max(40, 2 * self.longest) // timing.iterations(found) - 1)
            found.append(Loop(count=self.pick(0, max(most, 0)), interval=interval, stride=stride))
        return found

    def stream(self, width: int, aligned: int, among: frozenset[int] | None = None) -> int:
        """Return the first of ``width`` streams of one direction."""
        count = self.machine.chip.streams if width > self.streams else self.streams
        bases = [
            b for b in range(0, count - width + 1, aligned) if among is None or b // STREAM_GROUP in among
        ]
        if not bases:
            bases = [
                b
                for b in range(0, self.machine.chip.streams, aligned)
                if among and b // STREAM_GROUP in among
            ]
        return int(self.rng.choice([0, WEST_STREAM])) + bases[self.pick(0, len(bases) - 1)]

    def instruction(self, queue: Queue, instruction: Instruction, loops: list[Loop]) -> Issue:
        """Return an instruction with operands that the queue takes."""
        args = [0] * len(instruction.operands)
        for i, operand in enumerate(instruction.operands):
            args[i] = self.argument(queue, instruction, operand, args, loops)
        named = {o.name: a for o, a in zip(instruction.operands, args, strict=True)}
        self._reconcile(named)
        return issue(self.machine.isa, instruction.mnemonic, **named)

    def argument(
        self, queue: Queue, instruction: Instruction, operand: Operand, args: list[int], loops: list[Loop]
    ) -> int:
        """Return a value for one operand; those it depends on come before it, or are made to agree later."""
        kind, chip = operand.kind.name, self.machine.chip
        if operand.is_stream:
            return self._place(queue, instruction, operand, args)
        if kind == "dtype":
            return operand.kind.values.index(str(self.rng.choice(self.dtypes(queue, instruction))))
        if operand.strided:
            limits = {"address": self.words, "row": chip.accumulator_rows, "row_group": chip.row_groups}
            return self._strided(limits[kind], loops)
        links = self.machine.links_of(queue) if queue.unit == "c2c" else range(1)
        ranges = {
            "address": (0, self.words - 1), "count16": (0, 5), "amount": (0, chip.lanes), "lane_mask": (0, 3),
            "bypass": (0, 255), "edge": (3, 4), "link": (links.start, links.stop - 1),
            "superlanes": (0, chip.superlanes), "immediate": (0, 1000),
        }  # fmt: skip
        low, high = ranges.get(kind, (0, operand.kind.maximum))
        return self.pick(low, high)

    def _place(self, queue: Queue, instruction: Instruction, operand: Operand, args: list[int]) -> int:
        special = {"source": [LATCH, IMMEDIATE], "target": [NOTHING]}.get(operand.kind.text, [])
        if operand.kind.text == "target" and queue.unit == "vxm":
            special = [NOTHING, LATCH]
        if special and self.rng.random() < 0.4:
            return int(self.rng.choice(special))
        width = self.machine.group(instruction, operand, args)
        return self.stream(width, 1 if operand.group.startswith("edge") else width, self.reach(queue))

    def dtypes(self, queue: Queue, instruction: Instruction) -> list[str]:
        """Return the types with which an instruction runs on a queue, one empty name if it has none."""
        names = list(instruction.dtypes)
        if not names:
            return [""]
        if queue.unit == "mxm":
            names = [n for n in names if n in self.machine.chip["mxm.dtypes"]]
            return [n for n in names if DTYPE_BYTES[n] == 1 or queue.number % 2 == 0]
        return [n for n in names if n not in instruction.large or self.machine.is_large(queue.number)]

    def _strided(self, limit: int, loops: list[Loop]) -> int:
        """Return a base that keeps a strided operand in 0..limit-1; strides that cannot fit are dropped."""
        for i in reversed(range(len(loops))):
            low = sum(min(p.count * p.stride, 0) for p in loops)
            high = sum(max(p.count * p.stride, 0) for p in loops)
            if high - low < limit:
                break
            loops[i] = Loop(count=loops[i].count, interval=loops[i].interval, stride=0)
        low = sum(min(p.count * p.stride, 0) for p in loops)
        high = sum(max(p.count * p.stride, 0) for p in loops)
        return self.pick(-low, limit - 1 - high)

    def _reconcile(self, named: dict[str, int]) -> None:
        """Make operands agree with each other."""
        if "base" in named:
            named["base"], named["limit"] = sorted((named["base"], named["limit"]))
        if "immediate" in named and IMMEDIATE not in (named["x"], named.get("y")):
            named["immediate"] = 0
        x, y = named.get("x", LATCH), named.get("y", LATCH)
        if x < LATCH and y < LATCH and "y" in named and x // WEST_STREAM != y // WEST_STREAM:
            named["y"] = y % WEST_STREAM + x // WEST_STREAM * WEST_STREAM
        targets = [name for name in ("to", "to2", "to3") if name in named]
        for i, name in enumerate(targets[1:], 1):
            if named[name] in [named[other] for other in targets[:i]]:
                named[name] = NOTHING


def soup(machine: Machine, seed: int) -> Program:
    """Return an unstructured program that fits its chip."""
    return Soup(machine, np.random.default_rng(seed)).program(f"soup {seed}")
