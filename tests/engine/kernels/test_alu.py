"""Vector operations: the bits of the reference, for every type, operand length and place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lpu_emu.engine.kernels import alu
from lpu_emu.engine.kernels.codes import DONE, OPCODES, UNSUPPORTED
from lpu_emu.reference.numerics.dtypes import DTYPES
from lpu_emu.reference.numerics.vxm import BINARY, SUPPORTED, UNARY
from lpu_emu.spec.isa import load_isa

from .operands import Array, Bytes, assert_bytes, code, everything, packed, pairs, patterns, sized

SEED = 20
LANES = 8


def computed(op: str, dtype: str, saturate: bool, *operands: Bytes, size: int) -> Bytes:
    """Return what the kernel computes."""
    out = np.full(size, 0xA5, np.uint8)
    kernel: Any = alu.unary if len(operands) == 1 else alu.binary
    assert kernel(OPCODES[op], code(dtype), int(saturate), *operands, out) == DONE
    return out


@pytest.mark.parametrize("saturate", [False, True])
@pytest.mark.parametrize(("op", "dtype"), [(op, t) for op in BINARY for t in sorted(SUPPORTED[op])])
def test_binary(op: str, dtype: str, saturate: bool) -> None:
    x, y = pairs(dtype, np.random.default_rng(SEED))
    with np.errstate(all="ignore"):
        expected = packed(BINARY[op](x, y, dtype, saturate))
    found = computed(op, dtype, saturate, packed(x), packed(y), size=expected.size)
    assert_bytes(found, expected, f"seed {SEED}")


@pytest.mark.parametrize("saturate", [False, True])
@pytest.mark.parametrize(("op", "dtype"), [(op, t) for op in UNARY for t in sorted(SUPPORTED[op])])
def test_unary(op: str, dtype: str, saturate: bool) -> None:
    x = everything(dtype, np.random.default_rng(SEED))
    with np.errstate(all="ignore"):
        expected = packed(UNARY[op](x, dtype, saturate))
    assert_bytes(computed(op, dtype, saturate, packed(x), size=expected.size), expected, f"seed {SEED}")


def test_every_operation_of_the_instruction_set_is_there_for_its_types_and_no_others() -> None:
    vxm = {name: i for name, i in load_isa().instructions.items() if i.unit == "vxm" and name != "convert"}
    for name, instruction in vxm.items():
        for dtype in DTYPES:
            x, out = np.zeros(4 * DTYPES[dtype].bytes, np.uint8), np.zeros(4 * DTYPES[dtype].bytes, np.uint8)
            operands = (x, x, out) if name in BINARY else (x, out)
            kernel: Any = alu.binary if name in BINARY else alu.unary
            expected = DONE if dtype in instruction.dtypes else UNSUPPORTED
            assert kernel(OPCODES[name], code(dtype), 0, *operands) == expected, (name, dtype)


def _repeated(values: Array, count: int) -> Array:
    return np.tile(values, count // values.size)


# Operations of each way through the kernels.
WAYS = [
    ("add", "int8"),
    ("mul", "int16"),
    ("sub", "int32"),
    ("xor", "uint8"),
    ("mask", "fp16"),
    ("add", "bf16"),
    ("max", "fp32"),
    ("le", "fp8"),
]


@pytest.mark.parametrize(("op", "dtype"), WAYS)
@pytest.mark.parametrize("vectors", [1, 2, 5, 300])
@pytest.mark.parametrize(
    "lengths", [(0, 1), (0, LANES), (1, 0), (LANES, 0), (LANES, 1), (1, LANES), (1, 1), (LANES, LANES)]
)
def test_short_operands_are_used_again(op: str, dtype: str, vectors: int, lengths: tuple[int, int]) -> None:
    count = LANES * min(vectors, sized(vectors, 12))
    rng = np.random.default_rng(SEED)
    x, y = (patterns(dtype, length or count, rng) for length in lengths)
    expected = packed(BINARY[op](_repeated(x, count), _repeated(y, count), dtype, True))
    found = computed(op, dtype, True, packed(x), packed(y), size=expected.size)
    assert_bytes(found, expected, f"seed {SEED}")


@pytest.mark.parametrize(("op", "dtype"), [("add", "int8"), ("mul", "fp32"), ("add", "fp16")])
def test_vectors_longer_than_a_block(op: str, dtype: str) -> None:
    rng = np.random.default_rng(SEED)
    lanes = alu.BLOCK + 4
    x, y = patterns(dtype, 3 * lanes, rng), patterns(dtype, lanes, rng)
    for left, right in ((x, y), (y, x)):
        expected = packed(BINARY[op](_repeated(left, 3 * lanes), _repeated(right, 3 * lanes), dtype, False))
        found = computed(op, dtype, False, packed(left), packed(right), size=expected.size)
        assert_bytes(found, expected, f"seed {SEED}")


@pytest.mark.parametrize(
    ("op", "dtype"), [("relu", "int8"), ("copy", "fp16"), ("exp", "fp32"), ("not", "int32")]
)
@pytest.mark.parametrize("length", [1, LANES])
def test_short_unary_operands_are_used_again(op: str, dtype: str, length: int) -> None:
    count = 40 * LANES
    x = patterns(dtype, length, np.random.default_rng(SEED))
    with np.errstate(all="ignore"):
        expected = packed(UNARY[op](_repeated(x, count), dtype, False))
    assert_bytes(computed(op, dtype, False, packed(x), size=expected.size), expected, f"seed {SEED}")


@pytest.mark.parametrize(("op", "dtype"), WAYS)
def test_a_result_may_replace_an_operand(op: str, dtype: str) -> None:
    rng = np.random.default_rng(SEED)
    count = sized(3000, 40)
    x, y = patterns(dtype, count, rng), patterns(dtype, count, rng)
    expected = packed(BINARY[op](x, y, dtype, False))
    for index in (0, 1):
        operands = [packed(x), packed(y)]
        alu.binary(OPCODES[op], code(dtype), 0, operands[0], operands[1], operands[index])
        assert_bytes(operands[index], expected, f"seed {SEED}, in place of operand {index}")


@pytest.mark.parametrize(("op", "dtype"), WAYS)
@pytest.mark.parametrize("offset", [1, 2, 3])
def test_bytes_may_lie_anywhere_and_their_neighbours_stay(op: str, dtype: str, offset: int) -> None:
    rng = np.random.default_rng(SEED)
    x, y = patterns(dtype, 70, rng), patterns(dtype, 70, rng)
    expected = packed(BINARY[op](x, y, dtype, False))
    rooms = [np.full(expected.size + 8, 0x5A, np.uint8) for _ in range(3)]
    left, right, out = (room[offset : offset + expected.size] for room in rooms)
    left[:], right[:] = packed(x), packed(y)
    alu.binary(OPCODES[op], code(dtype), 0, left, right, out)
    assert_bytes(out, expected, f"seed {SEED}, offset {offset}")
    assert set(rooms[2][:offset]) | set(rooms[2][offset + expected.size :]) == {0x5A}


def test_no_elements_are_no_work() -> None:
    none, out = np.zeros(0, np.uint8), np.zeros(0, np.uint8)
    assert alu.binary(OPCODES["add"], code("int8"), 0, none, none, out) == DONE
    assert alu.unary(OPCODES["neg"], code("int8"), 0, none, out) == DONE
