"""Instructions in the words of a trace: a name, and operands by name."""

from __future__ import annotations

from collections.abc import Sequence

from lpu_emu.spec.isa import Instruction, Operand
from lpu_emu.spec.machine import IMMEDIATE, LATCH, NOTHING, stream_name

_SPECIAL = {LATCH: "latch", IMMEDIATE: "immediate", NOTHING: "nothing"}
_LARGEST_STREAM = 63


def name_of(instruction: Instruction, args: Sequence[int]) -> str:
    """Return mnemonic and suffixes, as in assembly: ``add.int8.sat``."""
    suffixes = [word(o, args[i]) for i, o in enumerate(instruction.operands) if o.role == "mod"]
    return ".".join([instruction.mnemonic, *suffixes])


def operands_of(instruction: Instruction, args: Sequence[int]) -> dict[str, str]:
    """Return the other operands by name; those that are left out are missing."""
    found = {}
    for operand, value in zip(instruction.operands, args, strict=False):
        left_out = operand.is_stream and value == NOTHING
        if operand.role != "mod" and not left_out:
            found[operand.name] = word(operand, value)
    return found


def word(operand: Operand, value: int) -> str:
    """Return the value of an operand as text."""
    if operand.kind.values:
        known = operand.kind.values
        return known[value] if 0 <= value < len(known) else str(value)
    if operand.is_stream:
        return _SPECIAL.get(value) or (stream_name(value) if 0 <= value <= _LARGEST_STREAM else str(value))
    return f"{value:#05x}" if operand.kind.name == "address" else str(value)
