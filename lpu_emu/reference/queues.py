"""Queues: how a text becomes dispatches, one per cycle, with gaps, loops and barriers."""

from __future__ import annotations

from lpu_emu import timing
from lpu_emu.program.text import Issue, QueueText, unpack_text
from lpu_emu.reference.agenda import Moment, Phase
from lpu_emu.reference.operation import Operation
from lpu_emu.reference.registry import DEFINITIONS
from lpu_emu.reference.state import State
from lpu_emu.spec.machine import EAST, WEST, Queue


class QueueState:
    """One queue: its text, the position and cycle of its next dispatch, its open loops, and the superlanes that are on."""

    def __init__(self, state: State, queue: Queue, text: QueueText) -> None:
        machine = state.machine
        self.queue = queue
        self.issues = unpack_text(machine.isa, text)
        self.x_in = [machine.x_in(queue, flow) for flow in (EAST, WEST)]
        self.x_out = [machine.x_out(queue, flow) for flow in (EAST, WEST)]
        self.superlanes = machine.chip.superlanes
        self.cursor = 0
        self.parked: Operation | None = None
        self._state = state
        self.position = 0
        self._loop_base = 0
        self._loops: list[timing.Loop] = []
        self._counters: list[int] = []

    @property
    def done(self) -> bool:
        """Whether nothing is left to dispatch."""
        return self.position == len(self.issues)

    def wake(self) -> None:
        """Enter the next dispatch into the agenda."""
        self._state.last_until(self.cursor)
        if not self.done:
            self._state.agenda.add(Moment(self.cursor, Phase.DISPATCH), self.queue.index, self.step)

    def step(self) -> None:
        """Dispatch what is due in this cycle."""
        while not self.done and not self.parked and self.cursor == self._state.cycle:
            issue = self.issues[self.position]
            if issue.instruction.repeatable:
                self._dispatch_data(issue)
            else:
                self._dispatch_control(issue)
        if not self.parked:
            self.wake()

    def park(self, operation: Operation) -> None:
        """Hold the queue until :meth:`release`."""
        self.parked = operation

    def release(self) -> None:
        """Go on in this cycle if the queue is parked."""
        if self.parked:
            self.parked = None
            self.cursor = self._state.cycle
            self.wake()

    def open_loop(self, loop: timing.Loop) -> None:
        """Put a loop around the instruction that is about to be dispatched and its loops so far."""
        self._loops.append(loop)
        self._counters.append(0)

    def _dispatch_control(self, issue: Issue) -> None:
        self.position += 1
        self.cursor += 1
        self._begin(self.position - 1, issue.args)

    def _dispatch_data(self, issue: Issue) -> None:
        if not self._loops:
            self._open_loops()
        offset = sum(n * loop.stride for n, loop in zip(self._counters, self._loops, strict=True))
        self._begin(self.position, _moved(issue, offset))
        self._next_iteration()

    def _open_loops(self) -> None:
        self._loop_base = self.cursor
        for index in range(self.position + 1, len(self.issues)):
            if self.issues[index].instruction.mnemonic != "repeat":
                break
            self._begin(index, self.issues[index].args)

    def _next_iteration(self) -> None:
        """Advance the innermost loop that is not over; all loops inside it start again."""
        for level, loop in enumerate(self._loops):
            if self._counters[level] < loop.count:
                self._counters[level] += 1
                passed = (n * each.interval for n, each in zip(self._counters, self._loops, strict=True))
                self.cursor = self._loop_base + sum(passed)
                return
            self._counters[level] = 0
        self.position += 1 + len(self._loops)
        self.cursor += 1
        self._loops, self._counters = [], []

    def _begin(self, index: int, args: tuple[int, ...]) -> None:
        operation = Operation(self._state, self, index, args)
        self._state.dispatched.append(operation)
        instruction = operation.instruction
        if instruction.timing:
            finish = timing.finish_cycles(self._state.machine, instruction, wide=operation.wide)
            self._state.last_until(operation.cycle + finish + 1)
        steps = DEFINITIONS[instruction.mnemonic](operation)
        if steps is not None:
            operation.follow(steps)


def _moved(issue: Issue, offset: int) -> tuple[int, ...]:
    if not offset:
        return issue.args
    operands = issue.instruction.operands
    return tuple(a + offset if o.strided else a for a, o in zip(issue.args, operands, strict=True))
