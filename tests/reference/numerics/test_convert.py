"""Conversions between every pair of types."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from lpu_emu.errors import InputError, ProgramError
from lpu_emu.reference.numerics.convert import bitcast, convert
from lpu_emu.reference.numerics.dtypes import DTYPES, to_bits

from .oracles import (
    FLOAT_NAMES,
    FORMS,
    INT_NAMES,
    Array,
    assert_same,
    dense_fp32,
    fit_int,
    int_range,
    round_fraction,
    samples,
)


def _source(dtype: str) -> Array:
    """All patterns of the narrow types, a denser sample of fp32 than elsewhere."""
    return dense_fp32(256, 41) if dtype == "fp32" else samples(dtype, 41)


def _library(x: Array, target: str) -> Array:
    """The conversion of NumPy and ml_dtypes, which is exact-then-rounded-once for these sources."""
    return x.astype(DTYPES[target].numpy)


@pytest.mark.parametrize("target", FLOAT_NAMES)
@pytest.mark.parametrize("source", FLOAT_NAMES)
def test_float_to_float_equals_the_array_libraries(source: str, target: str) -> None:
    x = _source(source)
    expected = _library(x, target)
    assert_same(convert(x, source, target, False), expected, target, f"{source} to {target}, seed 41")
    over = ~np.isnan(x) & ~np.isfinite(expected)
    limit = np.copysign(FORMS[target][2], x.astype(np.float64)).astype(DTYPES[target].numpy)
    clamped = np.where(over, limit, expected)
    assert_same(convert(x, source, target, True), clamped, target, f"{source} to {target}, saturating")


@pytest.mark.parametrize("target", FLOAT_NAMES)
@pytest.mark.parametrize("source", ["int8", "uint8", "int16"])
def test_small_integers_to_float_equal_the_array_libraries(source: str, target: str) -> None:
    x = _source(source)
    assert_same(convert(x, source, target, False), _library(x, target), target, f"{source} to {target}")


@pytest.mark.parametrize("target", FLOAT_NAMES)
def test_int32_to_float_is_rounded_once(target: str) -> None:
    """Exact rationals are the oracle: the libraries pass through float32 and round twice."""
    x = _source("int32")
    exact = np.array([round_fraction(Fraction(v), target) for v in x.tolist()])
    expected = exact.astype(np.float32).astype(DTYPES[target].numpy)
    assert_same(convert(x, "int32", target, False), expected, target, "seed 41")
    over = ~np.isfinite(expected)
    clamped = np.where(over, np.where(x > 0, FORMS[target][2], -FORMS[target][2]), exact)
    assert_same(
        convert(x, "int32", target, True), clamped.astype(np.float32).astype(DTYPES[target].numpy), target
    )


def test_int32_just_above_a_bf16_tie_rounds_up() -> None:
    """2**30 + 2**22 + 1: float32 would drop the 1 and leave a tie, which rounds down to even."""
    assert (
        float(convert(np.array([2**30 + 2**22 + 1], np.int32), "int32", "bf16", False)[0])
        == 2.0**30 + 2.0**23
    )


@pytest.mark.parametrize("saturate", [False, True])
@pytest.mark.parametrize("target", INT_NAMES)
@pytest.mark.parametrize("source", INT_NAMES)
def test_integer_to_integer(source: str, target: str, saturate: bool) -> None:
    x = _source(source)
    found = convert(x, source, target, saturate)
    assert found.dtype == DTYPES[target].numpy
    assert found.tolist() == [fit_int(v, target, saturate) for v in x.tolist()], "seed 41"


def _float_to_int(value: float, target: str, saturate: bool) -> int:
    low, high = int_range(target)
    if value != value:
        return 0
    if value in (np.inf, -np.inf):
        return high if value > 0 else low
    rounded = round(value)  # half to even
    return fit_int(rounded, target, saturate or abs(rounded) >= 2**63)


@pytest.mark.parametrize("saturate", [False, True])
@pytest.mark.parametrize("target", INT_NAMES)
@pytest.mark.parametrize("source", FLOAT_NAMES)
def test_float_to_integer(source: str, target: str, saturate: bool) -> None:
    x = _source(source)
    values = x.astype(np.float64).tolist()
    found = convert(x, source, target, saturate)
    assert found.dtype == DTYPES[target].numpy
    assert found.tolist() == [_float_to_int(v, target, saturate) for v in values], "seed 41"


def test_float_to_integer_by_hand() -> None:
    x = np.array(
        [0.5, 1.5, 2.5, -0.5, -1.5, 300.0, -129.0, np.nan, np.inf, -np.inf, 2.0**63, 2.0**62 + 2.0**39],
        np.float32,
    )
    assert convert(x, "fp32", "int8", True).tolist() == [0, 2, 2, 0, -2, 127, -128, 0, 127, -128, 127, 127]
    assert convert(x, "fp32", "int8", False).tolist() == [0, 2, 2, 0, -2, 44, 127, 0, 127, -128, 127, 0]


WIDTHS = {1: ("int8", "uint8", "fp8"), 2: ("int16", "fp16", "bf16"), 4: ("int32", "fp32")}


@pytest.mark.parametrize("source", DTYPES)
def test_bitcast_keeps_every_bit(source: str) -> None:
    x = samples(source, 42)
    for target in WIDTHS[DTYPES[source].bytes]:
        found = bitcast(x, source, target)
        assert found.dtype == DTYPES[target].numpy
        assert np.array_equal(to_bits(found, target), to_bits(x, source))


def test_bitcast_between_widths_is_refused() -> None:
    with pytest.raises(ProgramError, match=r"bitcast from fp32 \(4 bytes\) to int16 \(2 bytes\)"):
        bitcast(np.zeros(3, np.float32), "fp32", "int16")


def test_foreign_types_are_refused() -> None:
    with pytest.raises(InputError, match=r"expected int8 \(int8\)"):
        convert(np.zeros(3, np.float32), "int8", "fp32", False)
    with pytest.raises(ProgramError, match="unknown type 'fp64'"):
        convert(np.zeros(3, np.float32), "fp32", "fp64", False)
