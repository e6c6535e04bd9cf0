"""A program that can be stopped anywhere: forwards step by step, backwards by starting again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lpu_emu.asm.listing import writers
from lpu_emu.program.hazard import Hazard
from lpu_emu.program.model import Program
from lpu_emu.program.text import unpack_row
from lpu_emu.reference.memory import Access
from lpu_emu.reference.state import State
from lpu_emu.reference.stepper import Stepper


@dataclass(frozen=True, kw_only=True)
class Dispatch:
    """One dispatch: ``text`` is the instruction with the strides of its loops added, ``line`` its source line or 0."""

    queue: str
    index: int
    cycle: int
    text: str
    line: int
    operator: str

    def __str__(self) -> str:
        """Return the dispatch as messages show it."""
        line = f", line {self.line}" if self.line else ""
        operator = f", {self.operator}" if self.operator else ""
        return f"{self.queue}[{self.index}] {self.text}{line}{operator}"


Stop = Callable[["Debugger"], bool]


class Debugger:
    """A program, its inputs, and a cycle at whose end the chip is looked at.

    ``accesses`` are those of SRAM in the last cycle in which something happened.

    Raises:
        ProgramError: the program does not fit its chip.
        InputError: an input is missing, unknown, or has the wrong shape or type.
    """

    def __init__(self, program: Program, inputs: Mapping[str, NDArray[np.generic]]) -> None:
        self.program = program
        self.machine = program.machine
        self.accesses: list[Access] = []
        self._inputs = inputs
        self._stepper = self._restarted()

    def _restarted(self) -> Stepper:
        stepper = Stepper(self.program, self._inputs, observe=self._note)
        stepper.go_to(0)
        return stepper

    def _note(self, state: State) -> None:
        self.accesses = list(state.memory.accesses)

    @property
    def state(self) -> State:
        """Everything on the chip at the end of :attr:`cycle`."""
        return self._stepper.state

    @property
    def cycle(self) -> int:
        """The cycle that is looked at."""
        return self.state.cycle

    @property
    def next_cycle(self) -> int | None:
        """The next cycle in which something happens, None when the program is over."""
        return self._stepper.next_cycle

    @property
    def dispatched(self) -> list[Dispatch]:
        """What was dispatched in this cycle, queue by queue."""
        return [
            Dispatch(
                queue=operation.queue.queue.name,
                index=operation.index,
                cycle=operation.cycle,
                text=self._writers[operation.instruction.opcode](operation.args),
                line=operation.queue.issues[operation.index].line,
                operator=self._operator(operation.queue.issues[operation.index].origin),
            )
            for operation in self.state.dispatched
        ]

    @cached_property
    def _writers(self) -> Mapping[int, Callable[..., str]]:
        return writers(self.machine.isa)

    def _operator(self, origin: int) -> str:
        operators = self.program.operators
        return operators[origin].name if 0 <= origin < len(operators) else ""

    @property
    def hazards(self) -> tuple[Hazard, ...]:
        """Hazards met so far."""
        return self.state.audit.hazards()

    def text_of(self, queue: str, index: int) -> str:
        """Return an instruction of a queue as it is written."""
        issue = unpack_row(self.machine.isa, self.program.queues[queue], index)
        return self._writers[issue.instruction.opcode](issue.args)

    def go_to(self, cycle: int) -> None:
        """Look at the end of ``cycle``; an earlier one than now means starting again.

        Raises:
            FaultError: a value broke a rule on the way.
        """
        if cycle < self.cycle:
            self._stepper = self._restarted()
        self._stepper.go_to(cycle)

    def step(self) -> bool:
        """Go on to the next cycle in which something happens; return False when there is none.

        Raises:
            FaultError: a value broke a rule.
        """
        return self._stepper.step()

    def run_until(self, stop: Stop, limit: int | None = None) -> bool:
        """Step until ``stop`` says so, or until ``limit`` or the end; return whether it was ``stop``.

        Raises:
            FaultError: a value broke a rule on the way.
        """
        while self.next_cycle is not None and (limit is None or self.next_cycle <= limit):
            self.step()
            if stop(self):
                return True
        if limit is not None and limit > self.cycle:
            self._stepper.go_to(limit)
        return False

    def cycles(self, first: int, last: int) -> Iterator[int]:
        """Look at each cycle of a range in turn.

        Raises:
            FaultError: a value broke a rule on the way.
        """
        for cycle in range(first, last + 1):
            self.go_to(cycle)
            yield cycle
