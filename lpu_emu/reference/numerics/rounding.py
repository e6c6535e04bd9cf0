"""The one place where a result becomes a value of a machine type: rounding, overflow and NaN.

Integers wrap or saturate. Floats round to nearest, ties to even, once, with subnormals kept; every NaN
becomes the one quiet NaN of its type.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lpu_emu.reference.numerics.dtypes import Array, dtype_of, from_bits


@dataclass(frozen=True, kw_only=True)
class FloatFormat:
    """A binary float format: stored fraction bits, exponent range, largest value, the one NaN."""

    fraction_bits: int
    min_exponent: int
    max_exponent: int
    maximum: float
    nan_bits: int
    has_infinity: bool


FORMATS: dict[str, FloatFormat] = {
    "fp32": FloatFormat(
        fraction_bits=23,
        min_exponent=-126,
        max_exponent=127,
        maximum=(2.0 - 2.0**-23) * 2.0**127,
        nan_bits=0x7FC00000,
        has_infinity=True,
    ),
    "fp16": FloatFormat(
        fraction_bits=10,
        min_exponent=-14,
        max_exponent=15,
        maximum=65504.0,
        nan_bits=0x7E00,
        has_infinity=True,
    ),
    "bf16": FloatFormat(
        fraction_bits=7,
        min_exponent=-126,
        max_exponent=127,
        maximum=(2.0 - 2.0**-7) * 2.0**127,
        nan_bits=0x7FC0,
        has_infinity=True,
    ),
    "fp8": FloatFormat(
        fraction_bits=3,
        min_exponent=-6,
        max_exponent=8,
        maximum=448.0,
        nan_bits=0x7F,
        has_infinity=False,
    ),
}

# Adding 1.5 * 2**52 leaves no room for fraction bits: the float64 addition itself rounds to an integer,
# ties to even, for magnitudes up to 2**51; subtracting it again is exact.
ROUND_TO_INTEGER = 6755399441055744.0


def integer_range(dtype: str) -> tuple[int, int]:
    """Return the smallest and the largest value of an integer type."""
    info = dtype_of(dtype)
    return (-(1 << (info.bits - 1)), (1 << (info.bits - 1)) - 1) if info.signed else (0, (1 << info.bits) - 1)


def fit_integer(values: Array, dtype: str, saturate: bool) -> Array:
    """Bring int64 values of any shape into an integer type: clamp, or keep the low bits."""
    if saturate:
        low, high = integer_range(dtype)
        values = np.where(values < low, np.int64(low), np.where(values > high, np.int64(high), values))
    return from_bits(values & np.int64((1 << dtype_of(dtype).bits) - 1), dtype)


def round_magnitude(magnitude: Array, form: FloatFormat) -> Array:
    """Round float64 magnitudes to the fraction bits of ``form``, ties to even, not yet looking at overflow.

    The quantum is 2**(e - fraction_bits), e being the exponent of the value, at least the smallest of
    the format (that is what makes subnormals right). The trick is that of ``ROUND_TO_INTEGER``, with its
    constant scaled by the quantum.
    """
    exponent = (magnitude.view(np.int64) >> 52) - 1023
    exponent = np.where(exponent < form.min_exponent, form.min_exponent, exponent)
    exponent = np.where(exponent > form.max_exponent, form.max_exponent, exponent)
    shift_bits = ((exponent - form.fraction_bits + 52 + 1023) << 52) | (1 << 51)
    shift = shift_bits.astype(np.int64).view(np.float64)
    return np.asarray((magnitude + shift) - shift)


def fit_float(values: Array, dtype: str, saturate: bool) -> Array:
    """Round float64 values of any shape once to a float type.

    Beyond the largest finite value the result is infinity (NaN in fp8, which has no infinity) or, with
    ``saturate``, the largest finite value, sign kept. NaN becomes the NaN of the type.
    """
    form = FORMATS[dtype]
    raw = np.asarray(values, np.float64).view(np.int64)
    sign = raw & np.int64(-(1 << 63))
    rounded = round_magnitude((raw ^ sign).view(np.float64), form)
    over = form.maximum if saturate else (np.inf if form.has_infinity else np.nan)
    rounded = np.where(rounded > form.maximum, over, rounded)
    signed = np.asarray(rounded.view(np.int64) | sign).view(np.float64)
    exact = signed.astype(np.float32).astype(dtype_of(dtype).numpy)  # both steps keep the value
    return canonical(exact, dtype)


def canonical(values: Array, dtype: str) -> Array:
    """Return float values of any shape with every NaN replaced by the one quiet NaN of the type."""
    info = dtype_of(dtype)
    bits = values.view(info.unsigned)
    return from_bits(np.where(np.isnan(values), FORMATS[dtype].nan_bits, bits), dtype)


def fit(values: Array, dtype: str, saturate: bool) -> Array:
    """Bring exact or wider results (int64 for integer types, else float32 or float64) into ``dtype``."""
    if dtype in FORMATS:
        return fit_float(values, dtype, saturate)
    return fit_integer(values, dtype, saturate)


def widen(values: Array, dtype: str) -> Array:
    """Return values in the type operations compute in, exactly: int64 for integers, float32 for floats."""
    return values.astype(np.float32 if dtype in FORMATS else np.int64)
