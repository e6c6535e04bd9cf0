"""Dot products and accumulation of the MXM."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lpu_emu.errors import InputError, ProgramError
from lpu_emu.reference.numerics import vxm
from lpu_emu.reference.numerics.dtypes import Array, require
from lpu_emu.reference.numerics.rounding import fit_float

# A product is at most 255 * 128 = 32,640 in magnitude, so this many can be summed without leaving int32.
MAX_EXACT_ROWS = (2**31 - 1) // (255 * 128)

_FLOAT_OPERANDS = ("fp16", "bf16", "fp8")
_ACCUMULATORS = ("int32", "fp32")


def dot_int(activations: Array, weights: Array) -> NDArray[np.int32]:
    """Return ``activations @ weights``, exact: int8 or uint8 [K] times int8 [K, N] to int32 [N].

    A product is at most 255 * 128 = 32,640 in magnitude and a plane holds K <= 320 rows, so a sum stays
    within 10,444,800, far inside int32; wrapping cannot occur up to K = 65,793. K = 0 gives zeros.
    Raises ``InputError`` on other types, on shapes that do not agree, or on larger K.
    """
    if activations.dtype != np.uint8:
        require(activations, "int8")
    require(weights, "int8")
    _require_shapes(activations, weights)
    if len(activations) > MAX_EXACT_ROWS:
        raise InputError(
            f"numerics: {len(activations)} rows in one dot product, expected at most {MAX_EXACT_ROWS}"
        )
    total: NDArray[np.int32] = activations.astype(np.int32) @ weights.astype(np.int32)
    return total


def dot_float(activations: Array, weights: Array, dtype: str) -> NDArray[np.float32]:
    """Return ``activations @ weights``, rounded once: ``dtype`` [K] times [K, N] to fp32 [N].

    Products are exact in float64: the factors have at most 11 significant bits, a product at most 22, and
    its exponent stays far inside the range of float64. They are added to +0 in float64 in ascending k and
    the sum is rounded once to fp32 (overflow to infinity, the one quiet NaN). K = 0 gives +0. ``dtype`` is
    fp16, bf16 or fp8. Raises ``ProgramError`` for another type, ``InputError`` when the arrays are not of
    it or their shapes do not agree.
    """
    if dtype not in _FLOAT_OPERANDS:
        raise ProgramError(
            f"numerics: no float dot product of {dtype}, expected one of {', '.join(_FLOAT_OPERANDS)}"
        )
    _require_shapes(require(activations, dtype), require(weights, dtype))
    total = np.zeros(weights.shape[1], np.float64)
    with np.errstate(all="ignore"):
        left, right = activations.astype(np.float64), weights.astype(np.float64)
        for k in range(len(left)):
            total = total + left[k] * right[k]
        return fit_float(total, "fp32", False)


def accumulate(accumulator: Array, addend: Array, dtype: str) -> Array:
    """Return ``accumulator + addend``, any shape: int32 wraps, fp32 is the IEEE sum with the one quiet NaN.

    Raises ``ProgramError`` for another type, ``InputError`` when the arrays are not of ``dtype``.
    """
    if dtype not in _ACCUMULATORS:
        raise ProgramError(f"numerics: no accumulator of {dtype}, expected one of {', '.join(_ACCUMULATORS)}")
    return vxm.add(accumulator, addend, dtype, False)


def _require_shapes(activations: Array, weights: Array) -> None:
    if activations.ndim != 1 or weights.ndim != 2 or len(activations) != len(weights):
        raise InputError(
            f"numerics: activations have shape {list(activations.shape)} and weights {list(weights.shape)}, "
            f"expected [K] and [K, N] with one K"
        )
