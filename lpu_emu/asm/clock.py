"""The cycle of the next dispatch of a queue, as far as its own text tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum, auto

from lpu_emu import timing
from lpu_emu.spec.isa import Instruction, Isa
from lpu_emu.spec.machine import Machine


class Advance(Enum):
    """How an instruction moves the next dispatch of its queue."""

    ONE = auto()
    COUNT = auto()
    LOOP = auto()
    PARK = auto()
    ALIGN = auto()


def advances(isa: Isa) -> Mapping[int, Advance]:
    """Return by opcode how instructions move the next dispatch."""
    return {i.opcode: _advance(i) for i in isa.instructions.values()}


def _advance(instruction: Instruction) -> Advance:
    by_layout = {"count": Advance.COUNT, "loop": Advance.LOOP}
    by_mnemonic = {"sync": Advance.PARK, "deskew": Advance.ALIGN}
    return by_layout.get(instruction.layout.name) or by_mnemonic.get(instruction.mnemonic) or Advance.ONE


class QueueClock:
    """Follows a queue from dispatch to dispatch.

    ``cycle`` is when the next instruction dispatches, counted from the program's start or, where ``released``
    is set, from the release of the last sync (or the boundary of a deskew after it).
    """

    def __init__(self, machine: Machine) -> None:
        self.cycle = 0
        self.released = False
        self._advances = advances(machine.isa)
        self._repeat = next(i for i in machine.isa.instructions.values() if _advance(i) is Advance.LOOP)
        self._epoch = int(machine.chip["c2c.epoch_cycles"])
        self._loops: list[timing.Loop] = []
        self._first = 0

    def step(self, opcode: int, args: Sequence[int]) -> None:
        """Go past an instruction."""
        kind = self._advances[opcode]
        if kind is Advance.LOOP:
            self._loops.append(timing.loop_from_args(self._repeat, args))
            self.cycle = self._first + timing.body_spans(self._loops)[-1] + 1
            return
        if self._loops:
            self._loops = []
        self._first = self.cycle
        if kind is Advance.ONE:
            self.cycle += 1
        elif kind is Advance.COUNT:
            self.cycle += args[0]
        elif kind is Advance.PARK:
            self._restart()
        else:
            self._align()

    def _restart(self) -> None:
        self.cycle, self.released = 0, True

    def _align(self) -> None:
        if self.released:
            self._restart()
        else:
            self.cycle = (self.cycle // self._epoch + 1) * self._epoch
