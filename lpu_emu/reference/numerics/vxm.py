"""The point-wise operations of the VXM, one small function each, found by name.

``UNARY[name](x, dtype, saturate)`` and ``BINARY[name](x, y, dtype, saturate)`` take and return arrays of the
machine type ``dtype``, any shape, element by element. ``SUPPORTED[name]`` is the set of types an
operation exists for. Integers are computed exactly in int64; floats in float32 (exp, tanh and rsqrt in
float64); then the result is brought into the type once, see ``rounding``. ``saturate`` clamps instead of
wrapping (integers) or of giving infinity (floats).

For fp16, bf16 and fp8 the float32 sum, difference or product followed by one rounding equals the exact
result rounded once: float32 has 24 significant bits, at least 2 p + 2 of a type with p = 11, 8 or 4, and
where a bf16 result is subnormal the float32 value was exact or far below half the smallest subnormal.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

import numpy as np

from lpu_emu.errors import ProgramError
from lpu_emu.reference.numerics import special
from lpu_emu.reference.numerics.convert import bitcast, convert
from lpu_emu.reference.numerics.dtypes import FLOATS, INTS, Array, dtype_of, from_bits, require, to_bits
from lpu_emu.reference.numerics.rounding import fit, fit_integer, widen

__all__ = ["BINARY", "SUPPORTED", "UNARY", "bitcast", "convert"]

UnaryOp = Callable[[Array, str, bool], Array]
BinaryOp = Callable[[Array, Array, str, bool], Array]

UNARY: dict[str, UnaryOp] = {}
BINARY: dict[str, BinaryOp] = {}
SUPPORTED: dict[str, frozenset[str]] = {}


def _refuse_unsupported(name: str, dtype: str) -> None:
    if dtype_of(dtype).name not in SUPPORTED[name]:
        known = ", ".join(sorted(SUPPORTED[name]))
        raise ProgramError(f"numerics: {name} does not exist for {dtype}, expected one of {known}")


def _name(body: Callable[..., Array]) -> str:
    return body.__name__.rstrip("_")


def _unary(types: frozenset[str]) -> Callable[[UnaryOp], UnaryOp]:
    """Register the function under its own name for ``types``, and check its operand at each call."""

    def register(body: UnaryOp) -> UnaryOp:
        name = _name(body)

        @wraps(body)
        def operation(x: Array, dtype: str, saturate: bool) -> Array:
            _refuse_unsupported(name, dtype)
            with np.errstate(all="ignore"):
                return body(require(x, dtype), dtype, saturate)

        UNARY[name], SUPPORTED[name] = operation, types
        return operation

    return register


def _binary(types: frozenset[str]) -> Callable[[BinaryOp], BinaryOp]:
    """Register the function under its own name for ``types``, and check its operands at each call."""

    def register(body: BinaryOp) -> BinaryOp:
        name = _name(body)

        @wraps(body)
        def operation(x: Array, y: Array, dtype: str, saturate: bool) -> Array:
            _refuse_unsupported(name, dtype)
            with np.errstate(all="ignore"):
                return body(require(x, dtype), require(y, dtype), dtype, saturate)

        BINARY[name], SUPPORTED[name] = operation, types
        return operation

    return register


ALL = INTS | FLOATS


@_binary(ALL)
def add(x: Array, y: Array, dtype: str, saturate: bool) -> Array:
    """Return x + y."""
    return fit(widen(x, dtype) + widen(y, dtype), dtype, saturate)


@_binary(ALL)
def sub(x: Array, y: Array, dtype: str, saturate: bool) -> Array:
    """Return x - y."""
    return fit(widen(x, dtype) - widen(y, dtype), dtype, saturate)


@_binary(ALL)
def mul(x: Array, y: Array, dtype: str, saturate: bool) -> Array:
    """Return x * y."""
    return fit(widen(x, dtype) * widen(y, dtype), dtype, saturate)


def _selected(take_x: Array, x: Array, y: Array, dtype: str, saturate: bool) -> Array:
    """Return x where ``take_x``, else y; NaN where either is NaN (a sum with a NaN is NaN)."""
    chosen = np.where(take_x, x, y)
    return fit(np.where(np.isnan(x) | np.isnan(y), x + y, chosen), dtype, saturate)


@_binary(ALL)
def max_(x: Array, y: Array, dtype: str, saturate: bool) -> Array:
    """Return the larger; NaN if either is NaN; +0 is larger than -0."""
    x, y = widen(x, dtype), widen(y, dtype)
    return _selected((x > y) | ((x == y) & np.signbit(y)), x, y, dtype, saturate)


@_binary(ALL)
def min_(x: Array, y: Array, dtype: str, saturate: bool) -> Array:
    """Return the smaller; NaN if either is NaN; -0 is smaller than +0."""
    x, y = widen(x, dtype), widen(y, dtype)
    return _selected((x < y) | ((x == y) & np.signbit(x)), x, y, dtype, saturate)


@_binary(INTS)
def and_(x: Array, y: Array, dtype: str, saturate: bool) -> Array:
    """Return the bitwise and."""
    return np.asarray(x & y)


@_binary(INTS)
def or_(x: Array, y: Array, dtype: str, saturate: bool) -> Array:
    """Return the bitwise or."""
    return np.asarray(x | y)


@_binary(INTS)
def xor(x: Array, y: Array, dtype: str, saturate: bool) -> Array:
    """Return the bitwise exclusive or."""
    return np.asarray(x ^ y)


def _amount(y: Array, dtype: str) -> Array:
    return np.asarray(y.astype(np.int64) & np.int64(dtype_of(dtype).bits - 1))


@_binary(INTS)
def shl(x: Array, y: Array, dtype: str, saturate: bool) -> Array:
    """Return x shifted left by the low bits of y, which is x * 2**amount wrapped or saturated."""
    return fit_integer(widen(x, dtype) << _amount(y, dtype), dtype, saturate)


@_binary(INTS)
def shr(x: Array, y: Array, dtype: str, saturate: bool) -> Array:
    """Return x shifted right by the low bits of y: arithmetic for signed types, logical for uint8."""
    return fit_integer(widen(x, dtype) >> _amount(y, dtype), dtype, saturate)


def _flag(condition: Array, dtype: str) -> Array:
    """Return 1 or 0 of the type."""
    return fit(widen(np.asarray(condition), dtype), dtype, False)


@_binary(ALL)
def eq(x: Array, y: Array, dtype: str, saturate: bool) -> Array:
    """Return 1 where x == y, else 0; NaN equals nothing, -0 equals +0."""
    return _flag(widen(x, dtype) == widen(y, dtype), dtype)


@_binary(ALL)
def ne(x: Array, y: Array, dtype: str, saturate: bool) -> Array:
    """Return 1 where x != y, else 0; NaN differs from everything."""
    return _flag(widen(x, dtype) != widen(y, dtype), dtype)


@_binary(ALL)
def gt(x: Array, y: Array, dtype: str, saturate: bool) -> Array:
    """Return 1 where x > y, else 0."""
    return _flag(widen(x, dtype) > widen(y, dtype), dtype)


@_binary(ALL)
def ge(x: Array, y: Array, dtype: str, saturate: bool) -> Array:
    """Return 1 where x >= y, else 0."""
    return _flag(widen(x, dtype) >= widen(y, dtype), dtype)


@_binary(ALL)
def lt(x: Array, y: Array, dtype: str, saturate: bool) -> Array:
    """Return 1 where x < y, else 0."""
    return _flag(widen(x, dtype) < widen(y, dtype), dtype)


@_binary(ALL)
def le(x: Array, y: Array, dtype: str, saturate: bool) -> Array:
    """Return 1 where x <= y, else 0."""
    return _flag(widen(x, dtype) <= widen(y, dtype), dtype)


@_binary(ALL)
def mask(x: Array, y: Array, dtype: str, saturate: bool) -> Array:
    """Return x, bits unchanged, where the lowest byte of y is not zero, else zero (all bits clear)."""
    bits = to_bits(x, dtype)
    return from_bits(np.where(to_bits(y, dtype) & 0xFF, bits, 0), dtype)


@_unary(ALL)
def copy(x: Array, dtype: str, saturate: bool) -> Array:
    """Return x, bits unchanged (a NaN keeps its payload)."""
    return x.copy()


@_unary(ALL)
def neg(x: Array, dtype: str, saturate: bool) -> Array:
    """Return -x; the lowest signed integer wraps to itself or saturates, NaN becomes the NaN of the type."""
    return fit(-widen(x, dtype), dtype, saturate)


@_unary(ALL)
def abs_(x: Array, dtype: str, saturate: bool) -> Array:
    """Return the magnitude; the lowest signed integer wraps to itself or saturates."""
    return fit(np.abs(widen(x, dtype)), dtype, saturate)


@_unary(INTS)
def not_(x: Array, dtype: str, saturate: bool) -> Array:
    """Return x with every bit inverted."""
    return np.asarray(~x)


@_unary(ALL)
def relu(x: Array, dtype: str, saturate: bool) -> Array:
    """Return x where x > 0, else +0; NaN stays NaN."""
    wide = widen(x, dtype)
    return fit(np.where(wide <= 0, np.zeros_like(wide), wide), dtype, saturate)


@_unary(FLOATS)
def exp(x: Array, dtype: str, saturate: bool) -> Array:
    """Return e**x, computed in float64 and rounded once."""
    return fit(special.exp(_double(x)), dtype, saturate)


@_unary(FLOATS)
def tanh(x: Array, dtype: str, saturate: bool) -> Array:
    """Return the hyperbolic tangent, computed in float64 and rounded once."""
    return fit(special.tanh(_double(x)), dtype, saturate)


@_unary(FLOATS)
def rsqrt(x: Array, dtype: str, saturate: bool) -> Array:
    """Return 1 / sqrt(x), computed in float64 and rounded once; -0 gives -inf, negative values NaN."""
    return fit(special.rsqrt(_double(x)), dtype, saturate)


def _double(x: Array) -> Array:
    return x.astype(np.float64)
