"""Pins are kept to the letter, and every instruction knows its line."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lpu_emu.analysis import analyse
from lpu_emu.builder import Kernel
from lpu_emu.builder.files import build_program, load_kernel
from lpu_emu.program.file import load, save
from lpu_emu.program.model import Program
from lpu_emu.program.text import unpack_text
from lpu_emu.spec.machine import load_machine, stream_name

from .helpers import program_of

TEXT = '''"""t: lines."""


def build(k):
    x = k.input("x", "int8", [8, 320])
    y = k.output("y", "int8", [8, 320])
    with k.flow("relu", count=8) as f:
        v = f.read(x)
        w = v.relu()
        f.write(w, y)
'''


def dispatches(program: Program, mnemonic: str) -> list[tuple[str, int, dict[str, int]]]:
    """Return queue, first cycle and operands of every instruction of a kind."""
    analysis = analyse(program)
    found = []
    for name, text in program.queues.items():
        for index, item in enumerate(unpack_text(program.machine.isa, text)):
            if item.instruction.mnemonic == mnemonic:
                queue = program.machine.queue_by_name[name].index
                rows = (analysis.runs.queue == queue) & (analysis.runs.index == index)
                operands = {o.name: a for o, a in zip(item.instruction.operands, item.args, strict=True)}
                found.append((name, int(analysis.runs.start[rows].min()), operands))
    return found


def pinned(k: Kernel) -> None:
    x = k.input("x", "int8", [8, 320], at="W7:0x20")
    y = k.output("y", "int8", [8, 320], side="E")
    with k.flow("pinned", count=8, at=100) as f:
        v = f.read(x, stream="e9").relu(alu=6, stream="e11")
        f.write(v, y)


def test_everything_can_be_pinned() -> None:
    program = program_of(pinned)
    [(queue, cycle, operands)] = dispatches(program, "relu")
    assert (queue, cycle) == ("vxm.6", 100)
    assert (stream_name(operands["x"]), stream_name(operands["to"])) == ("e9", "e11")
    [(queue, _, operands)] = dispatches(program, "read")
    assert (queue, operands["address"]) == ("mem.W7", 0x20)
    [(queue, _, _)] = dispatches(program, "write")
    assert queue.startswith("mem.E")


def test_not_before_is_a_bound() -> None:
    def build(k: Kernel) -> None:
        x, y = k.input("x", "int8", [8, 320]), k.output("y", "int8", [8, 320])
        with k.flow("late", count=8, not_before=77) as f:
            f.write(f.read(x).relu(), y)

    assert dispatches(program_of(build), "relu")[0][1] == 77


def test_planes_are_taken_in_turn_unless_pinned() -> None:
    def build(k: Kernel) -> None:
        w = k.weights("w", "int8", [320, 16])
        for i in range(5):
            x, y = k.input(f"x{i}", "int8", [4, 320]), k.output(f"y{i}", "int32", [4, 16])
            tile = k.load(w, plane=3 if i == 4 else None)
            with k.flow("p", count=4) as f:
                f.write(f.matmul(f.read(x), tile), y)

    used = [queue for queue, _, _ in dispatches(program_of(build), "lw")]
    assert sorted(used) == [f"mxm.{plane}.weights" for plane in (0, 1, 2, 3, 3)]


def test_every_instruction_knows_its_line(tmp_path: Path) -> None:
    path = tmp_path / "lines.py"
    path.write_text(TEXT, encoding="utf-8")
    program = build_program(load_kernel(path), machine=load_machine("tsp1"))
    lines = {"read": {8}, "relu": {9}, "write": {10}, "repeat": {8, 9, 10}}
    found: dict[str, set[int]] = {}
    for text in program.queues.values():
        for item in unpack_text(program.machine.isa, text):
            found.setdefault(item.instruction.mnemonic, set()).add(item.line)
    assert {name: found[name] for name in lines} == lines
    assert program.source.name == "lines.py"
    assert program.source.text == TEXT
    save(program, tmp_path / "p.h5")
    again = load(tmp_path / "p.h5")
    assert all(np.array_equal(again.queues[n].lines, t.lines) for n, t in program.queues.items())
