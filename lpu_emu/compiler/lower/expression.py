"""Expressions over vectors: what the VXM computes in one flow.

A tree of operations whose leaves are tensors in memory, the product of a matrix plane, vectors that are the same for
every row, and scalars. Values are of machine types; conversions are operations like any other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

NUMPY_TYPES: dict[str, Any] = {
    "int8": np.int8,
    "uint8": np.uint8,
    "int16": np.int16,
    "int32": np.int32,
    "fp16": np.float16,
    "fp32": np.float32,
    "bf16": ml_dtypes.bfloat16,
    "fp8": ml_dtypes.float8_e4m3fn,
}
FLOATS = ("fp16", "fp32", "bf16", "fp8")


@dataclass(frozen=True, kw_only=True, eq=False)
class Leaf:
    """A tensor in memory, read row by row; ``pad`` is the value in its unused lanes."""

    tensor: str
    dtype: str
    pad: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Product:
    """The sums that leave a matrix plane."""

    dtype: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Vector:
    """One value per column, the same for every row; ``pad`` fills unused lanes."""

    dtype: str
    values: NDArray[Any]
    pad: float = 0.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Scalar:
    """One value."""

    dtype: str
    value: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Op:
    """A VXM operation on values of type ``operand_dtype``; its value is of type ``dtype``."""

    mnemonic: str
    operand_dtype: str
    dtype: str
    args: tuple[Expr, ...]
    saturate: bool = False


Expr = Leaf | Product | Vector | Scalar | Op


def op(mnemonic: str, *args: Expr) -> Op:
    """Return an operation on operands of one type."""
    dtype = args[0].dtype
    return Op(mnemonic=mnemonic, operand_dtype=dtype, dtype=dtype, args=args)


def convert(x: Expr, dtype: str, *, saturate: bool = False) -> Expr:
    """Return ``x`` as another type; constants are converted at once, and nothing happens to the same type."""
    if x.dtype == dtype:
        return x
    return Op(mnemonic="convert", operand_dtype=x.dtype, dtype=dtype, args=(x,), saturate=saturate)


def scalar(value: float, dtype: str) -> Scalar:
    """Return a constant, rounded to its type."""
    return Scalar(dtype=dtype, value=float(NUMPY_TYPES[dtype](value)))


def walk(x: Expr) -> Iterator[Expr]:
    """Yield an expression and all its parts, shared ones once, operands first."""
    seen: set[int] = set()

    def visit(part: Expr) -> Iterator[Expr]:
        if id(part) in seen:
            return
        seen.add(id(part))
        if isinstance(part, Op):
            for arg in part.args:
                yield from visit(arg)
        yield part

    return visit(x)


def operations(x: Expr) -> int:
    """Return the number of operations."""
    return sum(isinstance(part, Op) for part in walk(x))


def leaves(x: Expr) -> list[Leaf]:
    """Return the tensors that an expression reads, in order of first use."""
    return [part for part in walk(x) if isinstance(part, Leaf)]


def bits_of(value: Scalar) -> int:
    """Return the 32-bit immediate of a constant."""
    array = np.asarray(value.value).astype(NUMPY_TYPES[value.dtype])
    return int.from_bytes(array.tobytes(), "little")


def pad_of(x: Expr) -> float:
    """Return what an expression gives in lanes that hold no column; infinities and NaN matter, digits do not."""
    with np.errstate(all="ignore"):
        return float(_pad(x))


def _pad(x: Expr) -> Any:
    if isinstance(x, Product):
        return np.float32(0)
    if isinstance(x, Scalar):
        return np.float32(x.value)
    if not isinstance(x, Op):
        return np.float32(x.pad)
    args = [_pad(arg) for arg in x.args]
    if x.mnemonic == "convert":
        return _converted(args[0], x.dtype)
    return FUNCTIONS[x.mnemonic](*args)


def _converted(value: Any, dtype: str) -> Any:
    if dtype in FLOATS:
        return np.float32(NUMPY_TYPES[dtype](value))
    limits = np.iinfo(NUMPY_TYPES[dtype])
    return np.float32(0 if np.isnan(value) else np.clip(np.rint(value), limits.min, limits.max))


FUNCTIONS: dict[str, Any] = {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "max": np.maximum,
    "min": np.minimum,
    "mask": lambda x, y: x if y else np.float32(0),
    "copy": lambda x: x,
    "neg": lambda x: -x,
    "abs": abs,
    "relu": lambda x: np.maximum(x, np.float32(0)),
    "tanh": np.tanh,
    "exp": np.exp,
    "rsqrt": lambda x: np.float32(1) / np.sqrt(x),
}
