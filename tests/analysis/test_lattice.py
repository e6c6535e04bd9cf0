"""Cells, windows and peaks of progressions, against the points written out."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pytest

from lpu_emu.analysis.lattice import Pieces, Progressions, cells, peak, windows

Point = tuple[int, int]


def random_progressions(seed: int) -> Progressions:
    """A few progressions with mixed steps that overlap often."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(0, 12))
    return Progressions(
        key=rng.integers(0, 2, n),
        start=rng.integers(-20, 40, n),
        step=rng.choice([1, 1, 2, 3, 4, 6, 7], n).astype(np.int64),
        count=np.maximum(rng.integers(-6, 14, n), 1),
    )


def points(p: Progressions, i: int) -> list[Point]:
    """All points of a progression as (key, place)."""
    return [(int(p.key[i]), int(p.start[i] + k * p.step[i])) for k in range(int(p.count[i]))]


def points_of_piece(p: Progressions, pieces: Pieces, row: int) -> list[Point]:
    every = points(p, int(pieces.source[row]))
    return [every[int(pieces.first[row] + j * pieces.step[row])] for j in range(int(pieces.count[row]))]


@pytest.mark.parametrize("seed", range(300))
def test_a_cell_is_the_same_set_of_points_for_everyone_in_it(seed: int) -> None:
    p = random_progressions(seed)
    pieces = cells(p)
    owners: dict[Point, set[int]] = defaultdict(set)
    covered: Counter[tuple[int, Point]] = Counter()
    by_cell: dict[int, set[tuple[Point, ...]]] = defaultdict(set)
    for row in range(len(pieces)):
        inside = points_of_piece(p, pieces, row)
        by_cell[int(pieces.cell[row])].add(tuple(inside))
        for point in inside:
            owners[point].add(int(pieces.cell[row]))
            covered[int(pieces.source[row]), point] += 1
    assert all(len(sets) == 1 for sets in by_cell.values()), seed
    assert all(len(numbers) == 1 for numbers in owners.values()), seed
    expected = Counter((i, point) for i in range(len(p.key)) for point in points(p, i))
    assert covered == expected, seed


@pytest.mark.parametrize("seed", range(300))
def test_windows_keep_the_order_of_time(seed: int) -> None:
    p = random_progressions(seed)
    pieces, residue = windows(p)
    rows = [
        ((int(p.key[pieces.source[row]]), int(pieces.cell[row]), j, int(residue[row])), point)
        for row in range(len(pieces))
        for j, point in enumerate(points_of_piece(p, pieces, row))
    ]
    assert [point for _, point in sorted(rows)] == sorted(point for _, point in rows), seed
    assert len(rows) == int(p.count.sum()), seed


@pytest.mark.parametrize("seed", range(100))
def test_the_peak_is_that_of_the_points(seed: int) -> None:
    p = random_progressions(seed)
    weight = np.random.default_rng(seed).integers(1, 4, len(p.key))
    load: Counter[Point] = Counter()
    for i in range(len(p.key)):
        for point in points(p, i):
            load[point] += int(weight[i])
    assert peak(p, weight) == max(load.values(), default=0), seed


def test_pieces_do_not_grow_with_the_length_of_runs() -> None:
    def pieces_of(length: int) -> int:
        return len(
            cells(
                Progressions(
                    key=np.zeros(3, dtype=np.int64),
                    start=np.array([0, 1, 5]),
                    step=np.array([2, 3, 1]),
                    count=np.array([length, length, length]),
                )
            )
        )

    assert pieces_of(60_000) == pieces_of(600) < 60


def test_places_beyond_the_lifting_range_are_ranked() -> None:
    p = Progressions(
        key=np.array([0, 1, 1]),
        start=np.array([0, (1 << 60) + 5, 5]),
        step=np.array([1, 1, 1 << 60]),
        count=np.array([3, 1, 3]),
    )
    assert cells(p).cell.tolist() == [0, 3, 2, 3, 4]
