"""Many instructions that do little each: what the emulator costs per instruction."""

from __future__ import annotations

import numpy as np

from lpu_emu.bench.host.score import Score
from lpu_emu.bench.host.workload import (
    CHIP,
    LANES,
    SEED,
    WORDS,
    Bytes,
    Memory,
    Workload,
    count_differing,
    section,
)
from lpu_emu.spec.machine import IMMEDIATE, load_machine

_LINES = 8
_SOURCE_WORDS = 4096
_TARGET = WORDS - _SOURCE_WORDS


def small_instructions(number: int) -> Workload:
    """Return about ``number`` runs of length 1: in eight lines of three queues, read, add a number, write."""
    machine = load_machine(CHIP)
    score = Score(machine)
    rng = np.random.default_rng(SEED)
    words = [rng.integers(0, 256, (_SOURCE_WORDS, LANES)).astype(np.uint8) for _ in range(_LINES)]
    alus = [q.number for q in machine.queues if q.unit == "vxm"][:_LINES]
    steps = number // (3 * _LINES)
    for step in range(steps):
        for line, alu in enumerate(alus):
            _step(score, step, line, alu)
    return Workload(
        name=f"{3 * _LINES * steps} runs of length 1",
        program=score.program("small instructions", [section(f"W{i}", rows) for i, rows in enumerate(words)]),
        work=3 * _LINES * steps,
        unit="instruction",
        goal=2e6,
        differing=lambda memory: _differing(memory, words, steps),
    )


def _address(step: int, line: int) -> int:
    return (step * 977 + 13 * line) % _SOURCE_WORDS


def _step(score: Score, step: int, line: int, alu: int) -> None:
    queue, time = f"vxm.{alu}", 200 + step
    stream = 4 * min(score.machine.reach(alu)) + line % 4
    score.read_for(time, queue, f"mem.W{line}", _address(step, line), stream)
    score.at(time, queue, "add", x=stream, y=IMMEDIATE, immediate=step % 7, to=stream, overflow=1)
    driven = time + score.time("add", "func")
    score.write_from(driven, queue, f"mem.E{line}", _TARGET + step % _SOURCE_WORDS, stream)


def _differing(memory: Memory, words: list[Bytes], steps: int) -> int:
    """Compare the last results of every word with saturating int8 additions."""
    step = np.arange(max(0, steps - _SOURCE_WORDS), steps)
    differing = 0
    for line, rows in enumerate(words):
        source = rows[(step * 977 + 13 * line) % _SOURCE_WORDS].view(np.int8).astype(np.int16)
        expected = np.clip(source + (step % 7)[:, None], -128, 127).astype(np.int8)
        found = memory[f"E{line}"][_TARGET + step % _SOURCE_WORDS].view(np.int8)
        differing += count_differing(found, expected)
    return differing
