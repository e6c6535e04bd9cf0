"""Operands for the kernels, and the types of the reference as the kernels see them: bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lpu_emu.engine._jit import PLAIN
from lpu_emu.engine.kernels.codes import TYPES
from lpu_emu.reference.numerics.dtypes import DTYPES, from_bits

Array = NDArray[Any]
Bytes = NDArray[np.uint8]


def sized(compiled: int, plain: int) -> int:
    """Return a size: plain Python is thousands of times slower."""
    return plain if PLAIN else compiled


def packed(values: Array) -> Bytes:
    """Return the little-endian bytes of values, flat, as an array of their own."""
    return np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8).copy()


def code(dtype: str) -> int:
    """Return the number kernels know a type by."""
    return TYPES[dtype]


def patterns(dtype: str, count: int, rng: np.random.Generator) -> Array:
    """Return ``count`` values of random patterns; of a four-byte type with all exponents alike."""
    bits = DTYPES[dtype].bits
    raw = rng.integers(0, 1 << bits, count, dtype=np.uint64).astype(np.uint32)
    if dtype == "int32":
        raw = (raw.astype(np.int32) >> rng.integers(0, 32, count, dtype=np.int32)).astype(np.uint32)
    return from_bits(raw, dtype)


def everything(dtype: str, rng: np.random.Generator) -> Array:
    """Return all values of a narrow type; random ones and corners of a four-byte type. Fewer in plain Python."""
    bits = DTYPES[dtype].bits
    if bits <= 16:
        return from_bits(np.arange(0, 1 << bits, sized(1, 1 + (1 << bits) // 300), dtype=np.uint32), dtype)
    return np.concatenate([patterns(dtype, sized(100_000, 200), rng), corners(dtype)])


def corners(dtype: str) -> Array:
    """Return zeros, ones, ends of ranges, subnormals, infinities, NaN, and patterns next to all of them."""
    bits = DTYPES[dtype].bits
    interesting = {
        "fp16": (0x0000, 0x0001, 0x0400, 0x3C00, 0x7BFF, 0x7C00, 0x7E00, 0x7FFF, 0x4248),
        "bf16": (0x0000, 0x0001, 0x0080, 0x3F80, 0x7F7F, 0x7F80, 0x7FC0, 0x7FFF, 0x4049),
        "fp8": (0x00, 0x01, 0x08, 0x38, 0x7E, 0x7F, 0x45),
        "fp32": (
            0,
            1,
            0x800000,
            0x3F800000,
            0x477FE000,
            0x477FF000,
            0x7F7FFFFF,
            0x7F800000,
            0x7FC00000,
            0x4B000000,
        ),
    }.get(dtype, (0, 1, (1 << (bits - 1)) - 1, 1 << (bits - 1), (1 << bits) - 1, 7, 1 << (bits // 2)))
    near = {(value + step) % (1 << bits) for value in interesting for step in (-1, 0, 1)}
    signed = sorted(near | {value ^ (1 << (bits - 1)) for value in near})
    return from_bits(np.array(signed, np.uint32), dtype)


def pairs(dtype: str, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return operands: all pairs of a one-byte type, else random pairs, near equals, and all corners with all."""
    if DTYPES[dtype].bits == 8:
        every = everything(dtype, rng)[:: sized(1, 16)]
        return np.repeat(every, every.size), np.tile(every, every.size)
    count = sized(50_000, 100)
    x, y = patterns(dtype, count, rng), patterns(dtype, count, rng)
    y[: count // 4] = x[: count // 4]
    edge = corners(dtype)[:: sized(1, 4)]
    return (
        np.concatenate([x, np.repeat(edge, edge.size)]),
        np.concatenate([y, np.tile(edge, edge.size)]),
    )


def assert_bytes(found: Bytes, expected: Bytes, note: str) -> None:
    """Compare; name the first byte that differs."""
    differs = np.flatnonzero(found != expected)
    assert differs.size == 0, f"{note}: {differs.size} bytes differ, the first is byte {differs[0]}"
