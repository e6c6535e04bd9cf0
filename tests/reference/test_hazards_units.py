"""Hazards of planes, accumulators and latches."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from lpu_emu.program.hazard import Hazard
from lpu_emu.program.text import Issue
from lpu_emu.reference import executor
from lpu_emu.spec.machine import IMMEDIATE, LATCH, Machine

from .builders import hazard, hazards_of, make, program, repeat, site, timeline
from .chips import TINY, changed_machine

IW = make("iw")
ABC = make("abc", dtype="int8", x="w0")
LOAD = make("iw_stream", rows="w0", row_group=0)
TANDEM = make("abc", dtype="fp16", x="w0")
HALF = make("abc", dtype="fp16", half="low", x="w0")
PRODUCT = TINY.timing(ABC.instruction)["product"]
QUIET = ("undriven", "unmet", "lost_product")


def found(queues: Mapping[str, dict[int, Issue]], machine: Machine = TINY) -> list[Hazard]:
    """Return the hazards, without those of the operands and products that these tests do not supply."""
    texts = {name: timeline(items) for name, items in queues.items()}
    return [h for h in hazards_of(program(machine, texts)) if h.kind not in QUIET]


def test_no_weights() -> None:
    assert found({"mxm.2.activations": {4: ABC, 5: ABC}}) == [
        hazard("no_weights", "plane 2", 4, site("mxm.2.activations", 1, 4)),
        hazard("no_weights", "plane 2", 5, site("mxm.2.activations", 2, 5)),
    ]


def test_no_weights_on_either_plane_of_a_tandem() -> None:
    assert found({"mxm.2.activations": {4: TANDEM}}) == [
        hazard("no_weights", "plane 2", 4, site("mxm.2.activations", 1, 4), count=2)
    ]
    assert found({"mxm.2.weights": {0: IW}, "mxm.2.activations": {4: TANDEM}}) == [
        hazard("no_weights", "plane 3", 4, site("mxm.2.activations", 1, 4))
    ]


@pytest.mark.parametrize(("install", "land"), [(IW, 1), (LOAD, 3)])
def test_install_busy_from_dispatch_until_it_has_landed(install: Issue, land: int) -> None:
    queues = {"mxm.1.weights": {6: install}}
    for cycle in range(6, 6 + land):
        assert found({**queues, "mxm.1.activations": {cycle: ABC}}) == [
            hazard(
                "install_busy",
                "plane 1",
                cycle,
                site("mxm.1.weights", 1, 6),
                site("mxm.1.activations", 1, cycle),
            )
        ]
    assert found({**queues, "mxm.1.activations": {6 + land: ABC}}) == []
    assert [h.kind for h in found({**queues, "mxm.1.activations": {5: ABC}})] == ["no_weights"]


def test_install_busy_names_the_latest_install() -> None:
    queues = {"mxm.0.weights": {4: LOAD, 5: LOAD, 6: LOAD}, "mxm.0.activations": {6: ABC}}
    assert found(queues) == [
        hazard("install_busy", "plane 0", 6, site("mxm.0.weights", 3, 6), site("mxm.0.activations", 1, 6))
    ]


def test_install_busy_is_counted_and_so_is_each_plane_of_a_tandem() -> None:
    queues = {
        "mxm.0.weights": {6: LOAD},
        "mxm.1.weights": {7: LOAD},
        "mxm.0.activations": {6: TANDEM, 8: TANDEM},
    }
    # The queue of activations of plane 0 comes before that of the weights of plane 1.
    assert found(queues) == [
        hazard("install_busy", "plane 0", 6, site("mxm.0.weights", 1, 6), site("mxm.0.activations", 1, 6)),
        hazard("no_weights", "plane 1", 6, site("mxm.0.activations", 1, 6)),
        hazard("install_busy", "plane 0", 8, site("mxm.0.weights", 1, 6), site("mxm.0.activations", 3, 8)),
        hazard("install_busy", "plane 1", 8, site("mxm.1.weights", 1, 7), site("mxm.0.activations", 3, 8)),
    ]
    both = {"mxm.0.weights": {0: IW}, "mxm.1.weights": {7: LOAD}, "mxm.0.activations": {7: TANDEM}}
    assert found(both) == [
        hazard("install_busy", "plane 1", 7, site("mxm.0.activations", 1, 7), site("mxm.1.weights", 1, 7))
    ]


@pytest.mark.parametrize("mnemonic", ["lw", "iw_stream"])
def test_load_in_flight(mnemonic: str) -> None:
    load = make(mnemonic, rows="w0", row_group=0)
    for gap in (1, 2):
        assert found({"mxm.0.weights": {5: load, 5 + gap: IW}}) == [
            hazard(
                "load_in_flight",
                "plane 0",
                5 + gap,
                site("mxm.0.weights", 1, 5),
                site("mxm.0.weights", 1 + gap, 5 + gap),
            )
        ]
    assert found({"mxm.0.weights": {5: load, 8: IW}}) == []
    [latest] = found({"mxm.0.weights": {5: load, 6: load, 7: IW}})
    assert latest.first == site("mxm.0.weights", 2, 6)


INSTALLED = {f"mxm.{plane}.weights": {0: IW} for plane in range(4)}


def test_plane_busy() -> None:
    machine = changed_machine({"timing.mxm.interval": 3, "timing.mxm.interval_wide": 5})
    queues = {**INSTALLED, "mxm.1.activations": {5: ABC, 7: ABC, 9: ABC, 12: ABC}}
    assert found(queues, machine) == [
        hazard("plane_busy", "plane 1", 7, site("mxm.1.activations", 1, 5), site("mxm.1.activations", 3, 7)),
        hazard("plane_busy", "plane 1", 9, site("mxm.1.activations", 3, 7), site("mxm.1.activations", 5, 9)),
    ]


def test_wide_issues_take_two_slots_and_halves_one() -> None:
    assert found({**INSTALLED, "mxm.2.activations": {5: HALF, 6: HALF, 7: TANDEM, 9: TANDEM}}) == []
    assert found({**INSTALLED, "mxm.2.activations": {5: TANDEM, 6: HALF, 7: ABC}}) == [
        hazard(
            "plane_busy",
            "plane 2",
            6,
            site("mxm.2.activations", 1, 5),
            site("mxm.2.activations", 2, 6),
            count=2,
        )
    ]


def test_a_tandem_occupies_the_odd_plane_too() -> None:
    queues = {**INSTALLED, "mxm.2.activations": {5: TANDEM}, "mxm.3.activations": {6: ABC}}
    assert found(queues) == [
        hazard("plane_busy", "plane 3", 6, site("mxm.2.activations", 1, 5), site("mxm.3.activations", 1, 6))
    ]
    same = {**INSTALLED, "mxm.2.activations": {5: HALF}, "mxm.3.activations": {5: ABC}}
    assert found(same) == [
        hazard("plane_busy", "plane 3", 5, site("mxm.2.activations", 1, 5), site("mxm.3.activations", 1, 5))
    ]


def test_a_repeated_issue_is_busy_with_itself() -> None:
    texts = {
        "mxm.0.weights": [IW],
        "mxm.1.weights": [IW],
        "mxm.0.activations": [*timeline({4: TANDEM}), repeat(3)],
    }
    hazards = [h for h in hazards_of(program(TINY, texts)) if h.kind not in QUIET]
    assert hazards == [
        hazard(
            "plane_busy",
            "plane 0",
            5,
            site("mxm.0.activations", 1, 4),
            site("mxm.0.activations", 1, 5),
            count=6,
        )
    ]


def set_row(row: int) -> Issue:
    return make("acc", mode="set", row=row)


def add_row(row: int) -> Issue:
    return make("acc", mode="add", row=row)


def test_products_and_accumulations_must_meet() -> None:
    queues = {
        **INSTALLED,
        "mxm.0.activations": {5: ABC, 6: ABC},
        "mxm.0.accumulate": {6 + PRODUCT: set_row(0), 7 + PRODUCT: set_row(1)},
    }
    texts = {name: timeline(items) for name, items in queues.items()}
    kept = [h for h in hazards_of(program(TINY, texts)) if h.kind != "undriven"]
    assert kept == [
        hazard("lost_product", "plane 0", 5 + PRODUCT, site("mxm.0.activations", 1, 5)),
        hazard("no_product", "plane 0", 7 + PRODUCT, site("mxm.0.accumulate", 2, 7 + PRODUCT)),
    ]
    assert kept[0].is_warning


def test_the_product_of_a_tandem_goes_to_the_even_plane() -> None:
    queues = {**INSTALLED, "mxm.2.activations": {5: TANDEM}, "mxm.3.accumulate": {5 + PRODUCT: set_row(0)}}
    texts = {name: timeline(items) for name, items in queues.items()}
    kept = [h for h in hazards_of(program(TINY, texts)) if h.kind != "undriven"]
    assert kept == [
        hazard("lost_product", "plane 2", 5 + PRODUCT, site("mxm.2.activations", 1, 5)),
        hazard("no_product", "plane 3", 5 + PRODUCT, site("mxm.3.accumulate", 1, 5 + PRODUCT)),
    ]


def accumulations(items: dict[int, Issue], machine: Machine = TINY) -> list[Hazard]:
    """Return the hazards of the rows only."""
    return [h for h in found({"mxm.2.accumulate": items}, machine) if h.kind.startswith("row")]


def test_row_unset() -> None:
    read = make("acc_read", row=5, to="e0")
    items = {2: read, 3: set_row(4), 4: add_row(5), 5: read, 6: make("acc_read", row=4, to="e0")}
    assert accumulations(items) == [
        hazard("row_unset", "plane 2 row 5", 2, site("mxm.2.accumulate", 1, 2)),
        hazard("row_unset", "plane 2 row 5", 4, site("mxm.2.accumulate", 3, 4)),
    ]


def test_row_incomplete() -> None:
    machine = changed_machine({"timing.acc.land": 3})
    read = make("acc_read", row=5, to="e0")
    items = {2: set_row(5), 4: add_row(5), 6: read, 7: read, 8: set_row(5), 11: add_row(5)}
    assert accumulations(items, machine) == [
        hazard(
            "row_incomplete",
            "plane 2 row 5",
            4,
            site("mxm.2.accumulate", 1, 2),
            site("mxm.2.accumulate", 3, 4),
        ),
        hazard(
            "row_incomplete",
            "plane 2 row 5",
            6,
            site("mxm.2.accumulate", 3, 4),
            site("mxm.2.accumulate", 5, 6),
        ),
    ]


def test_rows_move_by_stride() -> None:
    texts = {"mxm.2.accumulate": [make("acc_read", row=3, to="e0"), repeat(4, 1, 2)]}
    [unset] = [h for h in hazards_of(program(TINY, texts)) if h.kind == "row_unset"]
    assert unset == hazard("row_unset", "plane 2 row 3", 0, site("mxm.2.accumulate", 0, 0), count=5)


def test_latch_unset_until_the_first_write() -> None:
    fill = make("copy", dtype="int8", x=IMMEDIATE, to=LATCH)
    use = make("copy", dtype="int8", x=LATCH, to="e4")
    assert found({"vxm.3": {4: fill, 6: use, 7: use}, "vxm.2": {9: use}}) == [
        hazard("latch_unset", "vxm.3 latch", 6, site("vxm.3", 3, 6)),
        hazard("latch_unset", "vxm.2 latch", 9, site("vxm.2", 1, 9)),
    ]


def test_each_operand_that_is_the_latch_counts() -> None:
    assert found({"vxm.0": {4: make("add", dtype="int8", x=LATCH, y=LATCH, to="e0")}}) == [
        hazard("latch_unset", "vxm.0 latch", 4, site("vxm.0", 1, 4), count=2)
    ]


def test_an_unset_latch_reads_as_zero() -> None:
    texts = {
        "vxm.0": timeline({4: make("add", dtype="int8", x=LATCH, y=IMMEDIATE, immediate=5, to="e0")}),
        "mem.E0": timeline({14: make("write", data="e0", address=0)}),
    }
    result = executor.run(program(TINY, texts), {}, strict=False)
    assert result.memory["E0"][0].tolist() == np.full(8, 5).tolist()
