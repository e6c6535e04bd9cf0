"""One dispatch: the vocabulary in which the meaning of an instruction is written."""

from __future__ import annotations

from collections.abc import Generator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lpu_emu.program.fault import fault_error
from lpu_emu.program.text import Issue
from lpu_emu.reference.agenda import Moment, Phase, Steps
from lpu_emu.reference.audit import Operands, Sample
from lpu_emu.reference.state import LATCH_BYTES, State
from lpu_emu.spec.isa import Operand
from lpu_emu.spec.machine import DTYPE_BYTES, IMMEDIATE, LATCH, direction

if TYPE_CHECKING:
    from lpu_emu.reference.queues import QueueState

Bytes = NDArray[np.uint8]


class Operation:
    """One dispatch of one instruction, with strides added to its arguments.

    ``number`` is its place in the order of all dispatches, ``superlanes`` how many superlanes are on, and
    ``on`` how many lanes those have.
    """

    def __init__(self, state: State, queue: QueueState, index: int, args: tuple[int, ...]) -> None:
        issue: Issue = queue.issues[index]
        self.state = state
        self.queue = queue
        self.index = index
        self.instruction = issue.instruction
        self.args = args
        self.cycle = state.cycle
        self.timing = state.machine.timing(issue.instruction)
        self.superlanes = queue.superlanes
        self.on = queue.superlanes * state.machine.chip.lanes_per_superlane
        self.number = state.audit.dispatched(queue.queue.name, index, issue.line, state.cycle)
        self._operands = Operands()

    def __getitem__(self, operand: str) -> int:
        return self.args[self.instruction.operand_index(operand)]

    def choice(self, operand: str) -> str:
        """Return the name that the value of an enum operand stands for."""
        return self._operand(operand).kind.values[self[operand]]

    def count(self, operand: str) -> int:
        """Return how many streams an operand covers."""
        return self.state.machine.group(self.instruction, self._operand(operand), self.args)

    @property
    def wide(self) -> bool:
        """Whether this is an MXM issue of a two-byte type over all lanes, which takes two slots."""
        if "half" not in self.instruction.layout.index:
            return False
        return self.choice("half") == "all" and DTYPE_BYTES[self.choice("dtype")] == 2

    # Time

    def after(self, key: str) -> int:
        """Return the cycle that lies a timing key of the instruction after its dispatch."""
        return self.cycle + self.timing[key]

    def at(self, phase: Phase, key: str, *, later: int = 0) -> Moment:
        """Return a phase of the cycle ``after(key)``, or of ``later`` cycles after that."""
        return Moment(self.after(key) + later, phase)

    def now(self, phase: Phase) -> Moment:
        """Return a phase of the dispatch cycle."""
        return Moment(self.cycle, phase)

    def follow(self, steps: Steps) -> None:
        """Go through steps, each at its moment."""
        moment = next(steps, None)
        if moment is not None:
            self.state.agenda.add(moment, self.number, partial(self.follow, steps))

    # Streams

    def take(self, *operands: str) -> Generator[Moment, None, list[Bytes]]:
        """Sample operands, each at its own time, and return their bytes [streams, lanes] as listed."""
        found: dict[str, Bytes] = {}
        for operand in sorted(operands, key=self._sampled_at):
            yield Moment(self._sampled_at(operand), Phase.SAMPLE)
            found[operand] = self.sample(operand)
        return [found[operand] for operand in operands]

    def sample(self, operand: str) -> Bytes:
        """Return the bytes of an operand in this cycle: streams, latch, or immediate."""
        if self[operand] == LATCH:
            return self._sample_latch(operand)
        if self[operand] == IMMEDIATE:
            return self._immediate(operand)
        return self._sample_streams(operand)

    def drive(self, stream: int, values: Bytes) -> None:
        """Put bytes [streams, lanes] on streams from ``stream`` on, ``func`` cycles after dispatch."""
        self.follow(self._drive(stream, self.masked(values)))

    def masked(self, values: Bytes) -> Bytes:
        """Return a copy of bytes [..., lanes] with zeros in the lanes that are off."""
        values = values.copy()
        values[..., self.on :] = 0
        return values

    def by_superlane(self, values: Bytes) -> Bytes:
        """Return bytes [streams, lanes] as [streams, superlanes, lanes of a superlane]."""
        return values.reshape(len(values), self.state.machine.chip.superlanes, -1)

    # Failure

    def report(self, kind: str, resource: str) -> None:
        """Record a hazard of this dispatch alone, in this cycle."""
        self.state.audit.report(kind, resource, self.state.cycle, self.number)

    def fault(self, message: str) -> None:
        """Stop the run, unless a hazard was met before: then values mean nothing and the run goes on.

        Raises:
            FaultError: with the dispatch and the message.
        """
        if self.state.audit.failed:
            return
        raise fault_error(self.state.program, self.state.audit.site(self.number), message)

    def _operand(self, name: str) -> Operand:
        return self.instruction.operands[self.instruction.operand_index(name)]

    def _sampled_at(self, operand: str) -> int:
        return self.after(self._operand(operand).skew)

    def _immediate(self, operand: str) -> Bytes:
        value = self["immediate"].to_bytes(LATCH_BYTES, "little")[: self.count(operand)]
        lanes = self.state.machine.chip.lanes
        return np.repeat(np.frombuffer(value, dtype=np.uint8)[:, None], lanes, axis=1)

    def _sample_latch(self, operand: str) -> Bytes:
        latch = self.state.latches[self.queue.queue.number]
        if not latch.written:
            self.report("latch_unset", f"{self.queue.queue.name} latch")
        return latch.values[: self.count(operand)].copy()

    def _sample_streams(self, operand: str) -> Bytes:
        stream = self[operand]
        x = self.queue.x_in[direction(stream)]
        values, driven = self.state.streams.sample(stream, self.count(operand), x)
        number = self.instruction.operand_index(operand)
        self._operands.add(Sample(number, stream, x, self.state.cycle), driven)
        if self._operands.missing is not None:
            self.state.audit.incomplete(self.number, self._operands)
        return values

    def _drive(self, stream: int, values: Bytes) -> Steps:
        yield self.at(Phase.DRIVE, "func")
        x = self.queue.x_out[direction(stream)]
        self.state.streams.drive(self.number, stream, values, x, self.state.cycle)
