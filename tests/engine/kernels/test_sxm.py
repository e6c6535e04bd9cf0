"""Moves between lanes, against whole-array NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from lpu_emu.engine.kernels import sxm

from .operands import Array, Bytes, sized

SEED = 25
# Lanes and lanes of a superlane.
CHIPS = [(8, 4), (320, 16), (24, 8)]
VECTORS = 5


def _rows(lanes: int) -> tuple[Bytes, Bytes, Bytes]:
    """Return operand rows, of which every second one is used from row 1 on, and result rows, used backwards."""
    rng = np.random.default_rng(SEED)
    x = rng.integers(0, 256, (2 * VECTORS + 1, lanes), dtype=np.uint8)
    return x, x[1::2], np.full((VECTORS + 2, lanes), 0x5A, np.uint8)


def _check(out: Bytes, expected: Array, note: str = "") -> None:
    assert np.array_equal(out[VECTORS:0:-1], expected), f"seed {SEED} {note}"
    assert set(out[[0, -1]].ravel()) == {0x5A}


@pytest.mark.parametrize("mask", [0, 1, 0b10, 0xFFFFFFFF, 0xAAAAA])
@pytest.mark.parametrize("distance", [0, 1, -1, 3, -3, 8, -8, 17, -160, 320, 400, -320, -511])
@pytest.mark.parametrize(("lanes", "superlane"), CHIPS)
def test_shift(lanes: int, superlane: int, distance: int, mask: int) -> None:
    x, chosen, out = _rows(lanes)
    sxm.shift(x, 1, 2, distance, mask, superlane, out, VECTORS, -1, VECTORS)
    moved = np.zeros_like(chosen)
    for lane in range(lanes):
        if 0 <= lane - distance < lanes:
            moved[:, lane] = chosen[:, lane - distance]
    taken = (mask >> (np.arange(lanes) // superlane)) & 1 == 1
    _check(out, np.where(taken, moved, chosen))


def _bytes(maps: Array) -> tuple[Bytes, Bytes]:
    return (maps & 255).astype(np.uint8), (maps >> 8).astype(np.uint8)


@pytest.mark.parametrize("step", [0, 1])
@pytest.mark.parametrize(("lanes", "superlane"), CHIPS)
def test_permute(lanes: int, superlane: int, step: int) -> None:
    x, chosen, out = _rows(lanes)
    rng = np.random.default_rng(SEED)
    maps = np.stack([rng.permutation(lanes) for _ in range(VECTORS)])
    low, high = _bytes(maps)
    assert sxm.permute(x, 1, 2, low, 0, step, high, 0, step, out, VECTORS, -1, VECTORS) == -1
    _check(out, np.take_along_axis(chosen, maps[np.arange(VECTORS) * step], axis=1))


@pytest.mark.parametrize("wrong", ["twice", "outside", "far outside"])
@pytest.mark.parametrize(("lanes", "superlane"), CHIPS)
def test_permute_finds_the_first_map_that_is_no_bijection(lanes: int, superlane: int, wrong: str) -> None:
    x, chosen, out = _rows(lanes)
    rng = np.random.default_rng(SEED)
    maps = np.stack([rng.permutation(lanes) for _ in range(VECTORS)])
    good = maps.copy()
    for vector in (2, 4):
        maps[vector, -1] = {"twice": maps[vector, 0], "outside": lanes, "far outside": 0xFFFF}[wrong]
        good[vector] = np.arange(lanes)
    low, high = _bytes(maps)
    assert sxm.permute(x, 1, 2, low, 0, 1, high, 0, 1, out, VECTORS, -1, VECTORS) == 2
    _check(out, np.take_along_axis(chosen, good, axis=1))
    assert sxm.permute(x, 1, 2, low, 2, 0, high, 2, 0, out, VECTORS, -1, VECTORS) == 0
    _check(out, chosen)


@pytest.mark.parametrize("step", [0, 1])
@pytest.mark.parametrize(("lanes", "superlane"), CHIPS)
def test_distribute(lanes: int, superlane: int, step: int) -> None:
    x, chosen, out = _rows(lanes)
    maps = np.random.default_rng(SEED).integers(0, superlane + 2, (VECTORS, lanes), dtype=np.uint8)
    maps[:, 0] = 255
    sxm.distribute(x, 1, 2, maps, 0, step, superlane, out, VECTORS, -1, VECTORS)
    used = maps[np.arange(VECTORS) * step]
    first = np.arange(lanes) // superlane * superlane
    found = np.take_along_axis(chosen, first + np.minimum(used, superlane - 1), axis=1)
    _check(out, np.where(used < superlane, found, 0))


@pytest.mark.parametrize("step", [0, 1, 2, 3])
@pytest.mark.parametrize(("lanes", "superlane"), CHIPS)
def test_rotate(lanes: int, superlane: int, step: int) -> None:
    x, chosen, out = _rows(lanes)
    sxm.rotate(x, 1, 2, step, superlane, out, VECTORS, -1, VECTORS)
    turned = np.roll(chosen.reshape(VECTORS, -1, superlane), -step, axis=2)
    _check(out, turned.reshape(VECTORS, lanes))


@pytest.mark.parametrize(("lanes", "superlane"), CHIPS)
def test_transpose(lanes: int, superlane: int) -> None:
    vectors = sized(3, 1)
    rng = np.random.default_rng(SEED)
    x = rng.integers(0, 256, (superlane * vectors + 3, lanes), dtype=np.uint8)
    out = np.full((superlane * vectors + 4, lanes), 0x5A, np.uint8)
    x_rows = 3 + vectors * rng.permutation(superlane)
    out_rows = vectors * rng.permutation(superlane)
    sxm.transpose(x, x_rows, out, out_rows, vectors)
    before = np.stack([x[row : row + vectors] for row in x_rows]).reshape(superlane, vectors, -1, superlane)
    after = np.stack([out[row : row + vectors] for row in out_rows]).reshape(
        superlane, vectors, -1, superlane
    )
    assert np.array_equal(after, before.transpose(3, 1, 2, 0)), f"seed {SEED}"
    assert set(out[-4:].ravel()) == {0x5A}
