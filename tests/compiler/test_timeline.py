"""Busy times against a plain list of cycles, stream uses against a plain set of places."""

from __future__ import annotations

import numpy as np
import pytest

from lpu_emu.compiler.schedule.streams import StreamMap, Use
from lpu_emu.compiler.schedule.timeline import Timeline

CYCLES = 300


@pytest.mark.parametrize("seed", range(20))
def test_timeline_agrees_with_a_list_of_cycles(seed: int) -> None:
    rng = np.random.default_rng(seed)
    line, busy = Timeline(), np.zeros(CYCLES, dtype=bool)
    for _ in range(40):
        start, length = int(rng.integers(0, 200)), int(rng.integers(1, 12))
        expected = next(t for t in range(start, CYCLES) if not busy[t : t + length].any())
        assert line.next_free(start, length) == expected, f"seed {seed}"
        if expected + length < CYCLES - 20:
            line.reserve(expected, expected + length)
            busy[expected : expected + length] = True
    edges = np.flatnonzero(np.diff(np.concatenate([[0], busy.astype(int), [0]])))
    merged = list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
    assert line.intervals() == merged, f"seed {seed}"
    assert line.end == merged[-1][1], f"seed {seed}"


@pytest.mark.parametrize("seed", range(10))
def test_streams_agree_with_a_grid_of_places(seed: int) -> None:
    rng = np.random.default_rng(seed)
    streams = StreamMap()
    taken = np.zeros((2, 6000, 16), dtype=bool)  # stream, slot, position
    for _ in range(40):
        stream, first, length = int(rng.integers(2)), int(rng.integers(0, 300)), int(rng.integers(0, 600))
        west = int(rng.integers(0, 10))
        use = Use(stream, first, first + length, west, west + int(rng.integers(0, 5)))
        busy = taken[stream, first:, use.west : use.east + 1].any(axis=1)
        runs = np.convolve(busy, np.ones(length + 1, dtype=int), mode="valid")
        wait = int(np.flatnonzero(runs == 0)[0])
        assert streams.next_free(use) == wait, f"seed {seed}"
        if wait < 1500:
            streams.reserve(Use(stream, first + wait, first + length + wait, use.west, use.east))
            taken[stream, first + wait : first + length + wait + 1, use.west : use.east + 1] = True


def test_uses_that_touch() -> None:
    use = Use(3, 10, 20, 4, 8)
    assert use.touches(Use(3, 20, 30, 8, 9))
    assert not use.touches(Use(3, 21, 30, 4, 8))
    assert not use.touches(Use(3, 10, 20, 9, 12))
    assert not use.touches(Use(4, 10, 20, 4, 8))
