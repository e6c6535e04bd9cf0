"""Every cycle in one step, from the ideal to the schedule."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest

from lpu_emu.analysis import analyse
from lpu_emu.program.model import Program
from lpu_emu.report.measure import measure
from lpu_emu.spec.machine import load_machine

from .samples import product, program, vector_add


def losses(of: Program) -> dict[str, float]:
    found = asdict(measure(of, analyse(of)).losses)
    return {name: cycles for name, cycles in found.items() if cycles}


def test_a_sum_has_no_products() -> None:
    """Reads in 0..64, sums in 3..66, writes in 13..76; the last word is there in 77, then 20 superlanes."""
    assert losses(vector_add()) == {"vxm": 64, "mem": 13, "waiting": 1, "superlanes": 20}


def test_a_product_by_hand() -> None:
    """Ten issues in 9..18 on one of four planes; weights in 5 and 8; accumulators in 13..22; reads in 0 and
    3..12; 2 superlanes.

    A plane takes 8 x 8 products a cycle, so 4 planes would do the useful 320 in 1.25 cycles, the issued 640 in 2.5.
    """
    assert losses(product()) == {
        "ideal": 1.25,
        "padding": 1.25,
        "planes_idle": 7.5,
        "weights": 2,
        "accumulate": 4,
        "mem": 5,
        "waiting": 8,
        "superlanes": 2,
    }


@pytest.mark.parametrize("sample", [vector_add(), vector_add(late=3), product(), product(1)])
def test_steps_add_up_to_all_cycles(sample: Program) -> None:
    assert sum(losses(sample).values()) == pytest.approx(analyse(sample).cycles, abs=1e-9)


def test_claims_beyond_what_was_issued_stay_within_the_planes() -> None:
    """Useful products are stated by the source; more than the planes could do is not believed."""
    sample = product()
    sample = replace(sample, operators=tuple(replace(o, macs=10**9) for o in sample.operators))
    found = losses(sample)
    assert found["ideal"] == 10
    assert sum(found.values()) == analyse(sample).cycles


def test_nothing_loses_nothing() -> None:
    assert losses(program(load_machine("tiny"), "empty", {})) == {}
