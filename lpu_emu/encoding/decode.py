"""Bytes to columns."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lpu_emu.encoding import bits
from lpu_emu.encoding.bits import Columns
from lpu_emu.encoding.sizes import sizes
from lpu_emu.errors import EncodingError
from lpu_emu.spec.isa import Instruction, Isa, Operand


def decode(isa: Isa, data: bytes) -> Columns:
    """Return the instructions of a program text.

    Raises:
        EncodingError: an opcode is no instruction, reserved bits are set, an enumeration has a value without
            a name, or the text ends inside an instruction. The message names instruction and byte.
    """
    raw = np.frombuffer(data, dtype=np.uint8)
    starts = np.array(_starts(isa, data), dtype=np.int64)
    opcodes = raw[starts]
    args = np.zeros((len(starts), isa.widest), dtype=np.int64)
    for opcode in np.flatnonzero(np.bincount(opcodes, minlength=256)).tolist():
        rows = np.flatnonzero(opcodes == opcode)
        instruction = isa.by_opcode[opcode]
        places = starts[rows][:, None] + np.arange(instruction.layout.size_bytes)
        args[rows] = _rows(isa, instruction, raw[places], rows, starts)
    return Columns(opcodes=opcodes, args=args)


def _starts(isa: Isa, data: bytes) -> list[int]:
    """Return the first byte of every instruction."""
    end = len(data)
    beyond = end + 1  # an unknown opcode is longer than the text, which ends the walk
    step = [size or beyond for size in sizes(isa).tolist()]
    starts: list[int] = []
    add = starts.append
    at = 0
    while at < end:
        add(at)
        at += step[data[at]]
    if at > end:
        raise _broken_off(isa, data, starts)
    return starts


def _broken_off(isa: Isa, data: bytes, starts: list[int]) -> EncodingError:
    index, at = len(starts) - 1, starts[-1]
    instruction = isa.by_opcode.get(data[at])
    where = f"instruction {index} at byte {at}"
    if instruction is None:
        return EncodingError(f"{where}: opcode {data[at]:#04x} is not in the instruction set")
    return EncodingError(
        f"{where}: {instruction.mnemonic} has {instruction.layout.size_bytes} bytes, "
        f"but the text ends after {len(data) - at}"
    )


def _rows(
    isa: Isa,
    instruction: Instruction,
    data: NDArray[np.uint8],
    rows: NDArray[np.int64],
    starts: NDArray[np.int64],
) -> NDArray[np.int64]:
    words = bits.from_bytes(data)
    args = np.zeros((len(rows), isa.widest), dtype=np.int64)

    def refuse(wrong: NDArray[np.bool_], what: str) -> None:
        if wrong.any():
            index = int(rows[int(np.argmax(wrong))])
            raise EncodingError(
                f"instruction {index} at byte {starts[index]}: {instruction.mnemonic}: {what}"
            )

    for first, width in instruction.layout.reserved:
        for start in range(first, first + width, 32):
            part = bits.get(words, start, min(32, first + width - start))
            refuse(part != 0, f"reserved bits {first}..{first + width - 1} are not zero")
    for column, operand in enumerate(instruction.operands):
        args[:, column] = _signed(operand, bits.get(words, operand.first_bit, operand.width_bits))
        most = operand.kind.maximum
        refuse(args[:, column] > most, f"{operand.name} holds a value above {most}, which has no meaning")
    return args


def _signed(operand: Operand, values: NDArray[np.int64]) -> NDArray[np.int64]:
    if not operand.kind.signed:
        return values
    sign = 1 << (operand.width_bits - 1)
    return (values ^ sign) - sign
