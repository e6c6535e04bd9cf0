"""The whole state of a chip while a program runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lpu_emu import timing
from lpu_emu.errors import ProgramError
from lpu_emu.program.model import Program
from lpu_emu.reference.agenda import Agenda
from lpu_emu.reference.audit import Audit
from lpu_emu.reference.links import Links
from lpu_emu.reference.memory import Sram
from lpu_emu.reference.planes import Plane
from lpu_emu.reference.streams import StreamRegisters

if TYPE_CHECKING:
    from lpu_emu.reference.operation import Operation
    from lpu_emu.reference.queues import QueueState

LATCH_BYTES = 4


class Latch:
    """The latch of an ALU: ``values`` uint8 [4, lanes], low byte first; ``written`` is false at first."""

    def __init__(self, lanes: int) -> None:
        self.values: NDArray[np.uint8] = np.zeros((LATCH_BYTES, lanes), dtype=np.uint8)
        self.written = False


class State:
    """Everything that changes: stream registers, SRAM, planes, latches, links, agenda, and the cycle.

    ``dispatched`` holds what was dispatched in this cycle, for those who look on.
    """

    def __init__(self, program: Program, max_cycles: int | None) -> None:
        machine = program.machine
        self.program = program
        self.machine = machine
        self.cycle = 0
        self.end = 0
        self.notified = -1
        self.queues: list[QueueState] = []
        self.dispatched: list[Operation] = []
        self.agenda = Agenda()
        self.audit = Audit()
        self.streams = StreamRegisters(machine, self.audit)
        self.memory = Sram(machine, self.audit)
        self.links = Links(program, self.audit)
        self.planes = [Plane(machine, number, self.audit) for number in range(2 * machine.chip.planes)]
        self.latches = [Latch(machine.chip.lanes) for queue in machine.queues if queue.unit == "vxm"]
        self._max_cycles = max_cycles

    @property
    def cycles(self) -> int:
        """The program's cycles, as far as it has come."""
        return timing.program_cycles(self.machine, self.end, 0)

    def last_until(self, cycle: int) -> None:
        """Note that something lasts until ``cycle``, not included.

        Raises:
            ProgramError: the program takes more cycles than it may.
        """
        self.end = max(self.end, cycle)
        if self._max_cycles is not None and self.cycles > self._max_cycles:
            raise ProgramError(
                f"program {self.program.name!r} takes {self.cycles} cycles or more, the limit is "
                f"{self._max_cycles}; look for a repeat that is too long, or raise max_cycles"
            )

    def pass_to(self, cycle: int) -> None:
        """Go on to ``cycle``; nothing happens in between but movement."""
        self.dispatched.clear()
        self.streams.move(cycle - self.cycle)
        self.cycle = cycle

    def release_queues(self) -> None:
        """Let every parked queue go on: a notify arrives in this cycle."""
        self.notified = self.cycle
        for queue in self.queues:
            queue.release()
