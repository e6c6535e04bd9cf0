"""The examples in the documentation are programs, and the directives that there are are the ones it lists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from asm.helpers import errors
from lpu_emu.asm import assemble, disassemble
from lpu_emu.asm.directives import DIRECTIVES
from program.compare import same_content

DOCS = Path(__file__).resolve().parents[2] / "docs"
ASSEMBLY = (DOCS / "assembly.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```lpu\n(.*?)```", ASSEMBLY, re.DOTALL)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_examples_assemble(number: int) -> None:
    program = assemble(EXAMPLES[number])
    assert same_content(program, assemble(disassemble(program))) == []


def test_the_first_example_adds() -> None:
    program = assemble(EXAMPLES[0])
    assert program.name == "vector_add"
    assert [len(text) for text in program.queues.values()] == [2, 2, 3, 3]


def test_every_directive_is_described_and_in_the_grammar() -> None:
    described = set(re.findall(r"^\| `(\.[a-z]+)", ASSEMBLY, re.MULTILINE))
    grammar = set(re.findall(r'"(\.[a-z]+)"', ASSEMBLY.split("```ebnf")[1]))
    assert described == grammar == set(DIRECTIVES)


def test_the_error_in_the_text_is_what_the_assembler_says() -> None:
    (found,) = errors(".chip tiny\n.queue vxm.0\n add.int8.sta e0, e1")
    assert str(found) in ASSEMBLY


def test_the_program_file_example_runs() -> None:
    (code,) = re.findall(
        r"```python\n(.*?)```", (DOCS / "program-file.md").read_text(encoding="utf-8"), re.DOTALL
    )
    exec(compile(code, "program-file.md", "exec"), {})


def test_the_datasets_of_program_files_are_described() -> None:
    from lpu_emu.program._parts import ARRAYS, DOCUMENTS

    described = re.findall(
        r"^\| `([a-z]+)` \|", (DOCS / "program-file.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert {*ARRAYS, *DOCUMENTS} <= set(described)
