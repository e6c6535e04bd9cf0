"""Hazards in words."""

from __future__ import annotations

import pytest

from lpu_emu.analysis import analyse, describe, require_no_hazards, suspect_of
from lpu_emu.errors import HazardError
from lpu_emu.program.model import Program, Source
from lpu_emu.spec.machine import EAST

from .builders import hops_between, make, nop, program, repeat, section

TEXT = """\
.queue mem.W0
    read 0x000 -> e0
.queue mem.W1
    read 0x000 -> e0
    repeat 2, 1, 1
"""


def clashing(source: Source | None = None) -> Program:
    """Two slices at one position drive one stream in the same cycle."""
    return program(
        {
            "mem.W0": [make("read", line=2, address=0, to=0)],
            "mem.W1": [make("read", line=4, address=0, to=0), repeat(2, 1, 1)],
        },
        data=[section("W0"), section("W1")],
        source=source,
    )


def test_a_hazard_names_both_instructions_with_their_source_lines() -> None:
    clash = clashing(Source(name="clash.lpu", text=TEXT))
    found = analyse(clash)
    (hazard,) = found.hazards
    x = clash.machine.x_mem("W", 0)
    assert describe(hazard, found).splitlines() == [
        f"error: double_drive: stream e0 at x={x} in cycle 1",
        "  mem.W0[0], dispatched in cycle 0, clash.lpu:2: read 0x000 -> e0",
        "  mem.W1[0], dispatched in cycle 0, clash.lpu:4: read 0x000 -> e0",
        f"  advice: {hazard.advice}",
    ]


def test_without_a_source_the_mnemonic_stands_for_the_line() -> None:
    found = analyse(clashing())
    (hazard,) = found.hazards
    assert "  mem.W0[0], dispatched in cycle 0, line 2: read" in describe(hazard, found)


def test_repeated_hazards_are_counted() -> None:
    lost = program({"vxm.0": [nop(1), make("copy", x=0), repeat(4)]})
    found = analyse(lost)
    (hazard,) = found.hazards
    assert describe(hazard, found).splitlines()[0].endswith("in cycle 1, 5 times in all")


def test_hazards_are_raised_with_all_of_them_inside() -> None:
    with pytest.raises(HazardError) as caught:
        require_no_hazards(analyse(clashing()))
    assert str(caught.value).startswith(
        "program 'test' breaks the timing rules of chip tiny: 1 hazard\nerror: "
    )
    assert [hazard.kind for hazard in caught.value.hazards] == ["double_drive"]  # type: ignore[attr-defined]


def test_the_message_spells_out_twenty() -> None:
    text = [make("copy", x=i % 4) for i in range(23)]
    with pytest.raises(HazardError, match=r"23 hazards[\s\S]*\.\.\. and 3 more$") as caught:
        require_no_hazards(analyse(program({"vxm.0": text})))
    assert str(caught.value).count("undriven") == 20


def test_warnings_are_no_reason_to_refuse() -> None:
    unused = program(
        {"mxm.0.weights": [make("iw")], "mxm.0.activations": [nop(3), make("abc", x=0)], "mem.W0": []}
    )
    kinds = {hazard.kind for hazard in analyse(unused).hazards}
    assert kinds == {"lost_product", "undriven"}
    overwritten = program(
        {
            "mem.W4": [make("read", address=0, to=0)],
            "mem.W0": [nop(1), make("read", address=0, to=0)],
        },
        data=[section("W0"), section("W4")],
    )
    found = analyse(overwritten)
    assert [hazard.kind for hazard in found.hazards] == ["overwritten"]
    require_no_hazards(found)
    assert describe(found.hazards[0], found).startswith("warning: overwritten: ")


def missed(read_cycle: int) -> Program:
    """A copy samples e0 in cycle 5 at its place; the read that should feed it is dispatched in ``read_cycle``."""
    return program(
        {
            "mem.W0": [nop(read_cycle), make("read", line=2, address=0, to=0)],
            "vxm.0": [nop(5), make("copy", line=4, x=0, to=32)],
        },
        data=[section("W0")],
    )


@pytest.mark.parametrize(
    ("late", "words"), [(1, "1 cycle too late"), (-2, "2 cycles too early"), (7, "7 cycles too late")]
)
def test_a_missing_operand_names_the_dispatch_that_just_misses_it(late: int, words: str) -> None:
    on_time = 5 - 1 - hops_between("mem.W0", "vxm.0", EAST)
    found = analyse(missed(on_time + late))
    (hazard,) = found.hazards
    suspect = suspect_of(hazard, found)
    assert suspect is not None
    assert (suspect.site.queue, suspect.site.index, suspect.late_cycles) == ("mem.W0", 1, late)
    lines = describe(hazard, found).splitlines()
    assert f"  {words}: mem.W0[1], dispatched in cycle {on_time + late}, line 2: read" in lines


def test_the_nearest_iteration_of_a_loop_is_named() -> None:
    reads = [make("read", address=0, to=0), repeat(5, 10)]
    found = analyse(
        program({"mem.W0": reads, "vxm.0": [nop(23), make("copy", x=0, to=32)]}, data=[section("W0")])
    )
    suspect = suspect_of(found.hazards[0], found)
    arrival = 1 + hops_between("mem.W0", "vxm.0", EAST)
    nearest = min((10 * k for k in range(6)), key=lambda t: abs(t + arrival - 23))
    assert suspect is not None
    assert (suspect.site.cycle, suspect.late_cycles) == (nearest, nearest + arrival - 23)


def test_a_stream_that_nobody_drives_has_no_suspect() -> None:
    found = analyse(
        program({"vxm.0": [make("copy", x=0)], "mem.E0": [make("read", to=0)]}, data=[section("E0")])
    )
    assert suspect_of(found.hazards[0], found) is None


def test_only_missing_operands_have_a_suspect() -> None:
    found = analyse(clashing())
    assert suspect_of(found.hazards[0], found) is None
