"""Every instruction with random operands survives the way to bytes and back."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from lpu_emu.encoding import decode, encode, sizes
from lpu_emu.spec.isa import Instruction, load_isa

ISA = load_isa()


def random_rows(instruction: Instruction, rows: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return argument columns with values of the whole range of every field, its ends included."""
    args = np.zeros((rows, ISA.widest), dtype=np.int64)
    for column, operand in enumerate(instruction.operands):
        low, high = operand.kind.minimum, operand.kind.maximum
        args[:, column] = rng.integers(low, high, size=rows, endpoint=True)
        args[:2, column] = low, high
    return args


@pytest.mark.parametrize("mnemonic", ISA.instructions)
def test_every_instruction_comes_back(mnemonic: str) -> None:
    instruction = ISA[mnemonic]
    args = random_rows(instruction, 200, np.random.default_rng(instruction.opcode))
    opcodes = np.full(200, instruction.opcode, dtype=np.uint8)
    data = encode(ISA, opcodes, args)
    assert len(data) == 200 * instruction.layout.size_bytes
    assert decode(ISA, data).args.tolist() == args.tolist()
    assert set(decode(ISA, data).opcodes.tolist()) == {instruction.opcode}


@pytest.mark.parametrize("seed", range(20))
def test_mixed_text_comes_back(seed: int) -> None:
    rng = np.random.default_rng(seed)
    chosen = rng.choice(list(ISA.instructions), size=int(rng.integers(1, 300)))
    rows = [random_rows(ISA[m], 2, rng)[int(rng.integers(2))] for m in chosen]
    opcodes = np.array([ISA[m].opcode for m in chosen], dtype=np.uint8)
    data = encode(ISA, opcodes, np.array(rows))
    back = decode(ISA, data)
    assert back.opcodes.tolist() == opcodes.tolist(), f"seed {seed}"
    assert back.args.tolist() == np.array(rows).tolist(), f"seed {seed}"
    assert encode(ISA, back.opcodes, back.args) == data, f"seed {seed}"


@pytest.mark.parametrize("mnemonic", ISA.instructions)
def test_every_operand_stands_where_its_layout_says(mnemonic: str) -> None:
    instruction = ISA[mnemonic]
    for column, operand in enumerate(instruction.operands):
        args = np.zeros((1, ISA.widest), dtype=np.int64)
        args[0, column] = -1 if operand.kind.signed else operand.kind.maximum
        data = encode(ISA, np.array([instruction.opcode], dtype=np.uint8), args)
        expected = (
            int(args[0, column]) % (1 << operand.width_bits)
        ) << operand.first_bit | instruction.opcode
        assert int.from_bytes(data, "little") == expected


def test_no_instructions_are_no_bytes() -> None:
    empty = decode(ISA, b"")
    assert (len(empty.opcodes), empty.args.shape) == (0, (0, ISA.widest))
    assert encode(ISA, empty.opcodes, empty.args) == b""


def test_sizes_are_the_layouts() -> None:
    table = sizes(ISA)
    assert {i.mnemonic: table[i.opcode] for i in ISA.instructions.values()} == {
        i.mnemonic: i.layout.size_bytes for i in ISA.instructions.values()
    }
    assert np.count_nonzero(table) == len(ISA.instructions)
