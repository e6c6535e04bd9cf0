"""What does not fit, or means nothing, is refused by name and place."""

from __future__ import annotations

import numpy as np
import pytest

from lpu_emu.encoding import decode, encode
from lpu_emu.errors import EncodingError
from lpu_emu.spec.isa import load_isa

ISA = load_isa()


def encode_one(mnemonic: str, *args: int, before: int = 0) -> bytes:
    """Encode ``before`` gaps and one instruction."""
    rows = np.zeros((before + 1, ISA.widest), dtype=np.int64)
    rows[before, : len(args)] = args
    opcodes = [ISA["nop"].opcode] * before + [ISA[mnemonic].opcode]
    return encode(ISA, np.array(opcodes, dtype=np.uint8), rows)


@pytest.mark.parametrize(
    ("mnemonic", "args", "message"),
    [
        ("nop", (65536,), "instruction 2: nop: count 65536 does not fit in 16 bits; the range is 0..65535"),
        ("nop", (-1,), "instruction 2: nop: count -1 does not fit in 16 bits; the range is 0..65535"),
        ("read", (0, 64), "instruction 2: read: to 64 does not fit in 6 bits; the range is 0..63"),
        ("abc", (8,), "instruction 2: abc: dtype 8 does not fit in 4 bits; the range is 0..7"),
        ("abc", (0, 3), "instruction 2: abc: half 3 does not fit in 2 bits; the range is 0..2"),
        (
            "repeat",
            (0, 1, -32769),
            "instruction 2: repeat: stride -32769 does not fit in 16 bits; the range is -32768..32767",
        ),
        ("sync", (1,), "instruction 2: sync has 0 operands, but column 0 holds 1; unused columns are zero"),
        (
            "read",
            (0, 0, 0, 7),
            "instruction 2: read has 2 operands, but column 3 holds 7; unused columns are zero",
        ),
    ],
)
def test_values_that_do_not_fit(mnemonic: str, args: tuple[int, ...], message: str) -> None:
    with pytest.raises(EncodingError) as caught:
        encode_one(mnemonic, *args, before=2)
    assert str(caught.value) == message


def test_the_first_of_several_misfits_is_named() -> None:
    rows = np.full((3, ISA.widest), 0, dtype=np.int64)
    rows[1:, 0] = 70000
    with pytest.raises(EncodingError, match="instruction 1: nop: count 70000"):
        encode(ISA, np.zeros(3, dtype=np.uint8), rows)


def test_opcodes_that_are_none() -> None:
    with pytest.raises(EncodingError, match="instruction 1: opcode 0xff is not in the instruction set"):
        encode(ISA, np.array([0, 255], dtype=np.uint8), np.zeros((2, ISA.widest), dtype=np.int64))
    with pytest.raises(
        EncodingError, match="instruction 1 at byte 4: opcode 0xff is not in the instruction set"
    ):
        decode(ISA, encode_one("nop") + b"\xff\0\0\0")


@pytest.mark.parametrize("cut", [1, 5, 15])
def test_text_that_breaks_off(cut: int) -> None:
    data = encode_one("add", before=1)
    with pytest.raises(EncodingError) as caught:
        decode(ISA, data[: 4 + cut])
    assert str(caught.value) == f"instruction 1 at byte 4: add has 16 bytes, but the text ends after {cut}"


@pytest.mark.parametrize("mnemonic", ISA.instructions)
def test_every_reserved_bit_must_be_zero(mnemonic: str) -> None:
    whole = encode_one(mnemonic, before=1)
    for first, width in ISA[mnemonic].layout.reserved:
        for bit in (first, first + width // 2, first + width - 1):
            data = bytearray(whole)
            data[4 + bit // 8] |= 1 << bit % 8
            with pytest.raises(EncodingError) as caught:
                decode(ISA, bytes(data))
            bits = f"reserved bits {first}..{first + width - 1} are not zero"
            assert str(caught.value) == f"instruction 1 at byte 4: {mnemonic}: {bits}"


def test_enumerations_without_a_name() -> None:
    data = bytearray(encode_one("abc"))
    data[1] |= 3 << 4
    with pytest.raises(EncodingError) as caught:
        decode(ISA, bytes(data))
    expected = "instruction 0 at byte 0: abc: half holds a value above 2, which has no meaning"
    assert str(caught.value) == expected


@pytest.mark.parametrize("seed", range(50))
def test_random_bytes_decode_or_are_refused(seed: int) -> None:
    rng = np.random.default_rng(seed)
    data = rng.integers(0, 256, size=int(rng.integers(0, 200)), dtype=np.uint8).tobytes()
    try:
        columns = decode(ISA, data)
    except EncodingError:
        return
    assert encode(ISA, columns.opcodes, columns.args) == data, f"seed {seed}"
