"""Byte planes and packed elements are the same bytes in another order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from lpu_emu.engine.kernels import planes
from lpu_emu.reference.numerics.dtypes import from_bytes

from .operands import Array, Bytes, packed

SEED = 22
DTYPES = {1: "uint8", 2: "fp16", 4: "int32"}
PACK: dict[int, Any] = {1: planes.pack1, 2: planes.pack2, 4: planes.pack4}
UNPACK: dict[int, Any] = {1: planes.unpack1, 2: planes.unpack2, 4: planes.unpack4}
CASES = [(size, lanes, vectors) for size in (1, 2, 4) for lanes in (8, 12, 320) for vectors in (0, 1, 7)]


def _places(size: int, vectors: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Return a first row and a step for each plane, in an array of 40 rows."""
    steps = [int(step) for step in rng.integers(-5, 6, size)]
    return [(int(rng.integers(0, 8)) + (0 if step >= 0 else 30), step or 1) for step in steps]


def _rows(first: int, step: int, vectors: int) -> Array:
    return first + step * np.arange(vectors)


def _arguments(arrays: Sequence[Bytes], places: Sequence[tuple[int, int]]) -> list[Bytes | int]:
    return [item for array, place in zip(arrays, places, strict=True) for item in (array, *place)]


@pytest.mark.parametrize(("size", "lanes", "vectors"), CASES)
def test_pack(size: int, lanes: int, vectors: int) -> None:
    rng = np.random.default_rng(SEED)
    arrays = [rng.integers(0, 256, (40, lanes), dtype=np.uint8) for _ in range(size)]
    places = _places(size, vectors, rng)
    out = np.zeros(size * vectors * lanes, np.uint8)
    PACK[size](*_arguments(arrays, places), out)
    chosen = np.stack([a[_rows(*place, vectors)] for a, place in zip(arrays, places, strict=True)])
    assert np.array_equal(out, packed(from_bytes(chosen, DTYPES[size]))), f"seed {SEED}, {places}"


@pytest.mark.parametrize(("size", "lanes", "vectors"), CASES)
def test_unpack(size: int, lanes: int, vectors: int) -> None:
    rng = np.random.default_rng(SEED)
    x = rng.integers(0, 256, size * vectors * lanes, dtype=np.uint8)
    places = _places(size, vectors, rng)
    arrays = [np.full((40, lanes), 0x5A, np.uint8) for _ in range(size)]
    UNPACK[size](x, *_arguments(arrays, places))
    for index, (array, place) in enumerate(zip(arrays, places, strict=True)):
        expected = np.full((40, lanes), 0x5A, np.uint8)
        expected[_rows(*place, vectors)] = x.reshape(vectors, lanes, size)[:, :, index]
        assert np.array_equal(array, expected), f"seed {SEED}, plane {index}, {places}"


def test_copy_rows() -> None:
    rng = np.random.default_rng(SEED)
    x, out = rng.integers(0, 256, (20, 12), dtype=np.uint8), np.zeros((20, 12), np.uint8)
    planes.copy_rows(x, 2, 3, out, 19, -2, 5)
    expected = np.zeros((20, 12), np.uint8)
    expected[[19, 17, 15, 13, 11]] = x[[2, 5, 8, 11, 14]]
    assert np.array_equal(out, expected), f"seed {SEED}"
