"""Parts of the planner by themselves: places in the pool, the order of pieces, threads at the board."""

from __future__ import annotations

import numpy as np
import pytest

from lpu_emu.engine import columns as c
from lpu_emu.engine.planning.order import sequence_of
from lpu_emu.engine.planning.pool import place, unit_of
from lpu_emu.engine.team import team_size

SEED = 11


@pytest.mark.parametrize("lanes", [8, 12, 320])
def test_units_are_whole_rows_and_whole_cache_lines(lanes: int) -> None:
    assert unit_of(lanes) % lanes == unit_of(lanes) % 64 == 0


def test_what_lives_together_has_places_of_its_own() -> None:
    rng = np.random.default_rng(SEED)
    for case in range(30):
        number = int(rng.integers(1, 60))
        size = rng.integers(0, 9, number) * 32
        birth = rng.integers(0, 20, number)
        death = birth + rng.integers(0, 6, number)
        offset, total = place(size, birth, death, 64)
        for i in range(number):
            assert offset[i] % 64 == 0
            assert offset[i] + size[i] <= total
            for j in range(i):
                together = birth[i] <= death[j] and birth[j] <= death[i]
                apart = offset[i] + size[i] <= offset[j] or offset[j] + size[j] <= offset[i]
                assert apart or not together or not size[i] or not size[j], f"case {case} of seed {SEED}"


def test_places_are_used_again() -> None:
    one = np.ones(100, dtype=np.int64)
    when = np.arange(100)
    _, total = place(64 * one, when, when + 1, 64)
    assert total == 2 * 64


def pieces_in(windows: list[int]) -> np.ndarray:
    table = np.zeros((len(windows), c.PIECE_COLUMNS), dtype=np.int64)
    table[:, c.WINDOW] = windows
    return table


def test_order_keeps_waits_and_windows() -> None:
    pieces = pieces_in([1, 0, 0, 1, 0])
    order, circles = sequence_of(pieces, np.array([2, 4, 3]), np.array([1, 2, 0]))
    places = {int(p): i for i, p in enumerate(order)}
    assert len(circles) == 0
    assert places[4] < places[2] < places[1] < places[3] < places[0]


def test_circles_are_found_without_what_hangs_on_them() -> None:
    pieces = pieces_in([0] * 6)
    before, after = np.array([0, 1, 2, 1, 5]), np.array([1, 2, 1, 3, 0])
    order, circles = sequence_of(pieces, before, after)
    assert circles.tolist() == [1, 2]
    assert set(order.tolist()) == {0, 4, 5}


def test_team_size_is_bounded_and_at_least_one() -> None:
    assert team_size(0) == team_size(1) == 1
    assert team_size(1000) <= 64
    assert team_size(None) >= 1
