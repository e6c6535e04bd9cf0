"""Words and their places: no overlaps, no bank crossed, space reused when it is free, reads after writes."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from lpu_emu.compiler.geometry import Geometry
from lpu_emu.compiler.memory.allocator import Memory
from lpu_emu.compiler.memory.words import (
    ACTIVATIONS,
    BEFORE_START,
    MAPS,
    VECTORS,
    WEIGHTS,
    Words,
    WriteRun,
    as_bytes,
)
from lpu_emu.spec.machine import load_machine

TINY = Geometry(load_machine("tiny"))


@pytest.mark.parametrize("seed", range(10))
def test_placed_words_never_overlap_nor_cross_a_bank(seed: int) -> None:
    rng = np.random.default_rng(seed)
    memory, bank = Memory(TINY), TINY.chip.words_per_bank
    live: list[Words] = []
    for step in range(200):
        words = Words(f"w{step}", int(rng.integers(1, 40)), ACTIVATIONS)
        found = memory.find("W3", words.count, 1000 * step)
        if found is None or rng.random() < 0.3:
            if live:
                memory.release(live.pop(int(rng.integers(len(live)))))
            continue
        memory.take(words, "W3", found[0])
        assert words.address // bank == (words.address + words.count - 1) // bank, f"seed {seed}"
        live.append(words)
        spans = sorted((w.address, w.address + w.count) for w in live)
        assert all(a[1] <= b[0] for a, b in pairwise(spans)), f"seed {seed}"
    assert memory.used_words() == sum(w.count for w in live), f"seed {seed}"


def test_released_space_is_free_after_the_last_read_and_not_before_the_program() -> None:
    memory = Memory(TINY)
    blocks = []
    for name in ("a", "b"):  # fill the slice
        words = Words(name, TINY.chip.words_per_bank, ACTIVATIONS)
        found = memory.find("E0", words.count, 0)
        assert found is not None
        memory.take(words, "E0", found[0])
        blocks.append(words)
    assert memory.find("E0", 1, 0) is None
    blocks[0].writes.append(WriteRun(first=0, count=128, cycle=5, interval=1))
    blocks[0].last_read = 400
    memory.release(blocks[0])
    assert memory.find("E0", 10, 0) == (0, 401)
    assert memory.find("E0", 10, BEFORE_START) == (0, 401)  # no place for a constant


def test_used_space_is_taken_before_fresh_space() -> None:
    memory = Memory(TINY)
    words = Words("a", 4, ACTIVATIONS)
    memory.take(words, "W0", 0)
    words.last_read = 20
    memory.release(words)
    assert memory.find("W0", 4, 21) == (0, 21)
    assert memory.find("W0", 4, 20) == (4, BEFORE_START)


def test_zones_prefer_different_slices() -> None:
    memory = Memory(TINY)
    assert memory.order(ACTIVATIONS, "W")[:2] == ["W2", "W3"]
    assert memory.order(WEIGHTS, "E")[:2] == ["E7", "E6"]
    assert memory.order(VECTORS, "E")[:2] == ["E0", "E1"]
    assert memory.order(MAPS, "E")[:2] == ["E1", "E4"]
    memory.take(Words("w", 3, WEIGHTS), "E7", 0)
    assert memory.order(WEIGHTS, "E")[:2] == ["E6", "E5"]
    assert memory.order(ACTIVATIONS, "E")[-2:] == ["E7", "E0"]
    live = Words("a", 1, ACTIVATIONS)
    memory.take(live, "E2", 0)
    assert memory.order(ACTIVATIONS, "E")[0] == "E3"
    assert memory.order(WEIGHTS, "E")[-2:] == ["E2", "E0"]
    memory.release(live)
    assert memory.order(ACTIVATIONS, "E")[0] == "E2"


@pytest.mark.parametrize("seed", range(30))
def test_earliest_read_agrees_with_every_single_word(seed: int) -> None:
    rng = np.random.default_rng(seed)
    words = Words("w", 60, ACTIVATIONS)
    written = dict.fromkeys(range(60), BEFORE_START)
    for first in (0, 20, 40):
        run = WriteRun(
            first=first, count=20, cycle=int(rng.integers(0, 100)), interval=int(rng.integers(1, 4))
        )
        words.writes.append(run)
        written |= {first + k: run.cycle + k * run.interval for k in range(20)}
    step, interval = int(rng.integers(-2, 3)), int(rng.integers(1, 4))
    count = 1 if step == 0 else int(rng.integers(1, 20))
    first = 59 if step < 0 else 0
    expected = max(0, *(written[first + k * step] + 1 - k * interval for k in range(count)))
    assert words.earliest_first_read(first, count, step, interval) == expected, f"seed {seed}"


def test_bytes_lie_low_first() -> None:
    planes = as_bytes(np.array([[0x04030201, -1]], dtype=np.int32))
    assert planes.tolist() == [[[1, 255]], [[2, 255]], [[3, 255]], [[4, 255]]]
