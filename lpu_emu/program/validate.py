"""What is checked before time starts: whether a program fits its chip and does not contradict itself.

The rules are the last section of ``docs/machine.md``. Checks work on whole columns, per queue and
instruction; Python loops run over findings only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lpu_emu.errors import ProgramError, did_you_mean
from lpu_emu.program import _loops, _operands, bindings, placement
from lpu_emu.program.model import Program
from lpu_emu.program.text import QueueText
from lpu_emu.spec.isa import Instruction
from lpu_emu.spec.machine import Machine, Queue

LISTED = 20  # findings that the message of an error spells out


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One broken rule.

    ``part`` is what ``index`` counts in: ``"queues"`` (an instruction of ``queue``), ``"data"``,
    ``"bindings"`` or ``"wires"``; -1 is the whole of it. ``line`` is a 1-based source line or 0, ``operand``
    the operand at fault.
    """

    queue: str
    index: int
    line: int
    message: str
    part: str = "queues"
    operand: str = ""

    def __str__(self) -> str:
        """Return place and message in one line."""
        if self.part != "queues":
            return f"{self.part}[{self.index}]: {self.message}"
        place = f"{self.queue}[{self.index}]" if self.index >= 0 else self.queue
        line = f" (line {self.line})" if self.line else ""
        return f"{place}{line}: {self.message}"


def findings(program: Program) -> list[Finding]:
    """Return every broken rule: instructions by queue and index, then data, bindings and wires."""
    found = [f for name, text in program.queues.items() for f in _queue(program, name, text)]
    machine = program.machine
    for part, listed in (
        ("data", placement.data_findings(machine, program.data)),
        ("bindings", bindings.binding_findings(machine, program.bindings)),
        ("wires", placement.wire_findings(machine, program.wires)),
    ):
        found += [Finding(queue="", index=i, line=0, message=m, part=part) for i, m in listed]
    return found


def require_valid(program: Program) -> None:
    """Do nothing for a program without findings.

    Raises:
        ProgramError: there are findings; the first twenty are spelled out and all are counted.
    """
    found = findings(program)
    if not found:
        return
    more = [f"... and {len(found) - LISTED} more"] if len(found) > LISTED else []
    count = f"{len(found)} finding{'s' if len(found) > 1 else ''}"
    head = f"program {program.name!r} cannot run on chip {program.machine.chip.name}: {count}"
    raise ProgramError("\n  ".join([head, *(str(f) for f in found[:LISTED]), *more]))


def _queue(program: Program, name: str, text: QueueText) -> list[Finding]:
    machine = program.machine
    queue = machine.queue_by_name.get(name)
    if queue is None:
        hint = did_you_mean(name, machine.queue_by_name)
        message = f"chip {machine.chip.name} has no such queue{hint}"
        return [Finding(queue=name, index=-1, line=0, message=message)]
    if wrong := _shape(machine, text):
        return [Finding(queue=name, index=-1, line=0, message=wrong)]
    found = [
        Finding(queue=name, index=index, line=int(text.lines[index]), message=message, operand=operand)
        for index, operand, message in _instructions(program, queue, text)
    ]
    return sorted(found, key=lambda f: f.index)


def _shape(machine: Machine, text: QueueText) -> str:
    n, widest = len(text.opcodes), machine.isa.widest
    expected = {
        "opcodes": ("uint8", (n,)),
        "args": ("int64", (n, widest)),
        "lines": ("int32", (n,)),
        "origins": ("int32", (n,)),
    }
    for column, (dtype, shape) in expected.items():
        array = getattr(text, column)
        if (array.dtype.name, array.shape) != (dtype, shape):
            actual = f"{array.dtype.name} {list(array.shape)}"
            return f"column {column} is {actual}, expected {dtype} {list(shape)}"
    return ""


def _instructions(program: Program, queue: Queue, text: QueueText) -> Iterator[tuple[int, str, str]]:
    """Yield (index, operand, message) of every finding in a queue, not in order."""
    isa = program.machine.isa
    loops = _loops.read(isa, text)
    yield from loops.findings
    for opcode in np.flatnonzero(np.bincount(text.opcodes, minlength=256)).tolist():
        indices = np.flatnonzero(text.opcodes == opcode)
        instruction = isa.by_opcode.get(opcode)
        wrong = _misplaced(queue, instruction, opcode)
        if instruction is None or wrong:
            yield from ((index, "", wrong) for index in indices.tolist())
            continue
        rows = _operands.Rows(
            machine=program.machine,
            queue=queue,
            instruction=instruction,
            args=text.args[indices],
            low=loops.low[indices],
            high=loops.high[indices],
        )
        for row, operand, message in _operands.findings(rows):
            yield int(indices[row]), operand, f"{instruction.mnemonic}: {message}"
    yield from _origins(program, text)


def _misplaced(queue: Queue, instruction: Instruction | None, opcode: int) -> str:
    if instruction is None:
        return f"opcode {opcode:#04x} is no instruction"
    if instruction.unit == "icu":
        return ""
    if instruction.unit != queue.unit:
        return f"{instruction.mnemonic} runs on {instruction.unit} queues, not on {queue.name}"
    if instruction.queue and instruction.queue != queue.kind:
        kind = f"{instruction.unit} {instruction.queue}"
        return f"{instruction.mnemonic} runs on {kind} queues, not on {queue.name}"
    return ""


def _origins(program: Program, text: QueueText) -> Iterator[tuple[int, str, str]]:
    count = len(program.operators)
    for index in np.flatnonzero((text.origins < -1) | (text.origins >= count)).tolist():
        yield index, "", f"origin {text.origins[index]} is no operator; the program has {count}"
