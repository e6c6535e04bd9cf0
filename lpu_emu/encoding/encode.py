"""Columns to bytes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lpu_emu.encoding import bits
from lpu_emu.encoding.sizes import sizes
from lpu_emu.errors import EncodingError
from lpu_emu.spec.isa import Instruction, Isa, Operand


def encode(isa: Isa, opcodes: NDArray[np.uint8], args: NDArray[np.int64]) -> bytes:
    """Return the program text of instructions in order.

    Args:
        isa: the instruction set.
        opcodes: uint8 [n].
        args: int64 [n, isa.widest], operand columns in layout order, unused ones zero.

    Raises:
        EncodingError: an opcode is no instruction, a value does not fit its field, or an unused column is not
            zero. The message names the first such instruction of the lowest opcode.
    """
    size = sizes(isa)[opcodes]
    if not size.all():
        index = int(np.argmin(size))
        raise EncodingError(
            f"instruction {index}: opcode {opcodes[index]:#04x} is not in the instruction set"
        )
    starts = np.cumsum(size) - size
    out = np.zeros(int(size.sum()), dtype=np.uint8)
    for opcode in np.flatnonzero(np.bincount(opcodes, minlength=256)).tolist():
        rows = np.flatnonzero(opcodes == opcode)
        instruction = isa.by_opcode[opcode]
        places = starts[rows][:, None] + np.arange(instruction.layout.size_bytes)
        out[places] = _rows(instruction, args[rows], rows)
    return out.tobytes()


def _rows(instruction: Instruction, args: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.uint8]:
    size_bytes = instruction.layout.size_bytes
    words = np.zeros((len(rows), bits.word_count(size_bytes)), dtype=np.uint64)
    words[:, 0] = instruction.opcode
    for column, operand in enumerate(instruction.operands):
        _require_fit(instruction, operand, args[:, column], rows)
        bits.put(words, operand.first_bit, operand.width_bits, args[:, column])
    used = len(instruction.operands)
    if args[:, used:].any():
        row, column = np.argwhere(args[:, used:])[0].tolist()
        value = args[row, used + column]
        raise EncodingError(
            f"instruction {rows[row]}: {instruction.mnemonic} has {used} operands, "
            f"but column {used + column} holds {value}; unused columns are zero"
        )
    return bits.to_bytes(words, size_bytes)


def _require_fit(
    instruction: Instruction, operand: Operand, column: NDArray[np.int64], rows: NDArray[np.int64]
) -> None:
    low, high = operand.kind.minimum, operand.kind.maximum
    wrong = (column < low) | (column > high)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise EncodingError(
            f"instruction {rows[row]}: {instruction.mnemonic}: {operand.name} {column[row]} "
            f"does not fit in {operand.width_bits} bits; the range is {low}..{high}"
        )
