"""Division by a scale as a product: the factor with which rounding gives what the division would have given.

QuantizeLinear divides and the chip multiplies. With the rounded reciprocal a quotient that lies at a half may be rounded to
the other side. Where the dividend is made of one or two 8-bit tensors it has at most 65,536 values; all of them are tried
here, with factors around the reciprocal.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lpu_emu.compiler.lower import expression as ex
from lpu_emu.compiler.lower.expression import Expr, Leaf, Op, Scalar

# Steps of the last place on either side of the reciprocal that are tried, the nearest first.
STEPS = 8
MOST_LEAVES = 2
_KNOWN = frozenset({"add", "sub", "mul", "max", "min", "relu", "neg", "abs", "copy", "convert"})
Floats = NDArray[np.float32]


def factor_of(x: Expr, scale: np.float32, target: str) -> np.float32:
    """Return the factor for ``rint(x * factor)``, saturated to ``target``, that comes nearest to ``rint(x / scale)``."""
    with np.errstate(over="ignore", divide="ignore"):
        reciprocal = np.float32(1) / scale
    values = values_of(x)
    if values is None or not np.isfinite(reciprocal):
        return reciprocal
    wanted = _rounded(values / scale, target)
    return min(_around(reciprocal), key=lambda f: int((_rounded(values * f, target) != wanted).sum()))


def _around(value: np.float32) -> list[np.float32]:
    found = [value]
    low = high = value
    for _ in range(STEPS):
        low, high = np.nextafter(low, np.float32(0)), np.nextafter(high, np.float32(np.inf))
        found += [high, low]
    return found


def _rounded(values: Floats, target: str) -> Floats:
    limits = np.iinfo(ex.NUMPY_TYPES[target])
    return np.clip(np.rint(values), limits.min, limits.max)


def values_of(x: Expr) -> Floats | None:
    """Return every value that an expression of at most two 8-bit tensors can have, None for any other."""
    leaves = {leaf.tensor: leaf for leaf in ex.leaves(x)}
    if not 1 <= len(leaves) <= MOST_LEAVES or not all(map(_is_tried, ex.walk(x))):
        return None
    axes = {}
    for axis, leaf in enumerate(leaves.values()):
        limits = np.iinfo(ex.NUMPY_TYPES[leaf.dtype])
        shape = [1] * len(leaves)
        shape[axis] = 256
        axes[leaf.tensor] = np.arange(limits.min, limits.max + 1, dtype=np.float32).reshape(shape)
    found: Floats = np.asarray(_value(x, axes), dtype=np.float32)
    return found


def _is_tried(part: Expr) -> bool:
    if isinstance(part, Leaf):
        return part.dtype in ("int8", "uint8")
    if isinstance(part, Op):
        return part.mnemonic in _KNOWN and part.dtype == "fp32"
    return isinstance(part, Scalar)


def _value(x: Expr, axes: dict[str, Floats]) -> Floats:
    if isinstance(x, Leaf):
        return axes[x.tensor]
    if isinstance(x, Scalar):
        return np.asarray(x.value, dtype=np.float32)
    assert isinstance(x, Op)
    args = [_value(arg, axes) for arg in x.args]
    if x.mnemonic == "convert":
        return args[0]
    result: Floats = ex.FUNCTIONS[x.mnemonic](*args)
    return result
