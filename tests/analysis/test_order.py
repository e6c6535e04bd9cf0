"""The latest earlier event, ordinals and close calls, against events written out one by one."""

from __future__ import annotations

import numpy as np
import pytest

from lpu_emu.analysis.history import Walks, last_writes, steps_of, untangled
from lpu_emu.analysis.order import Links, closer_than, last_before, ordinals

from .test_lattice import random_progressions

Seen = dict[tuple[int, int], tuple[int, int] | None]


def written_out(links: Links) -> Seen:
    """Every linked reader element and its writer element; each reader element at most once."""
    seen: Seen = {}
    for row in range(len(links)):
        for j in range(int(links.count[row])):
            reader = (int(links.reader[row]), int(links.first[row] + j * links.step[row]))
            writer = (int(links.writer[row]), int(links.writer_first[row] + j * links.writer_step[row]))
            assert reader not in seen
            seen[reader] = writer if writer[0] >= 0 else None
    return seen


@pytest.mark.parametrize("seed", range(400))
def test_last_before_is_the_latest_earlier_writer(seed: int) -> None:
    p = random_progressions(seed)
    n = len(p.key)
    rng = np.random.default_rng(seed + 1)
    reads, writes = rng.random(n) < 0.6, rng.random(n) < 0.6
    rank = rng.permutation(n)
    events = [
        (int(p.key[i]), int(p.start[i] + k * p.step[i]), int(rank[i]), i, k)
        for i in range(n)
        for k in range(int(p.count[i]))
    ]
    expected: Seen = {}
    last: dict[int, tuple[int, int]] = {}
    for key, _, _, i, k in sorted(events):
        if reads[i]:
            expected[i, k] = last.get(key)
        if writes[i]:
            last[key] = (i, k)
    assert written_out(last_before(p, rank, reads, writes)) == expected, seed


@pytest.mark.parametrize("seed", range(200))
def test_ordinals_count_the_events_of_an_axis(seed: int) -> None:
    p = random_progressions(seed)
    source, numbers, pieces = ordinals(p)
    found = [
        (
            int(numbers.key[row]),
            int(numbers.start[row] + j * numbers.step[row]),
            int(p.start[source[row]] + (pieces.first[row] + j * pieces.step[row]) * p.step[source[row]]),
        )
        for row in range(len(source))
        for j in range(int(numbers.count[row]))
    ]
    times = {key: sorted(t for k, _, t in found if k == key) for key in (0, 1)}
    assert sorted((key, n) for key, n, _ in found) == [
        (k, n) for k in (0, 1) for n in range(len(times[k]))
    ], seed
    assert all(times[key][number] == time for key, number, time in found), seed


@pytest.mark.parametrize("seed", range(100))
def test_closer_than_keeps_the_close_elements(seed: int) -> None:
    p = random_progressions(seed)
    every = np.ones(len(p.key), dtype=bool)
    links = last_before(p, np.arange(len(p.key)), every, every)
    bound = np.random.default_rng(seed).integers(0, 5, len(p.key))
    near = written_out(closer_than(links, p.start, p.step, bound[links.writer] if len(p.key) else bound))

    def time(i: int, k: int) -> int:
        return int(p.start[i] + k * p.step[i])

    expected = {
        reader: writer
        for reader, writer in written_out(links).items()
        if writer and time(*reader) - time(*writer) < bound[writer[0]]
    }
    assert near == expected, seed


def random_walks(seed: int) -> Walks:
    """Reads and writes of a few addresses that cross each other often; no two events coincide."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 8))
    count = np.maximum(rng.integers(-3, 8, n), 1)
    return Walks(
        key=rng.integers(0, 2, n),
        address=rng.integers(20, 30, n),
        stride=rng.choice([0, 0, 1, 1, -1, 2, -2, 3], n).astype(np.int64),
        time=rng.integers(0, 25, n) * n + np.arange(n),
        interval=rng.choice([0, 1, 1, 2, 5], n) * n,
        count=count,
        reads=rng.random(n) < 0.6,
        writes=rng.random(n) < 0.5,
    )


@pytest.mark.parametrize("seed", range(600))
def test_last_writes_follow_each_address_through_time(seed: int) -> None:
    walks = random_walks(seed)
    still = (walks.interval == 0) & (walks.stride == 0)
    walks.count[still] = 1
    events = [
        (
            int(walks.key[i]),
            int(walks.address[i] + k * walks.stride[i]),
            int(walks.time[i] + k * walks.interval[i]),
            i,
            k,
        )
        for i in range(len(walks.key))
        for k in range(int(walks.count[i]))
    ]
    expected: Seen = {}
    last: dict[tuple[int, int], tuple[int, int]] = {}
    for key, address, _, i, k in sorted(events):
        if walks.reads[i]:
            expected[i, k] = last.get((key, address))
        if walks.writes[i]:
            last[key, address] = (i, k)
    found = written_out(last_writes(walks, untangled(walks, steps_of(walks))))
    assert found == expected, seed


@pytest.mark.parametrize("seed", range(100))
def test_closer_than_cuts_links_whose_ends_draw_near_or_apart(seed: int) -> None:
    rng = np.random.default_rng(seed)
    start, interval = rng.integers(0, 20, 10), rng.integers(0, 5, 10)
    links = Links(
        reader=np.arange(5),
        first=rng.integers(0, 4, 5),
        step=rng.integers(1, 4, 5),
        count=rng.integers(1, 9, 5),
        writer=np.arange(5, 10),
        writer_first=rng.integers(0, 4, 5),
        writer_step=rng.integers(-1, 4, 5),
    )
    bound = rng.integers(-5, 20, 10)
    expected = {
        reader: writer
        for reader, writer in written_out(links).items()
        if writer
        and start[reader[0]]
        + reader[1] * interval[reader[0]]
        - start[writer[0]]
        - writer[1] * interval[writer[0]]
        < bound[writer[0]]
    }
    assert written_out(closer_than(links, start, interval, bound[links.writer])) == expected, seed
