"""Hazards in words."""

from __future__ import annotations

import pytest

from lpu_emu.analysis import analyse, describe, require_no_hazards
from lpu_emu.errors import HazardError
from lpu_emu.program.model import Program, Source

from .builders import make, nop, program, repeat, section

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
    (hazard,) = analyse(clash).hazards
    x = clash.machine.x_mem("W", 0)
    assert describe(hazard, clash).splitlines() == [
        f"error: double_drive: stream e0 at x={x} in cycle 1",
        "  mem.W0[0], dispatched in cycle 0, clash.lpu:2: read 0x000 -> e0",
        "  mem.W1[0], dispatched in cycle 0, clash.lpu:4: read 0x000 -> e0",
        f"  advice: {hazard.advice}",
    ]


def test_without_a_source_the_mnemonic_stands_for_the_line() -> None:
    (hazard,) = analyse(clashing()).hazards
    assert "  mem.W0[0], dispatched in cycle 0, line 2: read" in describe(hazard, clashing())


def test_repeated_hazards_are_counted() -> None:
    lost = program({"vxm.0": [nop(1), make("copy", x=0), repeat(4)]})
    (hazard,) = analyse(lost).hazards
    assert describe(hazard, lost).splitlines()[0].endswith("in cycle 1, 5 times in all")


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
    assert describe(found.hazards[0], overwritten).startswith("warning: overwritten: ")
