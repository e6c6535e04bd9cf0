"""The text of one queue while it is being written."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lpu_emu.asm.clock import Advance, QueueClock, advances
from lpu_emu.asm.problems import Wrong
from lpu_emu.program.text import QueueText
from lpu_emu.spec.machine import Machine

LATEST_CYCLE = (1 << 31) - 1
GAP = "nop"


class QueueBuilder:
    """Collects the instructions of a queue and fills gaps up to absolute dispatch cycles."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._clock = QueueClock(machine)
        self._advances = advances(machine.isa)
        self._gap = machine.isa[GAP]
        self._opcodes: list[int] = []
        self._rows: list[Sequence[int]] = []
        self._origins: list[int] = []
        self.lines: list[int] = []

    def __len__(self) -> int:
        return len(self._opcodes)

    def add(self, opcode: int, row: Sequence[int], line: int, origin: int) -> None:
        """Append an instruction."""
        self._clock.step(opcode, row)
        self._opcodes.append(opcode)
        self._rows.append(row)
        self.lines.append(line)
        self._origins.append(origin)

    def wait(self, cycle: int, from_release: bool, opcode: int, line: int, origin: int) -> None:
        """Append gaps so that an instruction with this opcode is dispatched in ``cycle``.

        Raises:
            Wrong: it cannot be: the cycle has passed, is not known, or the instruction has no dispatch cycle.
        """
        if self._advances[opcode] is Advance.LOOP:
            raise Wrong("a repeat has no dispatch cycle of its own; give one to the instruction before it")
        if from_release != self._clock.released:
            raise Wrong(_unknown_time(from_release))
        missing = cycle - self._clock.cycle
        if missing < 0:
            sign = "+" if from_release else ""
            before = f"; the instruction of line {self.lines[-1]}" if self.lines else "; the queue"
            free = f"{sign}{self._clock.cycle}"
            raise Wrong(f"cycle {sign}{cycle} has passed{before} leaves the queue free from cycle {free} on")
        longest = self._gap.operands[0].kind.maximum
        while missing:
            count = min(missing, longest)
            self.add(self._gap.opcode, [count, *[0] * (self._machine.isa.widest - 1)], line, origin)
            missing -= count

    def finish(self) -> QueueText:
        """Return the text."""
        n = len(self)
        return QueueText(
            opcodes=np.array(self._opcodes, dtype=np.uint8),
            args=np.array(self._rows, dtype=np.int64).reshape(n, self._machine.isa.widest),
            lines=np.array(self.lines, dtype=np.int32),
            origins=np.array(self._origins, dtype=np.int32),
        )


def _unknown_time(from_release: bool) -> str:
    if from_release:
        return "@+ counts from the release of a sync, and this queue has none before; write @ and a cycle"
    return "the cycle after a sync is not known; write @+ and the cycles since its release"
