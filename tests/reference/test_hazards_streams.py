"""Hazards on stream registers: exactly which, where, when, between whom, and how often.

Positions of the tiny chip: SXM W at 2, W4..W7 at 4, W0..W3 at 5, VXM stages 6..13, E0..E3 at 14, E4..E7 at
15, SXM E at 17.
"""

from __future__ import annotations

import numpy as np

from lpu_emu.program.text import Issue
from lpu_emu.spec.machine import IMMEDIATE

from .builders import Bench, Bytes, Texts, at, hazard, hazards_of, make, nop, program, repeat, run, site
from .chips import TINY, changed_machine

WORDS = np.arange(64, dtype=np.uint8).reshape(8, 8)
DATA: dict[tuple[str, int], Bytes] = {(f"{side}{n}", 0): WORDS for side in "WE" for n in range(8)}


def read(stream: str) -> Issue:
    return make("read", address=0, to=stream)


def write(stream: str) -> Issue:
    return make("write", data=stream, address=128)


def found(queues: Texts) -> list[object]:
    """Return the hazards of a program whose slices hold data in their first words."""
    return list(hazards_of(program(TINY, queues, data=DATA)))


# double_drive


def test_two_drives_at_one_place_and_cycle() -> None:
    assert found({"mem.W0": [read("e5")], "mem.W1": [read("e5")]}) == [
        hazard("double_drive", "stream e5 at x=5", 1, site("mem.W0", 0, 0), site("mem.W1", 0, 0))
    ]


def test_of_more_than_two_drives_each_clashes_with_the_next() -> None:
    assert found({f"mem.W{n}": [read("w5")] for n in (0, 1, 3)}) == [
        hazard("double_drive", "stream w5 at x=5", 1, site("mem.W0", 0, 0), site("mem.W1", 0, 0)),
        hazard("double_drive", "stream w5 at x=5", 1, site("mem.W1", 0, 0), site("mem.W3", 0, 0)),
    ]


def test_the_earlier_dispatch_comes_first_whatever_its_queue() -> None:
    """A gather takes a cycle more than a read on this chip."""
    queues = {
        "mem.W4": at(2, read("e1")),
        "mem.W0": at(5, read("e7")),
        "mem.W3": at(4, make("gather", map="e1", base=0, limit=3, to="e7")),
    }
    made = program(TINY, queues, data={**DATA, ("W4", 0): np.zeros(8, np.uint8)})
    assert hazards_of(made) == [
        hazard("double_drive", "stream e7 at x=5", 6, site("mem.W3", 1, 4), site("mem.W0", 1, 5))
    ]


def test_the_same_cycle_elsewhere_and_the_same_place_earlier_are_no_clash() -> None:
    queues = {"mem.W0": [read("e5")], "mem.W4": [read("e5")], "mem.W1": at(1, read("e5"))}
    assert [h.kind for h in hazards_of(program(TINY, queues, data=DATA))] == ["overwritten"]
    queues = {"mem.W0": [read("e5")], "mem.W4": [read("e5")], "mem.W1": at(2, read("e5"))}
    assert found(queues) == []


def test_occurrences_between_two_instructions_are_counted() -> None:
    queues = {"mem.W0": [nop(3), read("e5"), repeat(4, 2)], "mem.W1": [nop(1), read("e5"), repeat(9)]}
    # Dispatches at 3, 5, 7, 9, 11 against those of every cycle from 1 to 10.
    assert found(queues) == [
        hazard("double_drive", "stream e5 at x=5", 4, site("mem.W0", 1, 3), site("mem.W1", 1, 3), count=4)
    ]


def test_the_lowest_stream_stands_for_a_group() -> None:
    wide = make("copy", dtype="fp32", x=IMMEDIATE, immediate=1, to="w8")
    assert found({"vxm.0": [wide], "vxm.4": [wide]}) == [
        hazard("double_drive", "stream w8 at x=6", 3, site("vxm.0", 0, 0), site("vxm.4", 0, 0), count=4)
    ]


# undriven and unmet


def test_nothing_was_driven() -> None:
    assert found({"mem.W1": at(4, write("e3"))}) == [
        hazard("undriven", "stream e3 at x=5", 4, site("mem.W1", 1, 4))
    ]


def test_a_value_is_there_for_one_cycle_and_in_one_direction() -> None:
    for wrong in (2, 4):
        assert [
            h.kind
            for h in hazards_of(
                program(TINY, {"mem.W4": at(1, read("e3")), "mem.W1": at(wrong, write("e3"))}, data=DATA)
            )
        ] == ["undriven"]
    assert found({"mem.W4": at(1, read("e3")), "mem.W1": at(3, write("e3"))}) == []
    assert found({"mem.W1": at(1, read("e3")), "mem.W4": at(3, write("e3"))}) == [
        hazard("undriven", "stream e3 at x=4", 3, site("mem.W4", 1, 3))
    ]


def test_undriven_names_the_first_stream_of_the_first_operand() -> None:
    add = make("add", dtype="int32", x="w4", y="e8", to="e12")
    assert found({"vxm.0": at(2, add)}) == [hazard("undriven", "stream w4 at x=7", 2, site("vxm.0", 1, 2))]


def test_undriven_permute_names_x_though_its_map_is_sampled_earlier() -> None:
    item = make("permute", width="b2", x="e4", map="e2", to="e0")
    assert found({"sxm.E.permute": at(2, item)}) == [
        hazard("undriven", "stream e4 at x=17", 4, site("sxm.E.permute", 1, 2))
    ]


def test_unmet_names_the_first_stream_that_is_missing() -> None:
    item = make("permute", width="b2", x="e4", map="e2", to="e0")
    here = {"mem.E4": at(5, read("e4")), "mem.E5": at(5, read("e3")), "sxm.E.permute": at(6, item)}
    # x arrives in 8 on e4 only, the map in 8 instead of 6.
    assert found(here) == [hazard("unmet", "stream e5 at x=17", 8, site("sxm.E.permute", 1, 6))]


def test_unmet_of_the_second_operand() -> None:
    add = make("add", dtype="int8", x="e0", y="e1", to="e2")
    assert found({"mem.W0": at(5, read("e0")), "vxm.0": at(7, add)}) == [
        hazard("unmet", "stream e1 at x=6", 7, site("vxm.0", 1, 7))
    ]


def test_unmet_second_vector_of_an_ifetch() -> None:
    queues = {"mem.W0": at(5, read("e0")), "vxm.0": at(7, make("ifetch", stream="e0"))}
    assert found(queues) == [hazard("unmet", "stream e0 at x=6", 8, site("vxm.0", 1, 7))]
    assert found({"vxm.0": at(7, make("ifetch", stream="e0"))}) == [
        hazard("undriven", "stream e0 at x=6", 7, site("vxm.0", 1, 7))
    ]


def test_each_dispatch_of_a_loop_is_judged_for_itself() -> None:
    queues = {
        "mem.W0": at(5, read("e0"), repeat(3, 2)),
        "vxm.0": at(6, make("copy", dtype="int8", x="e0", to="e1"), repeat(4)),
    }
    # Values pass in 7, 9, 11 and 13.
    assert found(queues) == [hazard("undriven", "stream e0 at x=6", 6, site("vxm.0", 1, 6), count=3)]


def test_a_dispatch_without_operands_drives_all_the_same() -> None:
    queues = {
        "vxm.0": at(2, make("copy", dtype="int8", x="e0", to="e1")),
        "mem.E0": at(12, write("e1")),
    }
    made = program(TINY, queues, data=DATA)
    assert hazards_of(made) == [hazard("undriven", "stream e0 at x=6", 2, site("vxm.0", 1, 2))]


# overwritten


def test_a_value_that_nobody_took_is_overwritten() -> None:
    queues = {"mem.W4": [read("e0")], "mem.W0": at(1, read("e0"))}
    expected = hazard("overwritten", "stream e0 at x=5", 2, site("mem.W4", 0, 0), site("mem.W0", 1, 1))
    assert found(queues) == [expected]
    assert expected.is_warning
    assert run(program(TINY, queues, data=DATA)).hazards == (expected,)


def test_a_sample_at_the_place_of_the_first_drive_counts_and_at_the_second_does_not() -> None:
    queues = {"mem.W4": [read("e0")], "mem.W0": at(1, read("e0"))}
    assert found({**queues, "mem.W5": at(1, write("e0"))}) == []
    assert [
        h.kind for h in hazards_of(program(TINY, {**queues, "mem.W1": at(2, write("e0"))}, data=DATA))
    ] == ["overwritten"]


def test_each_drive_is_judged_against_the_next_one_only() -> None:
    queues = {
        "mem.W4": [read("e0")],
        "mem.W0": at(1, read("e0")),
        "mem.E0": at(10, read("e0")),
        "mem.W1": at(2, write("e0")),
    }
    assert found(queues) == [
        hazard("overwritten", "stream e0 at x=5", 2, site("mem.W4", 0, 0), site("mem.W0", 1, 1))
    ]


def test_of_a_double_drive_only_the_last_can_be_overwritten() -> None:
    queues = {
        "mem.W4": [read("e0")],
        "mem.W5": [read("e0")],
        "mem.W0": at(1, read("e0")),
        "mem.W1": at(1, read("e0")),
    }
    assert found(queues) == [
        hazard("double_drive", "stream e0 at x=4", 1, site("mem.W4", 0, 0), site("mem.W5", 0, 0)),
        hazard("double_drive", "stream e0 at x=5", 2, site("mem.W0", 1, 1), site("mem.W1", 1, 1)),
        hazard("overwritten", "stream e0 at x=5", 2, site("mem.W5", 0, 0), site("mem.W0", 1, 1)),
    ]


def test_the_overwriter_comes_first_when_it_was_dispatched_earlier() -> None:
    bench = Bench(TINY)
    for n in range(8):
        bench.data[f"W{n}", 60] = WORDS[0]
    item = make("permute", width="b1", x="w0", map="w2", to="w6")
    bench.do("sxm.W.permute", 30, item)
    bench.feed(32, WORDS[:1], "sxm.W.permute", 32)
    bench.feed(34, np.stack([np.arange(8), np.zeros(8)]).astype(np.uint8), "sxm.W.permute", 30)
    # The permute drives in 36 at x=2; a word read at x=4 in 33 passes there in 36.
    bench.do("mem.W7", 33, make("read", address=60, to="w6"))
    made = bench.program()
    index = len(made.queues["mem.W7"]) - 1
    assert hazards_of(made) == [
        hazard("overwritten", "stream w6 at x=2", 36, site("sxm.W.permute", 1, 30), site("mem.W7", index, 33))
    ]


# The edge


def test_unused_values_fall_off_the_edge() -> None:
    queues = {
        "mem.W0": [read("e0"), repeat(5, stride=1), read("w0")],
        "mem.E3": at(3, read("w9"), read("e9")),
    }
    result = run(program(TINY, queues, data=DATA))
    assert result.hazards == ()
    assert result.cycles == 7 + 1 + TINY.chip.superlanes


def test_long_quiet_times_are_steps_like_any_other() -> None:
    """A value that flies for many cycles in which nothing happens arrives where it must."""
    machine = changed_machine({"distance.vxm_to_mem": 60})
    hops = machine.x_mem("E", 7) - machine.x_mem("W", 7)
    queues = {"mem.W7": [read("e0")], "mem.E7": at(1 + hops, write("e0"))}
    result = run(program(machine, queues, data=DATA))
    assert result.hazards == ()
    assert result.memory["E7"][128].tolist() == WORDS[0].tolist()
