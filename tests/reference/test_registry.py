"""Every instruction of the ISA has a meaning, and nothing else has."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import lpu_emu.reference
from lpu_emu.errors import SpecError
from lpu_emu.reference import stepper
from lpu_emu.reference.registry import DEFINITIONS, defines

from .builders import ISA

SEMANTICS = Path(lpu_emu.reference.__file__).parent / "semantics"
LONGEST_DEFINITION_LINES = 15


def test_every_instruction_is_defined_and_no_other() -> None:
    assert stepper.semantics is not None
    assert set(DEFINITIONS) == set(ISA.instructions)


def test_an_instruction_cannot_be_defined_twice() -> None:
    with pytest.raises(SpecError, match="nop: defined twice"):
        defines("nop")(lambda op: None)


@pytest.mark.parametrize("path", sorted(SEMANTICS.glob("*.py")), ids=lambda path: path.stem)
def test_definitions_are_short(path: Path) -> None:
    functions = [
        n for n in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(n, ast.FunctionDef)
    ]
    lengths = {f.name: (f.end_lineno or 0) - f.lineno + 1 for f in functions}
    assert {name: n for name, n in lengths.items() if n > LONGEST_DEFINITION_LINES} == {}


def test_the_reference_knows_neither_analysis_nor_engine_nor_assembler() -> None:
    for path in SEMANTICS.parent.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        for name in ("lpu_emu.analysis", "lpu_emu.engine", "lpu_emu.asm", "numba"):
            assert name not in text, f"{path.name} mentions {name}"
