"""The data types of the machine, and values as the byte planes that streams carry."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from lpu_emu.errors import InputError, ProgramError, did_you_mean

Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class DType:
    """One data type: its name, size in bytes (one stream each), kind, sign and NumPy type."""

    name: str
    bytes: int
    kind: Literal["int", "float"]
    signed: bool
    numpy: np.dtype[Any]

    @property
    def bits(self) -> int:
        """Width in bits."""
        return 8 * self.bytes

    @property
    def unsigned(self) -> np.dtype[Any]:
        """NumPy type of the raw bit pattern."""
        return np.dtype(f"uint{self.bits}")


def _table(*rows: tuple[str, Literal["int", "float"], bool, Any]) -> dict[str, DType]:
    return {
        name: DType(
            name=name, bytes=np.dtype(numpy).itemsize, kind=kind, signed=signed, numpy=np.dtype(numpy)
        )
        for name, kind, signed, numpy in rows
    }


DTYPES: dict[str, DType] = _table(
    ("int8", "int", True, np.int8),
    ("uint8", "int", False, np.uint8),
    ("int16", "int", True, np.int16),
    ("int32", "int", True, np.int32),
    ("fp16", "float", True, np.float16),
    ("fp32", "float", True, np.float32),
    ("bf16", "float", True, ml_dtypes.bfloat16),
    ("fp8", "float", True, ml_dtypes.float8_e4m3fn),
)

INTS: frozenset[str] = frozenset(name for name, dtype in DTYPES.items() if dtype.kind == "int")
FLOATS: frozenset[str] = frozenset(DTYPES) - INTS


def dtype_of(name: str) -> DType:
    """Return the type called ``name``; raise ``ProgramError`` when the machine has no such type."""
    if name not in DTYPES:
        known = ", ".join(DTYPES)
        raise ProgramError(
            f"numerics: unknown type {name!r}, expected one of {known}{did_you_mean(name, DTYPES)}"
        )
    return DTYPES[name]


def require(values: Array, dtype: str) -> Array:
    """Return ``values`` unchanged; raise ``InputError`` unless they are an array of exactly ``dtype``."""
    expected = dtype_of(dtype).numpy
    found = getattr(values, "dtype", type(values).__name__)
    if found != expected:
        raise InputError(f"numerics: values are {found}, expected {expected} ({dtype}); convert them first")
    return np.asarray(values)


def to_bits(values: Array, dtype: str) -> Array:
    """Return the raw bit patterns of ``values``, unsigned and of the same width and shape."""
    return require(values, dtype).view(dtype_of(dtype).unsigned)


def from_bits(bits: Array, dtype: str) -> Array:
    """Return the values of ``dtype`` that have the raw patterns ``bits``, integers that fit its width."""
    info = dtype_of(dtype)
    return np.asarray(bits).astype(info.unsigned).view(info.numpy)


def to_bytes(values: Array, dtype: str) -> NDArray[np.uint8]:
    """Split ``values`` of any shape into little-endian byte planes ``uint8[bytes, ...]``.

    Plane 0 holds the lowest byte of every element. Raises ``InputError`` when ``values`` are not of
    ``dtype``.
    """
    bits = to_bits(values, dtype).astype(np.uint32)
    planes: Iterable[Array] = (
        (bits >> np.uint32(8 * plane)) & np.uint32(0xFF) for plane in range(dtype_of(dtype).bytes)
    )
    return np.stack([plane.astype(np.uint8) for plane in planes])


def from_bytes(planes: Array, dtype: str) -> Array:
    """Join little-endian byte planes ``uint8[bytes, ...]`` into values of ``dtype``, shape ``[...]``.

    Raises ``InputError`` when the planes are not bytes or are not as many as the type has.
    """
    info = dtype_of(dtype)
    if planes.dtype != np.uint8 or planes.ndim == 0 or planes.shape[0] != info.bytes:
        raise InputError(
            f"numerics: byte planes are {planes.dtype}{list(planes.shape)}, "
            f"expected uint8[{info.bytes}, ...] for {dtype}"
        )
    bits = np.zeros(planes.shape[1:], np.uint32)
    for index in range(info.bytes):
        bits |= planes[index].astype(np.uint32) << np.uint32(8 * index)
    return from_bits(bits, dtype)
