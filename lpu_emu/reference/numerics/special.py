"""exp, tanh and rsqrt in float64, from IEEE operations only; the caller rounds once to its type.

Each function names its operations in order. An implementation that performs the same float64 operations
in the same order, without fusing a multiply and an add, gives the same bits.

Shared core, for x with x = k * ln 2 + r, k an integer and abs(r) <= ln(2) / 2 (a hair more by rounding)::

    k = (x * LOG2_E + ROUND_TO_INTEGER) - ROUND_TO_INTEGER
    r = (x - k * LN2_HIGH) - k * LN2_LOW
    s = c13;  s = s * r + c12;  ...;  s = s * r + c2          with cn = 1 / n!
    p = r + (r * r) * s                                       close to exp(r) - 1
    scale = 2 ** k                                            built from its bits

LN2_HIGH holds the first 42 bits of ln 2, so k * LN2_HIGH is exact for abs(k) < 2048; LN2_LOW is the
rest. The series stops at r**13 / 13!, the first term left out is below 5e-18.
"""

from __future__ import annotations

from math import factorial

import numpy as np

from lpu_emu.reference.numerics.dtypes import Array
from lpu_emu.reference.numerics.rounding import ROUND_TO_INTEGER

LOG2_E = float.fromhex("0x1.71547652b82fep+0")
LN2_HIGH = float.fromhex("0x1.62e42fefa3800p-1")
LN2_LOW = float.fromhex("0x1.ef35793c76730p-45")

# c2 .. c13 = 1/2!, ..., 1/13!, each the correctly rounded float64 quotient.
INVERSE_FACTORIALS: tuple[float, ...] = tuple(1.0 / factorial(n) for n in range(2, 14))

# Beyond these magnitudes every machine type gives its limit: exp overflows fp32 above 88.8 and is below half
# its smallest subnormal under -104; tanh(x) rounds to 1 above 19.1 even in float64.
EXP_LIMIT = 150.0
TANH_LIMIT = 20.0


def _reduced(x: Array) -> tuple[Array, Array]:
    """Return (p, scale) with exp(x) = (1 + p) * scale, for finite float64 x, abs(x) <= 150."""
    k = (x * LOG2_E + ROUND_TO_INTEGER) - ROUND_TO_INTEGER
    r = (x - k * LN2_HIGH) - k * LN2_LOW
    s = np.full_like(r, INVERSE_FACTORIALS[-1])
    for coefficient in INVERSE_FACTORIALS[-2::-1]:
        s = s * r + coefficient
    p = r + (r * r) * s
    scale = ((k.astype(np.int64) + 1023) << 52).view(np.float64)
    return p, scale


def exp(x: Array) -> Array:
    """Return exp(x) of float64 values of any shape: ``(1 + p) * scale`` after clamping x to +-150.

    exp(+inf) and exp(-inf) come out as exp(+-150), which every machine type rounds to its overflow and to
    zero. NaN gives NaN.
    """
    bounded = np.where(x > EXP_LIMIT, EXP_LIMIT, np.where(x < -EXP_LIMIT, -EXP_LIMIT, x))
    p, scale = _reduced(np.where(np.isnan(x), 0.0, bounded))
    return np.where(np.isnan(x), np.nan, (1.0 + p) * scale)


def tanh(x: Array) -> Array:
    """Return tanh(x) of float64 values of any shape, sign and signed zero kept.

    With u = min(abs(x), 20) and the core applied to 2u: ``t = (scale - 1) + scale * p`` (exp(2u) - 1
    without cancellation), then ``t / (t + 2)``, then the sign of x. NaN gives NaN.
    """
    raw = x.view(np.int64)
    sign = raw & np.int64(-(1 << 63))
    magnitude = (raw ^ sign).view(np.float64)
    bounded = np.where(magnitude > TANH_LIMIT, TANH_LIMIT, magnitude)
    p, scale = _reduced(2.0 * np.where(np.isnan(x), 0.0, bounded))
    t = (scale - 1.0) + scale * p
    result = (t / (t + 2.0)).view(np.int64) | sign
    return np.where(np.isnan(x), np.nan, result.view(np.float64))


def rsqrt(x: Array) -> Array:
    """Return ``1 / sqrt(x)`` of float64 values of any shape: one square root, one division.

    As in IEEE 754 rSqrt: +0 gives +inf, -0 gives -inf, +inf gives +0, other negative values and NaN give
    NaN.
    """
    return np.asarray(1.0 / np.sqrt(x))
