"""Scripts and the lab: schedules that are off by a cycle are refused, and wrong values are noticed."""

from __future__ import annotations

import numpy as np
import pytest

from lpu_emu.bench.micro import lanes, matrix, memory, vector
from lpu_emu.bench.micro.lab import Lab, MeasurementError
from lpu_emu.bench.micro.script import CATCH, FEED, Script, each, stream
from lpu_emu.errors import HazardError, UsageError
from lpu_emu.spec.machine import EAST, WEST, load_machine

TINY = load_machine("tiny")
LANES = TINY.chip.lanes


def copying(late: int = 0, expected: int = 7) -> Script:
    """Return a program that sends a word of sevens from slice W0 through ALU 0 to memory, written ``late`` cycles late."""
    script = Script(TINY, "copying")
    copy = "copy.uint8.mod e0 -> e1"
    script.feed("vxm.0", stream(EAST, 0), 0, np.full((1, LANES), 7, np.uint8))
    script.issue("vxm.0", 0, copy)
    words = np.full((1, LANES), expected, np.uint8)
    script.catch("vxm.0", stream(EAST, 1), script.time(copy, "func") + late, words=words)
    return script


def test_a_right_schedule_is_run() -> None:
    trial = Lab(TINY).trial(copying())
    assert trial.first("vxm.0") == 2
    # The read, a hop, 3 cycles in the ALU, 7 hops to E0, the write, and one more cycle for each superlane.
    assert trial.cycles == 1 + 1 + 3 + 7 + 1 + 1 + TINY.chip.superlanes


@pytest.mark.parametrize("late", [-1, 1])
def test_a_cycle_off_is_refused(late: int) -> None:
    with pytest.raises(HazardError, match=r"benchmark copying: undriven at stream e1"):
        Lab(TINY).trial(copying(late))
    assert not Lab(TINY).legal(copying(late))
    assert Lab(TINY).refusals(copying(late)) == ["undriven"]


def test_wrong_values_are_noticed_unless_nothing_is_run() -> None:
    with pytest.raises(MeasurementError, match="copying: 8 bytes from E0:128 on differ"):
        Lab(TINY).trial(copying(expected=8))
    assert Lab(TINY, values=False).trial(copying(expected=8)).cycles


def test_the_smallest_legal_number_is_found_one_by_one_and_by_halving() -> None:
    lab = Lab(TINY)
    for limit in (1, 5, 8, 9, 37, 100):
        assert lab.smallest(lambda n, limit=limit: copying(0 if n >= limit else 1)) == limit  # type: ignore[misc]
    with pytest.raises(MeasurementError, match="no legal program for 1 to"):
        lab.smallest(lambda _n: copying(1), last=40)


def test_one_cycle_less_than_a_measured_gap_is_a_hazard() -> None:
    lab = Lab(TINY, values=False)
    installed = int(matrix.install_latency(lab).value)
    assert lab.legal(matrix.single(lab, installed))
    assert lab.refusals(matrix.single(lab, installed - 1)) == ["install_busy"]
    ready = int(matrix.buffer_latency(lab).value)
    assert lab.refusals(matrix.buffered(lab, ready - 1, 8)) == ["load_in_flight"]


def test_a_gap_may_not_be_too_short_for_memory() -> None:
    lab = Lab(TINY, values=False)
    gap = int(memory.scatter_latency(lab).value)
    assert lab.legal(memory.scattering(lab, 1, 1, gap))
    assert lab.refusals(memory.scattering(lab, 1, 1, gap - 1)) == ["bank_conflict"]


def test_slices_are_taken_nearest_first_and_not_twice_at_a_time() -> None:
    script = Script(TINY, "slices")
    word = np.zeros((4, LANES), np.uint8)
    places = [script.feed("vxm.0", stream(EAST, n), 0, word) for n in range(3)]
    assert places == ["W0", "W1", "W2"]
    assert script.feed("vxm.0", stream(EAST, 0), 40, word) == "W0"
    assert script.unused("vxm.0", stream(EAST, 0), FEED) == "W3"
    assert [name for _, name in script.slices("vxm.0", stream(WEST, 0), CATCH)][:2] == ["W0", "W1"]
    for _ in range(5):
        script.feed("vxm.0", stream(EAST, 5), 0, word)
    with pytest.raises(UsageError, match="no free memory slice for e5 of vxm"):
        script.feed("vxm.0", stream(EAST, 5), 0, word)


def test_text_begins_in_cycle_0_and_holds_repeats() -> None:
    script = Script(TINY, "text")
    script.issue("vxm.0", -3, "copy.int8.mod #1 -> latch", each(4, 2))
    script.follow("vxm.0", "nop 5")
    assert script.text().splitlines()[2:] == [
        ".queue vxm.0", "@0 copy.int8.mod #1 -> latch", "    repeat 3, 2, 0", "nop 5",
    ]  # fmt: skip


def test_means_over_places_have_bounds() -> None:
    found = vector.far_write(Lab(TINY))
    assert (found.low, found.value, found.high) == (5, 8, 11)
    permuted = lanes.permute_path(Lab(TINY))
    assert (permuted.low, permuted.high) == (11, 13)
