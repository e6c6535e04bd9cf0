"""The fast engine gives what the reference gives: memory, what is sent, cycles, hazards and faults, on random programs.

``LPU_EMU_RANDOM_PROGRAMS=5000`` runs that many programs of each kind on ``tiny`` and ``crooked``.
"""

from __future__ import annotations

import os

import numpy as np
import pytest

from lpu_emu import reference
from lpu_emu.engine import executor
from lpu_emu.engine.planning.plan import WINDOW_CYCLES
from lpu_emu.errors import FaultError, HazardError
from lpu_emu.program.model import Program
from lpu_emu.program.result import RunResult

from .programs import KINDS, listing, random_inputs, random_program

PROGRAMS = int(os.environ.get("LPU_EMU_RANDOM_PROGRAMS", "40"))
BLOCK = 10
BLOCKS = [
    (chip, first)
    for chip, programs in (("tiny", PROGRAMS), ("crooked", PROGRAMS), ("tsp1", 10))
    for first in range(0, programs, BLOCK)
]
WINDOWS = (1, 7, 64, WINDOW_CYCLES)


def outcome(run: RunResult | Exception) -> str:
    """Return how a run ended."""
    return "values" if isinstance(run, RunResult) else str(run)


def attempt(program: Program, *, window: int = 0, threads: int | None = None) -> RunResult | Exception:
    """Run on the engine with a window, or on the reference without one."""
    inputs = random_inputs(program)
    try:
        if window:
            return executor.run(program, inputs, window=window, threads=threads)
        return reference.run(program, inputs)
    except (FaultError, HazardError) as error:
        return error


def first_difference(found: RunResult, expected: RunResult) -> str:
    """Return the first place in which two results differ, or nothing."""
    if (found.cycles, found.hazards) != (expected.cycles, expected.hazards):
        return (
            f"cycles {found.cycles}, expected {expected.cycles}; hazards {found.hazards}, {expected.hazards}"
        )
    for what in ("memory", "sent", "outputs"):
        one, other = getattr(found, what), getattr(expected, what)
        if list(one) != list(other):
            return f"{what}: {list(one)}, expected {list(other)}"
        for name, array in other.items():
            if not np.array_equal(one[name], array):
                place = np.argwhere(one[name] != array)[0].tolist()
                return f"{what} {name} at {place}: {one[name][tuple(place)]}, expected {array[tuple(place)]}"
    return ""


@pytest.mark.parametrize(("chip", "first"), BLOCKS)
@pytest.mark.parametrize("kind", KINDS)
def test_results_are_those_of_the_reference(kind: str, chip: str, first: int) -> None:
    for seed in range(first, first + BLOCK):
        program = random_program(kind, seed, chip)
        window, threads = WINDOWS[seed % len(WINDOWS)], 1 + seed % 2
        expected = attempt(program)
        found = attempt(program, window=window, threads=threads)
        where = f"{kind} program, seed {seed}, chip {chip}, window {window}, {threads} threads\n{listing(program)}"
        if isinstance(found, HazardError):
            # The engine refuses before it runs; the reference may meet a fault before the first hazard.
            assert isinstance(expected, HazardError | FaultError), where
            continue
        assert outcome(found) == outcome(expected), where
        if isinstance(found, RunResult) and isinstance(expected, RunResult):
            assert first_difference(found, expected) == "", where


@pytest.mark.parametrize("chip", ["tiny", "crooked"])
def test_results_do_not_depend_on_windows_and_threads(chip: str) -> None:
    for seed in range(6):
        program = random_program("planned", seed, chip)
        runs = [attempt(program, window=w, threads=t) for w in (1, 3, 1000) for t in (1, 2)]
        for run in runs[1:]:
            assert outcome(run) == outcome(runs[0]), f"seed {seed}"
            if isinstance(run, RunResult) and isinstance(runs[0], RunResult):
                assert first_difference(run, runs[0]) == "", f"seed {seed}"


def test_a_program_with_hazards_has_no_values() -> None:
    broken = next(p for s in range(100) if hazardous(p := random_program("broken", s)))
    with pytest.raises(HazardError) as caught:
        executor.run(broken, random_inputs(broken))
    result = executor.run(broken, random_inputs(broken), strict=False)
    assert (result.outputs, result.hazards) == ({}, caught.value.hazards)


def hazardous(program: Program) -> bool:
    """Whether the engine refuses a program for its hazards."""
    return isinstance(attempt(program, window=64), HazardError)
