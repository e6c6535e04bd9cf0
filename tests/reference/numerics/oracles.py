"""Independent ways to know the right answer: exact rationals, Python integers, long double."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lpu_emu.reference.numerics.dtypes import DTYPES, from_bits, to_bits

Array = NDArray[Any]

# Written again on purpose, from the formats' definitions: (fraction bits, smallest exponent, largest value).
FORMS: dict[str, tuple[int, int, float]] = {
    "fp32": (23, -126, float(np.finfo(np.float32).max)),
    "fp16": (10, -14, float(np.finfo(np.float16).max)),
    "bf16": (7, -126, 255.0 * 2.0**120),
    "fp8": (3, -6, 448.0),
}
NANS: dict[str, int] = {"fp32": 0x7FC00000, "fp16": 0x7E00, "bf16": 0x7FC0, "fp8": 0x7F}
INT_NAMES = ("int8", "uint8", "int16", "int32")
FLOAT_NAMES = ("fp16", "fp32", "bf16", "fp8")


def show(measurement: str) -> None:
    """Print a measured figure, which pytest shows with -s."""
    print(measurement)  # noqa: T201


def int_range(dtype: str) -> tuple[int, int]:
    info = np.iinfo(DTYPES[dtype].numpy)
    return int(info.min), int(info.max)


def fit_int(value: int, dtype: str, saturate: bool) -> int:
    """What an integer result becomes in an integer type, by Python integers."""
    low, high = int_range(dtype)
    if saturate:
        return min(max(value, low), high)
    return (value - low) % (high - low + 1) + low


def round_fraction(value: Fraction, dtype: str) -> float:
    """The exact rational rounded once, ties to even; overflow is infinity (NaN in fp8)."""
    fraction_bits, min_exponent, maximum = FORMS[dtype]
    if value == 0:
        return 0.0
    exponent = abs(value.numerator).bit_length() - value.denominator.bit_length()
    if Fraction(2) ** exponent > abs(value):
        exponent -= 1
    quantum = Fraction(2) ** (max(exponent, min_exponent) - fraction_bits)
    rounded = round(value / quantum) * quantum  # round() of a Fraction is half to even
    if abs(rounded) > Fraction(maximum):
        return float("nan") if dtype == "fp8" else (float("inf") if value > 0 else float("-inf"))
    return float(rounded)


def ulp_errors(results: Array, exact: Array, dtype: str) -> Array:
    """abs(result - exact) in units of the last place of ``dtype`` at the exact value (long double)."""
    fraction_bits, min_exponent, _ = FORMS[dtype]
    exponent = np.maximum(np.frexp(exact)[1] - 1, min_exponent) - fraction_bits
    return np.asarray(np.abs(np.ldexp(results.astype(np.longdouble) - exact, -exponent)))


def every_pattern(dtype: str) -> Array:
    """All 256 or 65,536 values of a one- or two-byte type."""
    return from_bits(np.arange(1 << DTYPES[dtype].bits, dtype=np.uint32), dtype)


def dense_fp32(per_binade: int, seed: int) -> NDArray[np.float32]:
    """Every sign and every exponent field (NaN and infinity too) with seeded fractions, and its corners."""
    rng = np.random.default_rng(seed)
    fractions = rng.integers(0, 1 << 23, (512, per_binade), dtype=np.uint32)
    fractions[:, :4] = (0, 1, (1 << 23) - 1, 1 << 22)
    fields = np.arange(512, dtype=np.uint32)[:, None] << np.uint32(23)
    return (fields | fractions).ravel().view(np.float32)


def samples(dtype: str, seed: int) -> Array:
    """All values of a narrow type; for the four-byte types a dense sample with all corners."""
    if DTYPES[dtype].bytes <= 2:
        return every_pattern(dtype)
    if dtype == "fp32":
        return dense_fp32(64, seed)
    rng = np.random.default_rng(seed)
    spread = rng.integers(-(1 << 31), 1 << 31, 8000) >> rng.integers(0, 32, 8000)
    corners = np.array([-(1 << 31), 1 - (1 << 31), -1, 0, 1, (1 << 31) - 1, (1 << 24) + 1, 65519, 65520])
    return np.concatenate([corners, spread]).astype(np.int32)


def assert_same(found: Array, expected: Array, dtype: str, note: str = "") -> None:
    """Bit equality, where an expected NaN means the one NaN of the type; names the first difference."""
    assert found.dtype == expected.dtype == DTYPES[dtype].numpy, note
    wanted = to_bits(expected, dtype)
    if dtype in NANS:
        wanted = np.where(np.isnan(expected), NANS[dtype], wanted)
    differs = np.flatnonzero(to_bits(found, dtype) != wanted)
    assert differs.size == 0, (
        f"{note}: {differs.size} differ, first at {differs[0]}: {found.ravel()[differs[0]]!r}"
    )
