"""Running a program piece by piece: one busy cycle after the other, with the state to look at in between."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from lpu_emu.program.model import Program
from lpu_emu.program.result import RunResult
from lpu_emu.program.tensors import read_outputs
from lpu_emu.program.validate import require_valid
from lpu_emu.reference import semantics
from lpu_emu.reference.bindings import judge_outputs, write_image
from lpu_emu.reference.failures import hazard_error
from lpu_emu.reference.queues import QueueState
from lpu_emu.reference.state import State

__all__ = ["Stepper", "semantics"]


class Stepper:
    """A program under way. ``state`` is what holds at the end of cycle ``state.cycle``.

    ``observe`` is shown the state at the end of every busy cycle, before the accesses of that cycle are forgotten.

    Raises:
        ProgramError: the program does not fit its chip, or takes more than ``max_cycles``.
        InputError: an input is missing, unknown, or has the wrong shape or type.
    """

    def __init__(
        self,
        program: Program,
        inputs: Mapping[str, NDArray[np.generic]],
        *,
        max_cycles: int | None = None,
        observe: Callable[[State], None] | None = None,
    ) -> None:
        require_valid(program)
        self.state = State(program, max_cycles)
        write_image(program, inputs, self.state.memory)
        self._observe = observe
        self._start()

    def _start(self) -> None:
        state = self.state
        for queue in state.machine.queues:
            if queue.name in state.program.queues:
                state.queues.append(QueueState(state, queue, state.program.queues[queue.name]))
        for queue_state in state.queues:
            queue_state.wake()

    @property
    def next_cycle(self) -> int | None:
        """The next cycle in which anything but movement happens, None when nothing is left."""
        return self.state.agenda.next_cycle

    def step(self) -> bool:
        """Do all of the next cycle in which something happens; return False when nothing was left.

        Raises:
            FaultError: a value broke a rule at run time.
        """
        cycle = self.next_cycle
        if cycle is None:
            return False
        state = self.state
        if cycle != state.cycle:
            state.pass_to(cycle)
        while state.agenda.next_cycle == cycle:
            state.agenda.pop()()
        if self._observe:
            self._observe(state)
        state.memory.end_cycle(cycle)
        return True

    def go_to(self, cycle: int) -> None:
        """Do everything up to the end of ``cycle``, which must not lie in the past.

        Raises:
            FaultError: a value broke a rule at run time.
        """
        while self.next_cycle is not None and self.next_cycle <= cycle:
            self.step()
        if cycle > self.state.cycle:
            self.state.pass_to(cycle)

    def finish(self, *, strict: bool) -> RunResult:
        """Do what is left, judge it, and return the result as :func:`lpu_emu.reference.run` says."""
        while self.step():
            pass
        state, program = self.state, self.state.program
        self._judge_parked()
        judge_outputs(program, state.memory, state.audit, state.cycles)
        hazards = state.audit.hazards()
        if strict and any(not hazard.is_warning for hazard in hazards):
            raise hazard_error(program, hazards)
        return RunResult(
            outputs=read_outputs(program, state.memory.words),
            cycles=state.cycles,
            hazards=hazards,
            memory=state.memory.words,
            sent=state.links.sent(),
        )

    def _judge_parked(self) -> None:
        for queue in self.state.queues:
            if queue.parked:
                self.state.last_until(queue.cursor)
                site = queue.parked
                self.state.audit.report("never_notified", queue.queue.name, site.cycle, site.number)
