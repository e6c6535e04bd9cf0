"""One small edit to a program that keeps the rules, such as people make by mistake."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from lpu_emu.program.model import Program
from lpu_emu.program.text import Issue, issue, pack_text, unpack_text
from lpu_emu.program.validate import findings

Edit = Callable[[np.random.Generator, list[Issue], int, Program], list[Issue] | None]


def broken(program: Program, rng: np.random.Generator) -> Program:
    """Return a program with one edit that still fits its chip."""
    for _ in range(100):
        edited = _data_edit(program, rng) if rng.random() < 0.1 else _text_edit(program, rng)
        if edited is not None and not findings(edited):
            return replace(edited, name=f"{program.name}, broken")
    return program


def _text_edit(program: Program, rng: np.random.Generator) -> Program | None:
    isa = program.machine.isa
    name = str(rng.choice(sorted(program.queues)))
    text = unpack_text(isa, program.queues[name])
    edit = EDITS[int(rng.integers(len(EDITS)))]
    changed = edit(rng, text, int(rng.integers(len(text))), program)
    if changed is None:
        return None
    queues = {q: (pack_text(isa, changed) if q == name else t) for q, t in program.queues.items()}
    return replace(program, queues={q: t for q, t in queues.items() if len(t)})


def _data_edit(program: Program, rng: np.random.Generator) -> Program | None:
    if not program.data:
        return None
    gone = int(rng.integers(len(program.data)))
    section = program.data[gone]
    keep = int(rng.integers(len(section.words)))
    shorter = replace(section, words=section.words[:keep])
    data = [shorter if i == gone else s for i, s in enumerate(program.data) if i != gone or keep]
    return replace(program, data=tuple(data))


def _operand(
    rng: np.random.Generator,
    text: list[Issue],
    at: int,
    fits: Callable[[str], bool],
    change: Callable[[int], int],
) -> list[Issue] | None:
    """Change one operand whose kind fits."""
    item = text[at]
    columns = [i for i, o in enumerate(item.instruction.operands) if fits(o.kind.name)]
    if not columns:
        return None
    column = columns[int(rng.integers(len(columns)))]
    args = list(item.args)
    args[column] = change(args[column])
    return [*text[:at], replace(item, args=tuple(args)), *text[at + 1 :]]


def _shift(rng: np.random.Generator, text: list[Issue], at: int, _: Program) -> list[Issue] | None:
    """Make a gap, count, interval or stride longer or shorter."""
    by = int(rng.choice([-2, -1, -1, 1, 1, 2, 5]))
    return _operand(rng, text, at, lambda kind: kind in ("count16", "stride"), lambda value: value + by)


def _stream(rng: np.random.Generator, text: list[Issue], at: int, program: Program) -> list[Issue] | None:
    """Take another stream."""
    by = int(rng.choice([-8, -4, -1, 1, 4, 8, 32]))
    kinds = ("stream", "source", "target")
    return _operand(rng, text, at, lambda kind: kind in kinds, lambda value: (value + by) % 64)


def _place(rng: np.random.Generator, text: list[Issue], at: int, _: Program) -> list[Issue] | None:
    """Take another address, row, row group or link."""
    by = int(rng.choice([-128, -3, -1, 1, 1, 2, 128]))
    kinds = ("address", "row", "row_group", "link")
    return _operand(rng, text, at, lambda kind: kind in kinds, lambda value: value + by)


def _choice(rng: np.random.Generator, text: list[Issue], at: int, _: Program) -> list[Issue] | None:
    """Change a mode, type, half or width."""
    kinds = ("mode", "half", "width", "dtype", "edge")
    return _operand(
        rng, text, at, lambda kind: kind in kinds, lambda value: max(value + int(rng.choice([-1, 1])), 0)
    )


def _remove(rng: np.random.Generator, text: list[Issue], at: int, program: Program) -> list[Issue] | None:
    """Leave an instruction out, with or without the cycle that it took."""
    gap = [issue(program.machine.isa, "nop", count=1)] if rng.random() < 0.7 else []
    end = at + 1
    while (
        end < len(text) and not text[end].instruction.timing and text[end].instruction.layout.name == "loop"
    ):
        end += 1
    return [*text[:at], *gap, *text[end:]]


def _repeat(rng: np.random.Generator, text: list[Issue], at: int, program: Program) -> list[Issue] | None:
    """Do something twice."""
    if not text[at].instruction.timing:
        return None
    return [*text[: at + 1], text[at], *text[at + 1 :]]


def _wait(rng: np.random.Generator, text: list[Issue], at: int, program: Program) -> list[Issue] | None:
    """Wait for a notify that may never come."""
    if text[at].instruction.layout.name == "loop":
        return None
    return [*text[:at], issue(program.machine.isa, "sync"), *text[at:]]


EDITS: tuple[Edit, ...] = (_shift, _shift, _stream, _place, _choice, _remove, _remove, _repeat, _wait)
