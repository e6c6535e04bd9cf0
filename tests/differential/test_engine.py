"""Engine and reference give the same for random programs: outputs, memory, vectors sent, faults, hazards, cycles.

``LPU_EMU_RANDOM_PROGRAMS=5000`` runs that many programs of each kind on ``tiny`` and ``crooked``. Every program runs
with several windows and numbers of threads.
"""

from __future__ import annotations

import os

import numpy as np
import pytest

from lpu_emu.program.result import RunResult

from .compare import assert_equal
from .programs import random_inputs, random_program
from .variations import dimmed

PROGRAMS = int(os.environ.get("LPU_EMU_RANDOM_PROGRAMS", "60"))
BLOCK = 20
KINDS = ("planned", "dimmed", "broken", "soup")
BLOCKS = [
    (kind, chip, first)
    for kind in KINDS
    for chip, programs in (("tiny", PROGRAMS), ("crooked", PROGRAMS))
    for first in range(0, programs, BLOCK)
] + [(kind, "tsp1", 0) for kind in ("planned", "dimmed")]
# The longest plans take some hundred cycles: one window, some, and one for nearly every cycle.
WINDOWS = (256, 40, 3)


@pytest.mark.parametrize(("kind", "chip", "first"), BLOCKS)
def test_engine_equals_reference(kind: str, chip: str, first: int) -> None:
    for seed in range(first, first + (4 if chip == "tsp1" else BLOCK)):
        program = random_program("planned" if kind == "dimmed" else kind, seed, chip)
        if kind == "dimmed":
            program = dimmed(program, np.random.default_rng(seed))
        assert_equal(program, random_inputs(program), WINDOWS, f"{kind} {seed} on {chip}")


def test_most_plans_run_to_their_end() -> None:
    done = [
        isinstance(assert_equal(program, random_inputs(program), (256,), f"planned {seed}"), RunResult)
        for seed in range(40)
        for program in (random_program("planned", seed),)
    ]
    assert sum(done) >= 20
