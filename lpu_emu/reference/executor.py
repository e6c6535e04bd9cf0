"""The cycle loop: from a program and inputs to outputs, cycles and hazards."""

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

__all__ = ["run", "semantics"]

Observer = Callable[[State], None]


def run(
    program: Program,
    inputs: Mapping[str, NDArray[np.generic]],
    *,
    strict: bool = True,
    max_cycles: int | None = None,
    observe: Observer | None = None,
) -> RunResult:
    """Run a program as :func:`lpu_emu.reference.run` says.

    ``observe`` is shown the state at the end of every cycle in which anything but movement happened.
    """
    require_valid(program)
    state = State(program, max_cycles)
    write_image(program, inputs, state.memory)
    _start(state)
    _go(state, observe)
    _judge_parked(state)
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


def _start(state: State) -> None:
    for queue in state.machine.queues:
        if queue.name in state.program.queues:
            state.queues.append(QueueState(state, queue, state.program.queues[queue.name]))
    for queue_state in state.queues:
        queue_state.wake()


def _go(state: State, observe: Observer | None) -> None:
    """Take one action after the other until nothing is left to happen."""
    while state.agenda:
        cycle, action = state.agenda.pop()
        if cycle != state.cycle:
            _end_cycle(state, observe)
            state.pass_to(cycle)
        action()
    _end_cycle(state, observe)


def _end_cycle(state: State, observe: Observer | None) -> None:
    if observe:
        observe(state)
    state.memory.end_cycle(state.cycle)


def _judge_parked(state: State) -> None:
    for queue in state.queues:
        if queue.parked:
            state.last_until(queue.cursor)
            site = queue.parked
            state.audit.report("never_notified", queue.queue.name, site.cycle, site.number)
