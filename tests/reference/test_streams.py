"""Stream registers on their own."""

from __future__ import annotations

import numpy as np

from lpu_emu.reference.audit import Audit
from lpu_emu.reference.streams import NOBODY, StreamRegisters

from .chips import TINY

SEED = 3


def filled(seed: int) -> StreamRegisters:
    """Return registers with random content in some places."""
    rng = np.random.default_rng(seed)
    registers = StreamRegisters(TINY, Audit())
    registers.values[:] = rng.integers(0, 256, registers.values.shape)
    registers.driver[:] = np.where(rng.random(registers.driver.shape) < 0.2, 7, NOBODY)
    registers.driver[:, rng.random(TINY.chip.streams) < 0.5] = NOBODY
    registers.sampled[:] = rng.random(registers.sampled.shape) < 0.5
    return registers


def test_many_cycles_at_once_are_as_many_single_ones() -> None:
    for cycles in (1, 2, TINY.positions - 1, TINY.positions, TINY.positions + 5):
        at_once, one_by_one = filled(SEED), filled(SEED)
        at_once.move(cycles)
        for _ in range(cycles):
            one_by_one.move(1)
        live = at_once.driver != NOBODY
        assert np.array_equal(at_once.driver, one_by_one.driver), f"{cycles} cycles, seed {SEED}"
        assert np.array_equal(at_once.values[live], one_by_one.values[live])
        assert np.array_equal(at_once.sampled[live], one_by_one.sampled[live])


def test_east_and_west_move_apart() -> None:
    registers = StreamRegisters(TINY, Audit())
    word = np.arange(8, dtype=np.uint8)
    registers.drive(0, 3, word[None], 10, 0)
    registers.drive(1, 35, word[None] + 1, 10, 0)
    registers.move(4)
    for x in range(TINY.positions):
        east, here_east = registers.sample(3, 1, x)
        west, here_west = registers.sample(35, 1, x)
        assert (bool(here_east[0]), bool(here_west[0])) == (x == 14, x == 6)
        assert east[0].tolist() == (word * (x == 14)).tolist()
        assert west[0].tolist() == ((word + 1) * (x == 6)).tolist()


def test_a_value_is_gone_after_the_last_position() -> None:
    registers = StreamRegisters(TINY, Audit())
    last = TINY.positions - 1
    registers.drive(0, 0, np.ones((1, 8), np.uint8), last, 0)
    assert (registers.driver != NOBODY).sum() == 1
    registers.move(1)
    assert (registers.driver != NOBODY).sum() == 0
