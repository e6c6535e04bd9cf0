"""Queue texts say exactly what was scheduled, with the start barrier in front."""

from __future__ import annotations

import numpy as np
import pytest

from lpu_emu import timing
from lpu_emu.compiler.emit.texts import queue_texts, start_cycle
from lpu_emu.compiler.geometry import Geometry
from lpu_emu.compiler.schedule.board import Run
from lpu_emu.program.text import Issue, unpack_text
from lpu_emu.spec.machine import load_machine
from lpu_emu.timing import Loop

TINY = Geometry(load_machine("tiny"))


def dispatches(issues: list[Issue], start: int) -> list[tuple[int, int, int]]:
    """Return (cycle, address, stream) of every dispatch of a queue that is past its barrier at ``start``."""
    found: list[tuple[int, int, int]] = []
    current, i = start, 0
    while i < len(issues):
        mnemonic = issues[i].instruction.mnemonic
        if mnemonic == "nop":
            current += issues[i].arg("count")
            i += 1
            continue
        loops, j = [], i + 1
        while j < len(issues) and issues[j].instruction.mnemonic == "repeat":
            loops.append(timing.loop_from_args(issues[j].instruction, issues[j].args))
            j += 1
        body = [(current, issues[i].arg("address"))]
        for loop in loops:
            body = [
                (t + k * loop.interval, a + k * loop.stride) for k in range(loop.count + 1) for t, a in body
            ]
        found += [(t, a, issues[i].arg("to")) for t, a in body]
        current, i = max(t for t, _ in body) + 1, j
    return sorted(found)


@pytest.mark.parametrize("seed", range(25))
def test_texts_dispatch_what_was_scheduled(seed: int) -> None:
    rng = np.random.default_rng(seed)
    runs, expected, time = [], [], 0
    for _ in range(40):
        time += int(rng.choice([0, 0, 3, 70000 if seed == 0 else 5]))
        loops: tuple[Loop, ...] = ()
        if rng.random() < 0.5:
            loops = (Loop(count=int(rng.integers(1, 4)), interval=int(rng.integers(1, 3)), stride=1),)
        address, stream = int(rng.integers(4)) * 8, int(rng.integers(2))
        run = Run(
            queue="mem.W1",
            time=time,
            mnemonic="read",
            operands={"address": address, "to": stream},
            loops=loops,
            origin=0,
        )
        runs.append(run)
        body = [(time, address)]
        for loop in loops:
            body = [
                (t + k * loop.interval, a + k * loop.stride) for k in range(loop.count + 1) for t, a in body
            ]
        expected += [(start_cycle(TINY.machine) + t, a, stream) for t, a in body]
        time += timing.body_spans(loops)[-1] + 1
    order = rng.permutation(len(runs))
    text = queue_texts(TINY, [runs[i] for i in order])["mem.W1"]
    issues = unpack_text(TINY.isa, text)
    assert [i.instruction.mnemonic for i in issues[:2]] == ["notify", "sync"]
    assert dispatches(issues[2:], start_cycle(TINY.machine)) == sorted(expected), f"seed {seed}"


def test_even_series_become_one_loop() -> None:
    loop = Loop(count=3, interval=1, stride=1)
    runs = [
        Run(
            queue="mem.E0",
            time=20 * i,
            mnemonic="read",
            operands={"address": 4 * i, "to": 3},
            loops=(loop,),
            origin=0,
        )
        for i in range(6)
    ]
    issues = unpack_text(TINY.isa, queue_texts(TINY, runs)["mem.E0"])
    assert [i.instruction.mnemonic for i in issues] == ["notify", "sync", "read", "repeat", "repeat"]
    assert timing.loop_from_args(issues[-1].instruction, issues[-1].args) == Loop(
        count=5, interval=20, stride=4
    )


def test_one_queue_notifies_and_all_wait() -> None:
    runs = [
        Run(queue=q, time=0, mnemonic="read", operands={"address": 0, "to": 0}, loops=(), origin=-1)
        for q in ("mem.E1", "mem.W0", "mem.W2")
    ]
    texts = queue_texts(TINY, runs)
    assert list(texts) == ["mem.W0", "mem.W2", "mem.E1"]
    heads = [[i.instruction.mnemonic for i in unpack_text(TINY.isa, t)] for t in texts.values()]
    assert heads == [["notify", "sync", "read"], ["sync", "read"], ["sync", "read"]]
