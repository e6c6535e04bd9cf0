"""Repeats of a queue: whether each one may stand there, and how far strided operands move."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lpu_emu.program.text import QueueText
from lpu_emu.spec.isa import Isa

LOOP_LAYOUT = "loop"


@dataclass(frozen=True, kw_only=True)
class Loops:
    """What the repeats of a queue do.

    ``low`` and ``high`` int64 [n] are the furthest that strided operands of an instruction move down and up;
    ``findings`` are (index, operand, message) of repeats that break a rule.
    """

    low: NDArray[np.int64]
    high: NDArray[np.int64]
    findings: list[tuple[int, str, str]]


def read(isa: Isa, text: QueueText) -> Loops:
    """Return the loops of a queue."""
    loops = Loops(
        low=np.zeros(len(text), dtype=np.int64), high=np.zeros(len(text), dtype=np.int64), findings=[]
    )
    repeat = next(i for i in isa.instructions.values() if i.layout.name == LOOP_LAYOUT)
    level = _levels(text.opcodes == repeat.opcode, isa.repeat_dimensions + 1)
    if level.any():
        columns = {name: text.args[:, column] for name, column in repeat.layout.index.items()}
        _check_places(isa, text, level, loops)
        _check_intervals(columns, level, isa.repeat_dimensions, loops)
        _reach(columns, level, isa.repeat_dimensions, loops)
    return loops


def _levels(is_repeat: NDArray[np.bool_], deepest: int) -> NDArray[np.int64]:
    """Return 0 for other instructions, k for the k-th repeat in a row, at most ``deepest``."""
    level = is_repeat.astype(np.int64)
    run = is_repeat
    for _ in range(deepest - 1):
        run = is_repeat & np.concatenate(([False], run[:-1]))
        level += run
    return level


def _check_places(isa: Isa, text: QueueText, level: NDArray[np.int64], loops: Loops) -> None:
    repeatable = np.zeros(256, dtype=bool)
    repeatable[[i.opcode for i in isa.instructions.values() if i.repeatable]] = True
    first = np.flatnonzero(level == 1)
    owner_ok = (first > 0) & repeatable[text.opcodes[first - 1]]

    def misplaced(index: int) -> str:
        if index == 0:
            return "repeat: there is nothing before it to repeat"
        before = isa.by_opcode.get(int(text.opcodes[index - 1]))
        name = before.mnemonic if before else "this"
        return f"repeat: {name} cannot be repeated, only data instructions can"

    most = isa.repeat_dimensions
    loops.findings.extend((i, "", misplaced(i)) for i in first[~owner_ok].tolist())
    too_many = f"repeat: at most {most} repeats may follow an instruction"
    loops.findings.extend((i, "", too_many) for i in np.flatnonzero(level > most).tolist())


def _check_intervals(
    columns: dict[str, NDArray[np.int64]], level: NDArray[np.int64], deepest: int, loops: Loops
) -> None:
    count, interval = columns["count"], columns["interval"]
    span = np.zeros(len(level), dtype=np.int64)  # of a repeat: cycles from first to last dispatch of its loop
    for depth in range(1, deepest + 1):
        at = np.flatnonzero(level == depth)
        inner = span[at - 1] if depth > 1 else np.zeros(len(at), dtype=np.int64)
        span[at] = inner + count[at] * interval[at]
        short = interval[at] <= inner
        values = zip(at[short].tolist(), interval[at][short].tolist(), inner[short].tolist(), strict=True)
        loops.findings.extend((i, "interval", _too_short(gap, span)) for i, gap, span in values)


def _too_short(interval: int, inner: int) -> str:
    why = f", more than the {inner} cycles of the loops inside" if inner else ""
    return f"repeat: interval {interval} is too short; it must be at least {inner + 1}{why}"


def _reach(
    columns: dict[str, NDArray[np.int64]], level: NDArray[np.int64], deepest: int, loops: Loops
) -> None:
    move = columns["count"] * columns["stride"]
    for depth in range(1, deepest + 1):
        at = np.flatnonzero(level == depth)
        at = at[at >= depth]
        loops.low[at - depth] += np.minimum(move[at], 0)
        loops.high[at - depth] += np.maximum(move[at], 0)
