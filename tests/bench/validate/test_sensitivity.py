"""Sensitivity: which numbers are changed, which rows they can touch, and what comes out."""

from __future__ import annotations

import pytest

from lpu_emu.bench.validate.evaluate import chosen, evaluate, laboratories
from lpu_emu.bench.validate.sensitivity import (
    Change,
    Spread,
    changed,
    changes,
    measure_changed,
    spreads,
    tasks,
    touches,
)
from lpu_emu.errors import SpecError
from lpu_emu.spec.chip import load_chip
from lpu_emu.spec.machine import load_machine

TSP1 = load_machine("tsp1")


def quiet(_name: str, _share: float) -> None:
    """Show no progress."""


def spread_of(*ids: str) -> dict[str, Spread]:
    wanted = chosen(ids)
    labs = laboratories(wanted, values=False)
    return spreads(evaluate(wanted, labs, quiet), labs, quiet, workers=1)


def test_every_choice_is_made_smaller_and_larger() -> None:
    found = changes(load_chip("tsp1"))
    rows = [c.value for c in found if c.key == "mxm.accumulator_rows"]
    assert rows == [410, 614]
    assert [c.value for c in found if c.key == "timing.sxm.skew"] == [1]
    tags = {load_chip("tsp1").facts[c.key].tag for c in found}
    assert tags == {"choice"}


def test_a_changed_chip_has_one_other_number() -> None:
    chip = load_chip("tsp1")
    other = changed(chip, Change(chip="tsp1", key="distance.vxm_to_mem", value=2))
    assert [k for k in chip.facts if chip[k] != other[k]] == ["distance.vxm_to_mem"]
    assert chip["distance.vxm_to_mem"] == 1
    with pytest.raises(SpecError):
        changed(chip, Change(chip="tsp1", key="distance.vxm_to_mem", value=0))
    assert measure_changed((Change(chip="tsp1", key="distance.vxm_to_mem", value=0), ("path.alu",))) == []


@pytest.mark.parametrize(
    ("key", "used", "touched"),
    [
        ("timing.rotate.func", {"read", "rotate"}, True),
        ("timing.rotate.func", {"read", "permute"}, False),
        ("timing.sxm.skew", {"permute"}, False),  # a permute has two skews of its own
        ("timing.sxm.skew", {"transpose"}, True),
        ("timing.mem.access", {"read"}, True),
        ("timing.mem.access", {"write"}, False),
        ("c2c.epoch_cycles", {"read", "send"}, True),
        ("c2c.epoch_cycles", {"read"}, False),
        ("mem.slices", {"copy"}, True),
    ],
)
def test_a_number_touches_programs_that_use_it(key: str, used: set[str], touched: bool) -> None:
    assert touches(key, frozenset(used), TSP1) == touched


def test_schedules_follow_the_changed_chip() -> None:
    found = spread_of("path.alu", "path.transpose", "sram.bandwidth")
    assert (found["path.alu"].low, found["path.alu"].high) == (5, 6)
    assert (found["path.transpose"].low, found["path.transpose"].high) == (48, 51)
    assert found["sram.bandwidth"].effects == ()
    assert found["path.alu"].effects[0].change == Change(chip="tsp1", key="distance.vxm_to_mem", value=2)


def test_rows_without_programs_have_no_tasks() -> None:
    wanted = chosen(("beyond.*", "path.exit"))
    labs = laboratories(wanted, values=False)
    assert tasks(evaluate(wanted, labs, quiet), labs) == []
