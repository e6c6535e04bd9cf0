"""Figures against counts by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lpu_emu.analysis import analyse
from lpu_emu.program.model import Program
from lpu_emu.program.text import issue
from lpu_emu.report import json_report
from lpu_emu.report.operators import bound_by
from lpu_emu.spec.machine import load_machine

from .samples import EAST_0, at, product, program, vector_add

KEYS = [
    *("schema", "program", "cycles", "time_us", "units", "memory", "streams", "text", "ops", "queues"),
    *("roofline", "losses", "hazards"),
]


def report(of: Program) -> dict[str, Any]:
    return json_report(of, analyse(of))


def test_vector_add_by_hand() -> None:
    data = report(vector_add())
    assert list(data) == KEYS
    assert data["program"] == {
        "name": "vector_add", "chip": "tsp1", "precision": "", "instructions": 11, "text_bytes": 72,
    }  # fmt: skip
    # The last write is dispatched in 13 + 63 and stores a cycle later; then the other superlanes finish.
    assert data["cycles"] == 13 + 63 + 1 + 1 + 20
    assert data["time_us"] == 98 / 900_000_000 * 1_000_000
    assert data["units"]["vxm"] == {"dispatches": 64, "busy_cycles": 64, "utilization": 64 / (16 * 98)}
    assert data["units"]["mem"] == {"dispatches": 192, "busy_cycles": 77, "utilization": 192 / (88 * 98)}
    assert data["units"]["mxm"] == {"dispatches": 0, "busy_cycles": 0, "utilization": 0.0}
    assert data["units"]["icu"]["dispatches"] == 0
    assert data["memory"] == {
        "sram_bytes_used": 3 * 64 * 320,
        "sram_bytes": 220 << 20,
        "slices_used": 3,
        "slices": 88,
        "read_bytes": 2 * 64 * 320,
        "written_bytes": 64 * 320,
        "bytes_per_cycle": 3 * 64 * 320 / 98,
        "peak_bytes_per_cycle": 3 * 320,
        "limit_bytes_per_cycle": 56_320,
        # From the first write in 13 + 1 on, three times 64 words are live until the last read of b in 63.
        "peak_live_bytes": 3 * 64 * 320,
        "peak_live_cycle": 14,
    }
    assert data["hazards"] == {"errors": 0, "warnings": 0, "kinds": {}}


def test_streams_and_text_by_hand() -> None:
    data = report(vector_add())
    # Sums ride on the slots of b, three slots on: 64 slots of e0, 64 + 2 of e1 (hops and delays differ by 2).
    assert data["streams"] == {
        "peak_live": 2, "peak_live_east": 2, "peak_live_west": 0, "per_direction": 32, "used": 2,
        "slots_driven": 64 + 66,
    }  # fmt: skip
    assert data["text"] == {
        "bytes": 72,
        "bytes_per_cycle": 72 / 98,
        "peak_bytes_per_cycle": 24,  # cycle 3: the addition and its repeat
        "limit_bytes_per_cycle": 144 * 16,
        "queues_used": 4,
        "queues": 144,
        "queue_bytes": 1280,
        "fullest_queue": "vxm.0",
        "fullest_queue_bytes": 4 + 16 + 8,
        "queues_over_capacity": 0,
        "refills": 0,
    }


def test_queues_by_hand() -> None:
    by_name = {queue["name"]: queue for queue in report(vector_add())["queues"]}
    assert list(by_name) == ["mem.W0", "mem.W4", "mem.E0", "vxm.0"]
    assert by_name["mem.E0"] == {
        "name": "mem.E0", "unit": "mem", "dispatches": 64, "first": 13, "last": 76, "utilization": 64 / 98,
        "text_bytes": 16,
    }  # fmt: skip


def test_operators_by_hand() -> None:
    data = report(vector_add(operators=True))
    first, second, third = data["ops"]
    # The addition of dispatch 66 stands on its stream, and in its latch, in cycle 69.
    assert (first["start"], first["end"], first["cycles"], first["added_cycles"]) == (0, 70, 70, 70)
    assert first["loads"] == {"vxm": 64, "mem": 64}
    assert first["bound_by"] == "vxm"
    assert [op["sram_bytes"] for op in data["ops"]] == [2 * 64 * 320, 64 * 320, 0]
    assert (second["start"], second["end"], second["added_cycles"]) == (13, 78, 8)
    assert second["bound_by"] == "mem"
    assert (third["cycles"], third["added_cycles"], third["bound_by"]) == (0, 0, "none")
    assert sum(op["added_cycles"] for op in data["ops"]) + 20 == data["cycles"]


def test_a_product_by_hand() -> None:
    data = report(product(rows=10))
    assert data["hazards"]["errors"] == 0
    load, dense = data["ops"]
    assert load["loads"] == {"weights": 2, "mem": 1}
    assert load["bound_by"] == "latency"
    assert dense["loads"] == {"mxm": 10, "mem": 10}
    # From the first read in 3 to the last accumulation in 22, whose result would leave 6 cycles later.
    assert (dense["start"], dense["end"]) == (3, 22 + 6 + 1)
    assert dense["bound_by"] == "latency"
    assert dense["ideal_cycles"] == 10
    assert data["units"]["mxm"]["busy_cycles"] == 10
    assert data["units"]["mxm"]["utilization"] == 10 / (4 * data["cycles"])
    assert data["units"]["mxm"]["dispatches"] == 22
    assert data["roofline"]["issued_macs"] == 10 * 8 * 8
    assert data["roofline"]["macs"] == 10 * 8 * 4
    assert data["roofline"]["peak_macs_per_cycle"] == 4 * 8 * 8


@pytest.mark.parametrize(
    ("loads", "cycles", "expected"),
    [
        ({}, 0, "none"),
        ({"mem": 5}, 10, "mem"),
        ({"mem": 4}, 10, "latency"),
        ({"mem": 9, "mxm": 9}, 10, "mxm"),
        ({"weights": 9, "mxm": 8}, 10, "weights"),
        ({"mem": 5}, 11, "latency"),
    ],
)
def test_the_rule_of_bound_by(loads: dict[str, int], cycles: int, expected: str) -> None:
    assert bound_by(loads, cycles) == expected


def test_a_long_product_is_bound_by_the_planes() -> None:
    assert report(product(rows=100))["ops"][1]["bound_by"] == "mxm"


def test_an_empty_program_divides_by_nothing() -> None:
    data = report(program(load_machine("tiny"), "empty", {}))
    assert data["cycles"] == 0
    assert data["ops"] == []
    assert data["queues"] == []
    assert data["roofline"]["bound"] == "none"
    assert data["text"]["fullest_queue"] == ""


def test_a_queue_that_only_waits_has_no_first_dispatch() -> None:
    machine = load_machine("tiny")
    data = report(program(machine, "wait", {"mem.W0": at(machine, 7)}))
    assert data["cycles"] == 7 + 2
    assert data["queues"] == [
        {
            "name": "mem.W0",
            "unit": "mem",
            "dispatches": 0,
            "first": None,
            "last": None,
            "utilization": 0.0,
            "text_bytes": 4,
        }
    ]


def test_text_that_does_not_fit_needs_fetches() -> None:
    machine = load_machine("tiny")
    many = [issue(machine.isa, "copy", x=EAST_0, to=EAST_0)] * 81
    data = report(program(machine, "long", {"vxm.0": many, "vxm.1": many[:80]}))["text"]
    # 81 instructions of 16 B are one more than the 1280 B of a queue hold.
    assert (data["fullest_queue"], data["fullest_queue_bytes"]) == ("vxm.0", 1296)
    assert (data["queues_over_capacity"], data["refills"]) == (1, 1)


def test_json_holds_plain_values_and_is_the_same_twice() -> None:
    for sample in (vector_add(), vector_add(operators=True), product()):
        once, twice = (json.dumps(report(sample), allow_nan=False) for _ in range(2))
        assert once == twice
        assert json.loads(once) == report(sample)
