"""How a text becomes dispatches: gaps, loops, barriers, alignment; and the cycles of a program."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from lpu_emu import timing
from lpu_emu.errors import ProgramError
from lpu_emu.program.text import Issue
from lpu_emu.reference import executor
from lpu_emu.reference.state import State
from lpu_emu.spec.machine import Machine

from .builders import ISA, hazard, hazards_of, make, nop, program, repeat, run, site
from .chips import BOTH, BOTH_NAMES, TINY, TSP1, changed_machine

READ = make("read", address=0, to="e0")
WORD = np.zeros(8, np.uint8)
SYNC, NOTIFY = make("sync"), make("notify")
BARRIER = int(TINY.chip["icu.barrier_cycles"])
SUPERLANES = TINY.chip.superlanes
SEED = 5


def dispatches(machine: Machine, *texts: list[Issue]) -> list[list[int]]:
    """Return, per text, the cycles in which its reads are dispatched: those of the SRAM accesses."""
    queues = {f"mem.W{i}": text for i, text in enumerate(texts)}
    data = {
        (f"W{i}", 0): np.zeros((machine.chip.words_per_bank, machine.chip.lanes), np.uint8) for i in range(4)
    }
    access = machine.timing(ISA["read"])["access"]
    found: list[list[int]] = [[] for _ in texts]

    def observe(state: State) -> None:
        for _, slice_name, _ in state.memory.accesses:
            found[int(slice_name[1:])].append(state.cycle - access)

    executor.run(program(machine, queues, data=data), {}, strict=False, observe=observe)
    return found


@pytest.mark.parametrize("machine", BOTH, ids=BOTH_NAMES)
def test_one_dispatch_per_cycle_from_cycle_0_on(machine: Machine) -> None:
    assert dispatches(machine, [READ, READ, READ]) == [[0, 1, 2]]


@pytest.mark.parametrize("gap", ["nop", "runtime_deskew"])
def test_gaps(gap: str) -> None:
    texts = [make(gap, count=n) for n in (3, 0, 1)]
    if gap == "nop":
        assert dispatches(TINY, [texts[0], READ, texts[1], READ, texts[2], texts[1], READ]) == [[3, 4, 6]]
    queue = {"c2c.W.0": [texts[0], texts[1], texts[2]]}
    assert run(program(TINY, queue)).cycles == 4 + SUPERLANES


def test_the_longest_gap() -> None:
    assert dispatches(TINY, [nop(65535), READ]) == [[65535]]


def test_loops_nest_inside_out() -> None:
    loops = [(2, 3, 1), (1, 10, 5), (2, 30, -4)]
    text = [nop(7), make("read", address=20, to="e0"), *(repeat(*loop) for loop in loops), READ]
    cycles = sorted(
        7 + sum(i * loop[1] for i, loop in zip(index, loops, strict=True))
        for index in itertools.product(*(range(loop[0] + 1) for loop in loops))
    )
    assert dispatches(TINY, text) == [[*cycles, cycles[-1] + 1]]


def test_random_loops_agree_with_the_formula() -> None:
    rng = np.random.default_rng(SEED)
    for _ in range(30):
        loops: list[timing.Loop] = []
        for _ in range(rng.integers(1, 4)):
            span = timing.body_spans(loops)[-1]
            interval = span + int(rng.integers(1, 4))
            loops.append(
                timing.Loop(count=int(rng.integers(0, 3)), interval=interval, stride=int(rng.integers(4)))
            )
        expected = {0: 0}
        for loop in loops:
            expected = {
                cycle + n * loop.interval: address + n * loop.stride
                for cycle, address in expected.items()
                for n in range(loop.count + 1)
            }
        text = [READ, *(repeat(loop.count, loop.interval, loop.stride) for loop in loops), READ]
        [found] = dispatches(TINY, text)
        assert found == [*sorted(expected), max(expected) + 1], f"seed {SEED}"
        assert len(found) == timing.iterations(loops) + 1


def test_loops_move_addresses() -> None:
    words = np.arange(80, dtype=np.uint8).reshape(10, 8)
    queues = {
        "mem.W4": [make("read", address=0, to="e0"), repeat(1, 1, 3), repeat(1, 4, 5)],
        "mem.W5": [nop(1), make("write", data="e0", address=0), repeat(1, 1, 1), repeat(1, 4, 2)],
    }
    result = run(program(TINY, queues, data={("W4", 0): words}))
    assert result.memory["W5"][:4].tolist() == words[[0, 3, 5, 8]].tolist()


def test_a_sync_waits_for_the_barrier() -> None:
    assert dispatches(TINY, [SYNC, READ], [nop(3), NOTIFY, READ]) == [[3 + BARRIER], [4]]


def test_a_notify_that_is_on_its_way_releases_a_later_sync() -> None:
    assert dispatches(TINY, [NOTIFY, READ], [nop(BARRIER - 1), SYNC, READ]) == [[1], [BARRIER]]


def test_a_notify_that_arrives_in_the_cycle_of_the_sync_releases_it_in_the_next() -> None:
    assert dispatches(TINY, [NOTIFY], [nop(BARRIER), SYNC, READ]) == [[], [BARRIER + 1]]


def test_a_notify_that_has_arrived_is_missed() -> None:
    texts = [[NOTIFY, nop(9), NOTIFY], [nop(BARRIER + 1), SYNC, READ]]
    assert dispatches(TINY, *texts) == [[], [10 + BARRIER]]


def test_the_earliest_arrival_counts_and_one_notify_releases_all_queues() -> None:
    texts = [[SYNC, READ, SYNC, READ], [SYNC, NOTIFY, READ], [nop(2), NOTIFY, nop(1), NOTIFY, READ]]
    first, second = 2 + BARRIER, 4 + BARRIER
    assert dispatches(TINY, *texts) == [[first, second], [first + 1], [5]]


def test_a_queue_can_release_itself() -> None:
    assert dispatches(TINY, [NOTIFY, SYNC, READ]) == [[BARRIER]]


def test_a_queue_that_is_never_released() -> None:
    made = program(TINY, {"mem.W0": [NOTIFY], "vxm.3": [nop(BARRIER + 3), SYNC, nop(500), SYNC]})
    park = BARRIER + 3
    assert hazards_of(made) == [hazard("never_notified", "vxm.3", park, site("vxm.3", 1, park))]
    assert executor.run(made, {}, strict=False).cycles == park + 1 + SUPERLANES


@pytest.mark.parametrize(("before", "after"), [(0, 16), (1, 16), (15, 16), (16, 32), (47, 48)])
def test_deskew_goes_on_at_the_next_boundary(before: int, after: int) -> None:
    text = [nop(before), make("deskew"), SYNC] if before else [make("deskew"), SYNC]
    [found] = hazards_of(program(TINY, {"c2c.E.0": text}))
    assert (found.kind, found.cycle) == ("never_notified", after)


def test_control_takes_a_cycle_each() -> None:
    config = make("config", superlanes=2)
    assert dispatches(TINY, [config, READ, NOTIFY, READ]) == [[1, 3]]


def test_ifetch_samples_two_vectors() -> None:
    read = make("read", address=0, to="e1")
    queues = {"mem.W4": [read, repeat(1)], "mem.W5": [nop(1), make("ifetch", stream="e1")]}
    made = program(TINY, queues, data={("W4", 0): WORD})
    assert hazards_of(made) == []
    assert run(made).cycles == 1 + 1 + 1 + SUPERLANES


@pytest.mark.parametrize(
    ("queues", "last"),
    [
        ({}, 0),
        ({"mem.W0": [nop(0)]}, 0),
        ({"mem.W0": [nop(9)]}, 9),
        ({"mem.W0": [READ]}, 2),
        ({"mem.W0": [READ, nop(1)]}, 2),
        ({"mem.W0": [READ, nop(2)]}, 3),
        ({"mem.W0": [READ, repeat(2, 5)]}, 12),
        ({"mem.W0": [SYNC], "mem.W1": [NOTIFY]}, BARRIER),
        ({"sxm.W.permute": [make("permute", width="b1", x="e0", map="e2", to="e4")]}, 7),
        ({"c2c.W.0": [nop(3), make("deskew")]}, 16),
    ],
)
def test_cycles(queues: dict[str, list[Issue]], last: int) -> None:
    made = program(TINY, queues, data={("W0", 0): WORD})
    assert executor.run(made, {}, strict=False).cycles == (last + SUPERLANES if last else 0)


@pytest.mark.parametrize(
    ("dtype", "half", "last"),
    [("int8", "all", 5), ("fp16", "low", 5), ("fp16", "all", 5), ("fp16", "all", 9)],
)
def test_cycles_of_a_wide_issue(dtype: str, half: str, last: int) -> None:
    """A wide issue lasts until its second slot is over, on a chip where that is later than the product."""
    machine = changed_machine({"timing.mxm.interval_wide": 9}) if last == 9 else TINY
    queue = {"mxm.0.activations": [make("abc", dtype=dtype, half=half, x="w0")]}
    assert executor.run(program(machine, queue), {}, strict=False).cycles == last + SUPERLANES


def test_superlanes_cost_their_number_once() -> None:
    made = program(TSP1, {"mem.W0": [READ, nop(8)]}, data={("W0", 0): np.zeros(320, np.uint8)})
    assert run(made).cycles == 9 + 20


def test_max_cycles() -> None:
    short = program(TINY, {"mem.W0": [nop(10)]})
    assert executor.run(short, {}, max_cycles=12).cycles == 12
    with pytest.raises(ProgramError, match="program 'test' takes 12 cycles or more, the limit is 11"):
        executor.run(short, {}, max_cycles=11)


def test_a_program_that_would_not_end_soon_is_stopped() -> None:
    made = program(TINY, {"mem.W0": [READ, repeat(65535, 65535)]}, data={("W0", 0): WORD})
    with pytest.raises(ProgramError, match="the limit is 100000"):
        executor.run(made, {}, max_cycles=100_000)
