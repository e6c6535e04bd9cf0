"""Small programs for tests, written as instructions by queue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lpu_emu.program.model import Binding, DataSection, Operator, Program, Source
from lpu_emu.program.text import Issue, issue, pack_text
from lpu_emu.spec.machine import load_machine

TINY = load_machine("tiny")


def make(mnemonic: str, *, line: int = 0, origin: int = -1, **operands: int) -> Issue:
    """Return an instruction."""
    return issue(TINY.isa, mnemonic, line=line, origin=origin, **operands)


def nop(count: int) -> Issue:
    return make("nop", count=count)


def repeat(count: int, interval: int = 1, stride: int = 0) -> Issue:
    return make("repeat", count=count, interval=interval, stride=stride)


def section(where: str, address: int = 0, words: int = 256) -> DataSection:
    """Return zeros in a slice."""
    return DataSection(name=where, slice=where, address=address, words=np.zeros((words, 8), dtype=np.uint8))


def program(
    queues: Mapping[str, Sequence[Issue]],
    *,
    data: Sequence[DataSection] = (),
    bindings: Sequence[Binding] = (),
    wires: Sequence[tuple[str, str]] = (),
    operators: Sequence[Operator] = (),
    source: Source | None = None,
) -> Program:
    """Return a program on ``tiny``."""
    assert set(queues) <= set(TINY.queue_by_name)
    return Program(
        name="test",
        machine=TINY,
        queues={q.name: pack_text(TINY.isa, queues[q.name]) for q in TINY.queues if q.name in queues},
        data=tuple(data),
        bindings=tuple(bindings),
        wires=tuple(wires),
        operators=tuple(operators),
        source=source or Source(),
    )


def hops_between(producer: str, consumer: str, way: int) -> int:
    """Return the cycles a value takes from one queue's unit to another's."""
    by_name = TINY.queue_by_name
    out, into = TINY.x_out(by_name[producer], way), TINY.x_in(by_name[consumer], way)
    return into - out if way == 0 else out - into
