"""Gather and scatter: addresses for each superlane, bounds, superlanes that are off."""

from __future__ import annotations

import numpy as np
import pytest

from lpu_emu.engine.kernels.gather import gather, scatter

from .operands import Array, Bytes

SEED = 26
CHIPS = [(8, 4), (320, 16)]
VECTORS = 6
BASE, LIMIT = 300, 700


def _words(lanes: int) -> Bytes:
    return np.random.default_rng(SEED).integers(0, 256, (1000, lanes), dtype=np.uint8)


def _map(lanes: int, superlane: int) -> tuple[Array, Bytes]:
    """Return addresses [vectors, superlanes] and map rows that carry them, with noise in the other lanes."""
    rng = np.random.default_rng(SEED + 1)
    addresses = rng.integers(BASE, LIMIT + 1, (VECTORS, lanes // superlane))
    addresses[0, 0], addresses[1, -1] = BASE, LIMIT
    map_ = rng.integers(0, 256, (VECTORS, lanes), dtype=np.uint8)
    _write(map_, addresses, superlane)
    return addresses, map_


def _write(map_: Bytes, addresses: Array, superlane: int) -> None:
    map_[:, ::superlane], map_[:, 1::superlane] = addresses & 255, addresses >> 8


def _gathered(words: Bytes, first: int, addresses: Array, superlane: int) -> Bytes:
    blocks = words[first:].reshape(len(words) - first, -1, superlane)
    return np.asarray(blocks[addresses, np.arange(addresses.shape[1])].reshape(len(addresses), -1))


@pytest.mark.parametrize("first", [0, 100])
@pytest.mark.parametrize("off", [0, 1])
@pytest.mark.parametrize(("lanes", "superlane"), CHIPS)
def test_gather(lanes: int, superlane: int, off: int, first: int) -> None:
    words, (addresses, map_) = _words(lanes), _map(lanes, superlane)
    out = np.full((2 * VECTORS, lanes), 0x5A, np.uint8)
    on = lanes // superlane - off
    status = gather(words, first, BASE, LIMIT, map_, VECTORS - 1, -1, superlane, on, out, 0, 2, VECTORS)
    assert status == -1
    expected = np.full_like(out, 0x5A)
    expected[::2, : on * superlane] = _gathered(words, first, addresses[::-1], superlane)[:, : on * superlane]
    assert np.array_equal(out, expected), f"seed {SEED}"


@pytest.mark.parametrize("off", [0, 1])
@pytest.mark.parametrize(("lanes", "superlane"), CHIPS)
def test_scatter_stores_in_order(lanes: int, superlane: int, off: int) -> None:
    words, (addresses, map_) = _words(lanes), _map(lanes, superlane)
    addresses[3] = addresses[2]  # the later vector wins
    _write(map_, addresses, superlane)
    data = np.random.default_rng(SEED + 2).integers(0, 256, (VECTORS, lanes), dtype=np.uint8)
    expected, on = words.copy(), lanes // superlane - off
    for vector in range(VECTORS):
        for s in range(on):
            part = slice(s * superlane, (s + 1) * superlane)
            expected[addresses[vector, s], part] = data[vector, part]
    status = scatter(words, 0, BASE, LIMIT, map_, 0, 1, superlane, on, data, 0, 1, VECTORS)
    assert status == -1
    assert np.array_equal(words, expected), f"seed {SEED}"


@pytest.mark.parametrize("address", [BASE - 1, LIMIT + 1, 0, 0xFFFF])
@pytest.mark.parametrize(("lanes", "superlane"), CHIPS)
def test_addresses_outside_are_found_and_left_alone(lanes: int, superlane: int, address: int) -> None:
    words, (addresses, map_) = _words(lanes), _map(lanes, superlane)
    addresses[[3, 5], 1] = address
    _write(map_, addresses, superlane)
    out, before, superlanes = np.full((VECTORS, lanes), 0x5A, np.uint8), words.copy(), lanes // superlane
    assert gather(words, 0, BASE, LIMIT, map_, 0, 1, superlane, superlanes, out, 0, 1, VECTORS) == 3
    inside = np.repeat((addresses >= BASE) & (addresses <= LIMIT), superlane, axis=1)
    expected = _gathered(words, 0, np.clip(addresses, BASE, LIMIT), superlane)
    assert np.array_equal(out, np.where(inside, expected, 0)), f"seed {SEED}"
    assert scatter(words, 0, BASE, LIMIT, map_, 0, 1, superlane, superlanes, out, 0, 1, VECTORS) == 3
    assert np.array_equal(words[:BASE], before[:BASE])
    assert np.array_equal(words[LIMIT + 1 :], before[LIMIT + 1 :])
    assert gather(words, 0, BASE, LIMIT, map_, 0, 1, superlane, 1, out, 0, 1, VECTORS) == -1
