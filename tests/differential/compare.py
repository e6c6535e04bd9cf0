"""One program on the reference and on the engine: everything that a run gives, and the first place that differs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lpu_emu import reference
from lpu_emu.engine import executor
from lpu_emu.errors import FaultError, HazardError
from lpu_emu.program.model import Program
from lpu_emu.program.result import RunResult

from .programs import listing

Bytes = NDArray[np.uint8]
Outcome = RunResult | FaultError | HazardError


def reference_outcome(program: Program, inputs: Mapping[str, Any]) -> Outcome:
    """Return what the reference gives or raises."""
    try:
        return reference.run(program, inputs)
    except (FaultError, HazardError) as error:
        return error


def engine_outcome(program: Program, inputs: Mapping[str, Any], window: int, threads: int) -> Outcome:
    """Return what the engine gives or raises."""
    try:
        return executor.run(program, inputs, window=window, threads=threads)
    except (FaultError, HazardError) as error:
        return error


def differences(expected: Outcome, found: Outcome) -> Iterator[str]:
    """Yield what differs, the most telling first."""
    if isinstance(expected, RunResult) and isinstance(found, RunResult):
        yield from _results(expected, found)
    elif isinstance(found, HazardError):
        # The engine refuses before it runs; the reference may meet a fault before the first hazard.
        if isinstance(expected, RunResult):
            yield f"the engine refuses: {found}"
        elif isinstance(expected, HazardError) and expected.hazards != found.hazards:
            yield f"hazards {expected.hazards} and {found.hazards}"
    elif type(expected) is not type(found) or str(expected) != str(found):
        yield f"{expected!r} and {found!r}"


def _results(expected: RunResult, found: RunResult) -> Iterator[str]:
    if expected.cycles != found.cycles:
        yield f"cycles {expected.cycles} and {found.cycles}"
    if expected.hazards != found.hazards:
        yield f"hazards {expected.hazards} and {found.hazards}"
    for name, words in expected.memory.items():
        yield from _arrays(f"word {name}", words, found.memory[name])
    for name, values in expected.outputs.items():
        yield from _arrays(f"output {name}", _bytes(values), _bytes(found.outputs[name]))
    if list(expected.sent) != list(found.sent):
        yield f"vectors sent on {list(expected.sent)} and on {list(found.sent)}"
    for name in expected.sent:
        yield from _arrays(
            f"vector sent on {name}", expected.sent[name], found.sent.get(name, expected.sent[name][:0])
        )


def _bytes(values: NDArray[Any]) -> Bytes:
    return (
        np.ascontiguousarray(values).view(np.uint8).reshape(len(values), -1)
        if values.ndim
        else values.view(np.uint8)
    )


def _arrays(what: str, expected: Bytes, found: Bytes) -> Iterator[str]:
    if expected.shape != found.shape:
        yield f"{what}: shape {expected.shape} and {found.shape}"
    elif not np.array_equal(expected, found):
        row, lane, *_ = np.argwhere(expected != found)[0].tolist()
        yield f"{what} {row:#05x} lane {lane}: {expected[row, lane]:#04x} and {found[row, lane]:#04x}"


def writers(program: Program, place: str) -> str:
    """Return the runs that store in the slice of a differing word, with their cycles: where to begin to look."""
    from lpu_emu.analysis import analyse

    analysis, queue = analyse(program), f"mem.{place}"
    if queue not in program.queues:
        return ""
    index = program.machine.queue_by_name[queue].index
    rows = np.flatnonzero(analysis.runs.queue == index)
    runs = analysis.runs
    return "\n".join(
        f"  {queue}[{runs.index[r]}] in cycles {runs.start[r]} + {runs.interval[r]} * 0..{runs.count[r] - 1}"
        for r in rows
    )


def assert_equal(
    program: Program, inputs: Mapping[str, Any], windows: tuple[int, ...], where: str
) -> Outcome:
    """Compare a program on the reference and, with several windows and threads, on the engine."""
    expected = reference_outcome(program, inputs)
    for number, window in enumerate(windows):
        threads = 1 + number % 3
        found = list(differences(expected, engine_outcome(program, inputs, window, threads)))
        if found:
            place = found[0].split()[1] if found[0].startswith("word") else ""
            lines = [f"{where}, window {window}, {threads} threads: reference and engine", *found[:5]]
            raise AssertionError("\n".join([*lines, writers(program, place), listing(program)]))
    return expected
