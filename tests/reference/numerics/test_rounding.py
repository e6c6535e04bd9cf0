"""One rounding: nearest even, subnormals, overflow, NaN."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from lpu_emu.reference.numerics.dtypes import DTYPES, to_bits
from lpu_emu.reference.numerics.rounding import FORMATS, canonical, fit_float, fit_integer

from .oracles import FLOAT_NAMES, FORMS, NANS, assert_same, dense_fp32, every_pattern, fit_int, round_fraction


def test_formats_agree_with_their_definition() -> None:
    found = {n: (f.fraction_bits, f.min_exponent, f.maximum) for n, f in FORMATS.items()}
    assert found == FORMS
    assert {n: f.nan_bits for n, f in FORMATS.items()} == NANS


def _near_midpoints(dtype: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Midpoints between neighbours of ``dtype`` all over its range, and the float64 just beside them."""
    fraction_bits, low, _ = FORMS[dtype]
    rng = np.random.default_rng(3)
    exponents = np.arange(low - fraction_bits - 2, -low + 3)
    odd = 2 * rng.integers(1 << fraction_bits, 2 << fraction_bits, (len(exponents), 8)) + 1
    quantum = np.ldexp(1.0, np.maximum(exponents, low) - fraction_bits - 1)[:, None]
    small = np.ldexp(1.0, exponents - fraction_bits - 1)[:, None]
    middle = np.concatenate([(odd * quantum).ravel(), (odd * small).ravel(), [FORMS[dtype][2]]])
    middle = np.concatenate([middle, np.nextafter(middle, 0.0), np.nextafter(middle, np.inf)])
    return np.concatenate([middle, -middle])


@pytest.mark.parametrize("dtype", FLOAT_NAMES)
def test_rounding_near_midpoints_equals_exact_rounding(dtype: str) -> None:
    values = _near_midpoints(dtype)
    expected = [round_fraction(Fraction(v), dtype) for v in values.tolist()]
    signed = np.where(np.isnan(expected), expected, np.copysign(expected, values))
    found = fit_float(values, dtype, False)
    assert_same(found, signed.astype(np.float32).astype(DTYPES[dtype].numpy), dtype, dtype)


@pytest.mark.parametrize("dtype", FLOAT_NAMES)
def test_dense_float32_values_round_as_the_array_libraries_do(dtype: str) -> None:
    values = dense_fp32(200, seed=5)
    expected = values.astype(DTYPES[dtype].numpy)
    assert_same(fit_float(values, dtype, False), expected, dtype, "seed 5")


def test_float64_bit_patterns_round_to_fp32_and_fp16_as_numpy_does() -> None:
    rng = np.random.default_rng(6)
    values = rng.integers(0, 1 << 64, 200_000, dtype=np.uint64).view(np.float64)
    narrow = np.ldexp(rng.standard_normal(200_000), rng.integers(-160, 140, 200_000))
    for sample in (values, narrow):
        assert_same(fit_float(sample, "fp32", False), sample.astype(np.float32), "fp32", "seed 6")
        assert_same(fit_float(sample, "fp16", False), sample.astype(np.float16), "fp16", "seed 6")


@pytest.mark.parametrize("dtype", FLOAT_NAMES)
def test_saturating_never_gives_infinity(dtype: str) -> None:
    limit = FORMS[dtype][2]
    values = np.array([limit, 2 * limit, np.inf, -2 * limit, -np.inf, 1e300, -0.0, np.nan])
    found = fit_float(values, dtype, True).astype(np.float64)
    assert found[:7].tolist() == [limit, limit, limit, -limit, -limit, limit, 0.0]
    assert np.signbit(found[6])
    assert np.isnan(found[7])


def test_overflow_begins_half_a_step_beyond_the_largest_value() -> None:
    assert fit_float(np.array([65519.99, 65520.0]), "fp16", False).tolist() == [65504.0, np.inf]
    found = fit_float(np.array([464.0, 464.0001, np.inf]), "fp8", False).astype(np.float64)
    assert found[0] == 448.0  # a tie, and 448 has the even fraction
    assert np.isnan(found[1:]).all()


@pytest.mark.parametrize("dtype", ["fp16", "bf16", "fp8"])
def test_canonical_changes_nothing_but_nan(dtype: str) -> None:
    values = every_pattern(dtype)
    bits = to_bits(canonical(values, dtype), dtype)
    nan = np.isnan(values)
    assert np.array_equal(bits[~nan], to_bits(values, dtype)[~nan])
    assert set(bits[nan].tolist()) == {NANS[dtype]}


@pytest.mark.parametrize("saturate", [False, True])
@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "int32"])
def test_integers_wrap_or_saturate(dtype: str, saturate: bool) -> None:
    edges = [
        sign * (1 << power) + off
        for power in (0, 7, 8, 15, 16, 31, 32, 62)
        for sign in (1, -1)
        for off in (-1, 0, 1)
    ]
    found = fit_integer(np.array(edges, np.int64), dtype, saturate)
    assert found.dtype == DTYPES[dtype].numpy
    assert found.tolist() == [fit_int(value, dtype, saturate) for value in edges]
