"""Text to program to text, with program files in between: nothing is lost or changed."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from lpu_emu.asm import assemble, assemble_file, disassemble
from lpu_emu.program.file import load, save
from lpu_emu.program.model import DataSection, Program
from lpu_emu.program.text import QueueText, issue, pack_text
from lpu_emu.spec.machine import load_machine
from program.compare import same_content
from program.generate import random_program


@pytest.mark.parametrize("seed", range(10))
def test_programs_survive_as_text_and_as_files(seed: int, tmp_path: Path) -> None:
    program = random_program(seed)
    text = disassemble(program)
    again = assemble(text, filename="again.lpu")
    assert same_content(program, again) == [], f"seed {seed}"
    assert disassemble(again) == text, f"seed {seed}"
    save(program, tmp_path / "p.h5")
    assert disassemble(load(tmp_path / "p.h5")) == text, f"seed {seed}"


@pytest.mark.parametrize("chip", ["tsp1", "lp30"])
def test_large_chips(chip: str) -> None:
    program = random_program(7, chip, per_queue=6)
    text = disassemble(program)
    assert same_content(program, assemble(text)) == []


def test_all_instructions_are_among_them() -> None:
    isa = load_machine("tiny").isa
    seen = {
        o
        for seed in range(20)
        for text in random_program(seed).queues.values()
        for o in text.opcodes.tolist()
    }
    assert seen == set(isa.by_opcode)


def test_text_of_a_file_keeps_name_and_lines(tmp_path: Path) -> None:
    path = tmp_path / "copy.lpu"
    text = "; copies a word\n.chip tiny\n.queue mem.W3\n\n    read 3 -> e5 ; here\n@7 read 4 -> e5\n"
    path.write_text(text, encoding="utf-8")
    program = assemble_file(path)
    assert (program.name, program.source.name, program.source.text) == ("copy", str(path), text)
    assert program.queues["mem.W3"].lines.tolist() == [5, 6, 6]
    assert program.queues["mem.W3"].origins.tolist() == [-1, -1, -1]


def test_line_ends_and_byte_order_marks_do_not_matter() -> None:
    text = ".chip tiny\n.program p\n.queue mem.W3\n\tread 3 -> e5\n"
    plain = assemble(text)
    assert same_content(plain, assemble("\ufeff" + text.replace("\n", "\r\n"))) == []


def test_large_data_is_written_in_hexadecimal() -> None:
    words = np.arange(80, dtype=np.uint8).reshape(10, 8)
    section = DataSection(name="table", slice="E2", address=16, words=words, step=3)
    program = Program(name="p", machine=load_machine("tiny"), queues={}, data=(section,))
    text = disassemble(program)
    assert text.splitlines()[3:6] == [
        ".words table at E2:0x010 step 3",
        "    0001020304050607",
        "    08090a0b0c0d0e0f",
    ]
    assert same_content(program, assemble(text)) == []


def test_empty_data_survives() -> None:
    section = DataSection(name="none", slice="E2", address=16, words=np.zeros((0, 8), dtype=np.uint8))
    program = Program(name="p", machine=load_machine("tiny"), queues={}, data=(section,))
    assert same_content(program, assemble(disassemble(program))) == []


@pytest.mark.parametrize(
    "name", ["", "a b", "ä", '"', "\\", "\ud800", "a\nb", "#", "a;b", "0x1", "-", "->", "none", "at"]
)
def test_any_name_survives(name: str) -> None:
    program = dataclasses.replace(random_program(0), name=name, attributes={name: name})
    text = disassemble(program)
    assert same_content(program, assemble(text)) == []
    assert disassemble(assemble(text)) == text


def test_cycles_stand_beside_the_instructions() -> None:
    machine = load_machine("tiny")
    isa = machine.isa
    issues = [
        issue(isa, "read", address=3, to=5),
        issue(isa, "repeat", count=3, interval=2, stride=1),
        issue(isa, "repeat", count=1, interval=10, stride=1),
        issue(isa, "nop", count=4),
        issue(isa, "notify"),
        issue(isa, "sync"),
        issue(isa, "nop", count=2),
        issue(isa, "read", address=3, to=5),
    ]
    text = disassemble(Program(name="p", machine=machine, queues={"mem.W0": pack_text(isa, issues)}))
    lines = [line.split() for line in text.split(".queue mem.W0\n")[1].splitlines()]
    assert [line[line.index(";") + 1] if ";" in line else "" for line in lines] == [
        "0", "", "", "17", "21", "22", "+0", "+2",
    ]  # fmt: skip


def test_what_has_no_text_form_is_refused_by_the_assembler() -> None:
    from lpu_emu.errors import AssemblyError

    machine = load_machine("tiny")
    text = pack_text(machine.isa, [issue(machine.isa, "read", to=70), issue(machine.isa, "abc", dtype=9)])
    unknown = QueueText(
        opcodes=np.array([255], dtype=np.uint8),
        args=text.args[:1],
        lines=text.lines[:1],
        origins=text.origins[:1],
    )
    written = disassemble(Program(name="p", machine=machine, queues={"mem.W0": text, "mem.W1": unknown}))
    with pytest.raises(AssemblyError) as caught:
        assemble(written)
    assert len(caught.value.diagnostics) == 3


def test_a_chip_that_is_not_bundled_is_said_to_be() -> None:
    chip = load_machine("tiny").chip
    other = dataclasses.replace(chip, digest="0" * 64)
    machine = dataclasses.replace(load_machine("tiny"), chip=other)
    program = Program(name="p", machine=machine, queues={})
    text = disassemble(program)
    assert text.splitlines()[0] == ".chip tiny  ; not a bundled chip: give its file to the assembler"
    assert same_content(program, assemble(text, chip=other)) == []
