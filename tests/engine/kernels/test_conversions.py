"""Conversions: the bits of the reference, for every pair of types."""

from __future__ import annotations

import numpy as np
import pytest

from lpu_emu.engine.kernels.conversions import convert
from lpu_emu.reference.numerics.convert import convert as reference
from lpu_emu.reference.numerics.dtypes import DTYPES, from_bits

from .operands import assert_bytes, code, everything, packed, patterns, sized

SEED = 21


@pytest.mark.parametrize("saturate", [False, True])
@pytest.mark.parametrize("target", DTYPES)
@pytest.mark.parametrize("source", DTYPES)
def test_convert(source: str, target: str, saturate: bool) -> None:
    x = everything(source, np.random.default_rng(SEED))
    with np.errstate(all="ignore"):
        expected = packed(reference(x, source, target, saturate))
    out = np.zeros(expected.size, np.uint8)
    convert(code(source), code(target), int(saturate), packed(x), out)
    assert_bytes(out, expected, f"seed {SEED}")


@pytest.mark.parametrize("target", ["int8", "int32", "bf16"])
def test_integers_beside_ties_are_rounded_once(target: str) -> None:
    steps = np.arange(-3, 4)
    x = np.concatenate(
        [(257 << 22) + steps, (259 << 22) + steps, (1 << 24) + steps, -(257 << 22) + steps]
    ).astype(np.int32)
    expected = packed(reference(x, "int32", target, True))
    out = np.zeros(expected.size, np.uint8)
    convert(code("int32"), code(target), 1, packed(x), out)
    assert_bytes(out, expected, "ties")


@pytest.mark.parametrize("saturate", [0, 1])
@pytest.mark.parametrize("target", ["fp16", "bf16", "fp8"])
def test_every_tie_of_a_float_type_and_its_neighbours(target: str, saturate: int) -> None:
    bits = DTYPES[target].bits
    every = from_bits(np.arange(0, 1 << bits, sized(1, 1 + (1 << bits) // 200), dtype=np.uint32), target)
    after = from_bits(every.view(DTYPES[target].unsigned).astype(np.uint32) + 1 & (1 << bits) - 1, target)
    with np.errstate(all="ignore"):
        ties = ((every.astype(np.float64) + after.astype(np.float64)) / 2).astype(np.float32)
        x = np.concatenate([ties, np.nextafter(ties, np.float32(0)), np.nextafter(ties, ties * 2)])
        expected = packed(reference(x, "fp32", target, bool(saturate)))
    out = np.zeros(expected.size, np.uint8)
    convert(code("fp32"), code(target), saturate, packed(x), out)
    assert_bytes(out, expected, "ties")


@pytest.mark.parametrize("length", [1, 8])
@pytest.mark.parametrize(
    ("source", "target"), [("int8", "fp32"), ("fp32", "int8"), ("fp16", "fp32"), ("int32", "int16")]
)
def test_short_operands_are_used_again(source: str, target: str, length: int) -> None:
    x = patterns(source, length, np.random.default_rng(SEED))
    with np.errstate(all="ignore"):
        expected = packed(np.tile(reference(x, source, target, True), 1600 // length))
    out = np.zeros(expected.size, np.uint8)
    convert(code(source), code(target), 1, packed(x), out)
    assert_bytes(out, expected, f"seed {SEED}")
