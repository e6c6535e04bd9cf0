"""Analysis and reference say the same about random programs: every hazard and the number of cycles.

``LPU_EMU_RANDOM_PROGRAMS=5000`` runs that many programs of each kind on ``tiny`` and ``crooked``.
"""

from __future__ import annotations

import os

import pytest

from lpu_emu.analysis import analyse
from lpu_emu.program.hazard import ADVICE, Hazard
from lpu_emu.program.model import Program
from lpu_emu.program.validate import require_valid
from lpu_emu.reference import run
from lpu_emu.reference.operation import Operation

from .chips import machine
from .programs import KINDS, listing, random_inputs, random_program

PROGRAMS = int(os.environ.get("LPU_EMU_RANDOM_PROGRAMS", "80"))
BLOCK = 20
BLOCKS = [
    (chip, first)
    for chip, programs in (("tiny", PROGRAMS), ("crooked", PROGRAMS), ("tsp1", 10))
    for first in range(0, programs, BLOCK)
]


@pytest.fixture(autouse=True)
def values_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep runs going when a random value is no address or no bijection: hazards do not depend on values."""
    monkeypatch.setattr(Operation, "fault", lambda self, message: None)


def difference(program: Program, found: tuple[Hazard, ...], expected: tuple[Hazard, ...]) -> str:
    """Return the program and what only one of the two reports."""
    lines = [listing(program)]
    lines += [f"only the analysis:  {h}" for h in found if h not in expected]
    lines += [f"only the reference: {h}" for h in expected if h not in found]
    return "\n".join(lines)


@pytest.mark.parametrize(("chip", "first"), BLOCKS)
@pytest.mark.parametrize("kind", KINDS)
def test_hazards_and_cycles_are_those_of_the_reference(kind: str, chip: str, first: int) -> None:
    last = first + (BLOCK if chip != "tsp1" else 10)
    for seed in range(first, last):
        program = random_program(kind, seed, chip)
        require_valid(program)
        found = analyse(program)
        expected = run(program, random_inputs(program), strict=False)
        where = f"{kind} program, seed {seed}, chip {chip}"
        assert found.hazards == expected.hazards, f"{where}\n" + difference(
            program, found.hazards, expected.hazards
        )
        assert found.cycles == expected.cycles, f"{where}\n{listing(program)}"


def test_random_programs_reach_every_kind_of_hazard() -> None:
    reached = {
        hazard.kind
        for kind in KINDS
        for chip in ("tiny", "crooked")
        for seed in range(60)
        for hazard in analyse(random_program(kind, seed, chip)).hazards
    }
    assert reached == set(ADVICE)


@pytest.mark.parametrize("chip", ["tiny", "crooked", "tsp1"])
def test_planned_programs_are_mostly_free_of_hazards(chip: str) -> None:
    free = sum(not analyse(random_program("planned", seed, chip)).hazards for seed in range(30))
    assert free >= 27


def test_broken_programs_mostly_have_hazards() -> None:
    hazardous = sum(bool(analyse(random_program("broken", seed)).hazards) for seed in range(60))
    assert hazardous >= 45


def test_random_programs_use_every_instruction() -> None:
    used = {
        machine("tiny").isa.by_opcode[opcode].mnemonic
        for kind in KINDS
        for seed in range(60)
        for text in random_program(kind, seed).queues.values()
        for opcode in text.opcodes.tolist()
    }
    assert used == set(machine("tiny").isa.instructions)


def test_a_seed_always_gives_the_same_program() -> None:
    for kind in KINDS:
        assert listing(random_program(kind, 7)) == listing(random_program(kind, 7))
