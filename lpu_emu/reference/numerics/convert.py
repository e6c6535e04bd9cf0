"""Conversions between types: numeric (``convert``) and of the same bits (``bitcast``)."""

from __future__ import annotations

import numpy as np

from lpu_emu.errors import ProgramError
from lpu_emu.reference.numerics.dtypes import INTS, Array, dtype_of, from_bits, require, to_bits
from lpu_emu.reference.numerics.rounding import ROUND_TO_INTEGER, fit_float, fit_integer, integer_range

# Floats of magnitude 2**51 and more are integers already (no type has more than 24 significant bits), and
# beyond it adding ROUND_TO_INTEGER could lose bits; below 2**63 they fit into int64.
_INTEGRAL = 2.0**51
_INT64 = 2.0**63


def convert(x: Array, source: str, target: str, saturate: bool) -> Array:
    """Convert values of any shape from type ``source`` to type ``target``, rounding once, ties to even.

    To a float: as every rounding, see ``rounding.fit_float``. Integer to integer: saturate, or keep the low
    bits. Float to integer: NaN gives 0; with ``saturate`` the rounded value is clamped; without, its low
    bits are kept while its magnitude is below 2**63, and it is clamped beyond. Raises ``InputError``
    when ``x`` is not of type ``source``, ``ProgramError`` for an unknown type.
    """
    require(x, source)
    with np.errstate(all="ignore"):
        if source in INTS and target in INTS:
            return fit_integer(x.astype(np.int64), target, saturate)
        wide = x.astype(np.float64)  # exact for every type
        if target in INTS:
            return _float_to_integer(wide, target, saturate)
        return fit_float(wide, dtype_of(target).name, saturate)


def _float_to_integer(values: Array, target: str, saturate: bool) -> Array:
    number = np.where(np.isnan(values), 0.0, values)
    small = np.abs(number) < _INTEGRAL
    rounded = np.where(small, (number + ROUND_TO_INTEGER) - ROUND_TO_INTEGER, number)
    low, high = integer_range(target)
    clamped = np.where(rounded < low, float(low), np.where(rounded > high, float(high), rounded))
    if not saturate:
        clamped = np.where(np.abs(rounded) < _INT64, rounded, clamped)
    return fit_integer(clamped.astype(np.int64), target, False)


def bitcast(x: Array, source: str, target: str) -> Array:
    """Return the bits of ``x`` of type ``source`` read as type ``target``, unchanged, any shape.

    Raises ``ProgramError`` when the types differ in width, ``InputError`` when ``x`` is not of ``source``.
    """
    if dtype_of(source).bytes != dtype_of(target).bytes:
        raise ProgramError(
            f"numerics: bitcast from {source} ({dtype_of(source).bytes} bytes) to {target} "
            f"({dtype_of(target).bytes} bytes), expected types of one width; use a conversion"
        )
    return from_bits(to_bits(x, source), target)
