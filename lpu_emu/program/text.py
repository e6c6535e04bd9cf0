"""The text of one queue as columns: opcode, arguments, source line, operator."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lpu_emu.spec.isa import Instruction, Isa


@dataclass(frozen=True, kw_only=True, eq=False)
class QueueText:
    """Instructions of one queue, in order. All arrays have one row per instruction.

    ``opcodes`` uint8 [n]; ``args`` int64 [n, isa.widest], operand columns in the order of the instruction's
    layout, unused ones zero; ``lines`` int32 [n], 1-based source line or 0; ``origins`` int32 [n], index into
    ``Program.operators`` or -1.
    """

    opcodes: NDArray[np.uint8]
    args: NDArray[np.int64]
    lines: NDArray[np.int32]
    origins: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.opcodes)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, QueueText):
            return NotImplemented
        return all(
            np.array_equal(getattr(self, name), getattr(other, name))
            for name in ("opcodes", "args", "lines", "origins")
        )

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True, kw_only=True)
class Issue:
    """One instruction as an object: what builders make and tests read; columns are the stored form."""

    instruction: Instruction
    args: tuple[int, ...]
    line: int = 0
    origin: int = -1

    def arg(self, name: str) -> int:
        """Return an argument by operand name."""
        return self.args[self.instruction.operand_index(name)]


def issue(isa: Isa, mnemonic: str, /, *, line: int = 0, origin: int = -1, **operands: int) -> Issue:
    """Make one instruction from operand values by name; enum operands take their index, missing ones 0.

    Missing ``target`` operands are nothing, as if left out in assembly.

    Raises:
        KeyError: no such mnemonic or operand.
    """
    from lpu_emu.spec.machine import NOTHING

    instruction = isa[mnemonic]
    args = [NOTHING if o.kind.text == "target" else 0 for o in instruction.operands]
    for name, value in operands.items():
        args[instruction.operand_index(name)] = int(value)
    return Issue(instruction=instruction, args=tuple(args), line=line, origin=origin)


def pack_text(isa: Isa, issues: Iterable[Issue]) -> QueueText:
    """Turn instruction objects into columns."""
    listed = list(issues)
    args = np.zeros((len(listed), isa.widest), dtype=np.int64)
    for row, item in zip(args, listed, strict=True):
        row[: len(item.args)] = item.args
    return QueueText(
        opcodes=np.array([i.instruction.opcode for i in listed], dtype=np.uint8),
        args=args,
        lines=np.array([i.line for i in listed], dtype=np.int32),
        origins=np.array([i.origin for i in listed], dtype=np.int32),
    )


def unpack_text(isa: Isa, text: QueueText) -> list[Issue]:
    """Turn columns into instruction objects."""
    return [unpack_row(isa, text, i) for i in range(len(text))]


def unpack_row(isa: Isa, text: QueueText, index: int) -> Issue:
    """Turn one row into an instruction object."""
    instruction = isa.by_opcode[int(text.opcodes[index])]
    args: Sequence[int] = text.args[index, : len(instruction.operands)].tolist()
    return Issue(
        instruction=instruction,
        args=tuple(args),
        line=int(text.lines[index]),
        origin=int(text.origins[index]),
    )
