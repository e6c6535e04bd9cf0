"""Queues in time: gaps, loops, barriers, alignment, and programs' cycles."""

from __future__ import annotations

import pytest

from lpu_emu.analysis import analyse
from lpu_emu.program.hazard import Hazard, Site
from lpu_emu.program.text import Issue

from .builders import TINY, make, nop, program, repeat

BARRIER = int(TINY.chip["icu.barrier_cycles"])
EPOCH = int(TINY.chip["c2c.epoch_cycles"])
SUPERLANES = TINY.chip.superlanes
CONFIG = make("config", superlanes=2)


def starts(queues: dict[str, list[Issue]], name: str) -> list[int]:
    """Return the first dispatch of every run of a queue."""
    runs = analyse(program(queues)).runs
    return [
        int(t) for t, q in zip(runs.start, runs.queue, strict=True) if q == TINY.queue_by_name[name].index
    ]


def test_gaps_take_their_cycles() -> None:
    assert starts({"vxm.0": [nop(3), CONFIG, nop(0), CONFIG, nop(2), CONFIG]}, "vxm.0") == [3, 4, 7]


def test_a_runtime_deskew_is_a_gap() -> None:
    assert starts({"c2c.W.0": [make("runtime_deskew", count=5), CONFIG]}, "c2c.W.0") == [5]


def test_a_loop_keeps_its_queue_busy_to_the_last_iteration() -> None:
    read = make("read", address=0, to=0)
    text = [read, repeat(2, 3), repeat(1, 10), CONFIG]
    assert starts({"mem.W0": text}, "mem.W0")[-1] == 2 * 3 + 10 + 1


def test_a_deskew_goes_on_at_the_next_boundary_even_from_a_boundary() -> None:
    text = [make("deskew"), CONFIG, make("deskew"), CONFIG, nop(EPOCH - 1), make("deskew"), CONFIG]
    assert starts({"c2c.W.0": text}, "c2c.W.0") == [EPOCH, 2 * EPOCH, 4 * EPOCH]


@pytest.mark.parametrize("notified_at", [0, 1, 7])
def test_a_sync_goes_on_when_the_notify_arrives(notified_at: int) -> None:
    queues = {"vxm.0": [make("sync"), CONFIG], "vxm.1": [nop(notified_at), make("notify")]}
    assert starts(queues, "vxm.0") == [notified_at + BARRIER]


def test_a_notify_that_arrives_in_the_park_cycle_lets_the_queue_go_on_in_the_next() -> None:
    queues = {"vxm.0": [nop(BARRIER), make("sync"), CONFIG], "vxm.1": [make("notify")]}
    assert starts(queues, "vxm.0") == [BARRIER + 1]


def test_a_notify_that_has_arrived_before_is_gone() -> None:
    queues = {
        "vxm.0": [nop(BARRIER + 1), make("sync"), CONFIG],
        "vxm.1": [make("notify"), nop(20), make("notify")],
    }
    assert starts(queues, "vxm.0") == [21 + BARRIER]


def test_barriers_chain_through_queues() -> None:
    queues = {
        "vxm.0": [make("sync"), CONFIG, make("sync"), CONFIG],
        "vxm.1": [make("notify")],
        "vxm.2": [make("sync"), nop(4), make("notify")],
    }
    second = BARRIER + 4 + BARRIER
    assert starts(queues, "vxm.0") == [BARRIER, second]


def test_a_queue_that_is_never_notified_dispatches_nothing_more() -> None:
    text = [nop(4), make("sync", line=9), make("read", address=0, to=0)]
    found = analyse(program({"mem.W0": text}))
    site = Site(queue="mem.W0", index=1, line=9, cycle=4)
    assert found.hazards == (
        Hazard(kind="never_notified", resource="mem.W0", cycle=4, first=site, second=None),
    )
    assert len(found.runs) == 0
    assert found.cycles == 4 + 1 + SUPERLANES


def test_an_empty_program_takes_no_cycles() -> None:
    assert analyse(program({})).cycles == 0
    assert analyse(program({"vxm.0": [nop(0)]})).cycles == 0


def test_cycles_end_with_the_last_effect_or_the_last_queue() -> None:
    fp16, low = (TINY.isa.kinds[k].values.index(v) for k, v in (("dtype", "fp16"), ("half", "low")))
    timing = TINY.timing(TINY.isa["abc"])
    for half in (0, low):
        found = analyse(program({"mxm.0.activations": [make("abc", dtype=fp16, half=half, x=0)]}))
        assert found.cycles == max(timing["product"], timing["interval_wide"] - 1) + 1 + SUPERLANES
    assert analyse(program({"vxm.0": [CONFIG, nop(30)]})).cycles == 31 + SUPERLANES
