"""Engine and reference give the same for random programs: outputs, memory, vectors sent, faults, hazards, cycles.

``LPU_EMU_RANDOM_PROGRAMS=5000`` runs that many programs of each kind on ``tiny`` and ``crooked``. Every program runs
with several windows and numbers of threads.
"""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from lpu_emu.engine.planning import plan
from lpu_emu.program.model import Program
from lpu_emu.program.result import RunResult

from .chips import machine
from .circles import circular
from .compare import assert_equal
from .programs import random_inputs, random_program
from .variations import dimmed

PROGRAMS = int(os.environ.get("LPU_EMU_RANDOM_PROGRAMS", "40"))
BLOCK = 10
BLOCKS = [
    (kind, chip, first)
    for kind in ("planned", "dimmed", "circular", "dimmed circular", "broken")
    for chip in ("tiny", "crooked")
    for first in range(0, PROGRAMS, BLOCK)
]
# Plans take some hundred cycles: one window, some, and one for nearly every cycle.
WINDOWS = (256, 40, 3)


def program_of(kind: str, seed: int, chip: str) -> Program:
    """Return a random program by kind and seed."""
    if kind.endswith("circular"):
        program = circular(machine(chip), seed)
    else:
        program = random_program("broken" if kind == "broken" else "planned", seed, chip)
    return dimmed(program, np.random.default_rng(seed)) if kind.startswith("dimmed") else program


@pytest.mark.parametrize(("kind", "chip", "first"), BLOCKS)
def test_engine_equals_reference(kind: str, chip: str, first: int) -> None:
    for seed in range(first, first + BLOCK):
        program = program_of(kind, seed, chip)
        assert_equal(program, random_inputs(program), WINDOWS, f"{kind} {seed} on {chip}")


@pytest.mark.parametrize("kind", ["planned", "circular"])
def test_most_plans_run_to_their_end(kind: str) -> None:
    programs = [program_of(kind, seed, "tiny") for seed in range(40)]
    ended = [isinstance(assert_equal(p, random_inputs(p), (256,), p.name), RunResult) for p in programs]
    assert sum(ended) >= 20


def test_results_do_not_depend_on_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    # Long plans on a chip of 320 lanes have steps that are worth sharing; let even short programs have a team.
    monkeypatch.setattr(plan, "_WORTH_SHARING", 0)
    for seed in range(12):
        program = circular(machine("tsp1"), seed)
        assert_equal(program, random_inputs(program), (256, 256, 64), f"circular {seed} on tsp1")


def test_the_same_sources_run_as_plain_python() -> None:
    command = [sys.executable, "-m", "pytest", __file__, "-q", "-n", "0", "-k", "equals and tiny-0"]
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stdout[-4000:]
