"""Short ways to assemble a few lines and to look at what comes out."""

from __future__ import annotations

import pytest

from lpu_emu.asm import assemble
from lpu_emu.errors import AssemblyError, Diagnostic
from lpu_emu.program.model import Program
from lpu_emu.program.text import Issue, unpack_text


def issues(queue: str, *lines: str) -> list[Issue]:
    """Assemble lines for one queue of the chip ``tiny``."""
    program = assemble("\n".join([".chip tiny", f".queue {queue}", *lines]))
    return unpack_text(program.machine.isa, program.queues[queue])


def written(queue: str, *lines: str) -> list[tuple[str, tuple[int, ...]]]:
    """Return mnemonic and arguments of lines for one queue."""
    return [(issue.instruction.mnemonic, issue.args) for issue in issues(queue, *lines)]


def with_head(*lines: str) -> Program:
    """Assemble lines for the chip ``tiny``."""
    return assemble("\n".join([".chip tiny", *lines]))


def errors(text: str, filename: str = "t.lpu") -> tuple[Diagnostic, ...]:
    """Return the diagnostics of a text that has errors."""
    with pytest.raises(AssemblyError) as caught:
        assemble(text, filename=filename)
    return caught.value.diagnostics


def only_error(*lines: str) -> Diagnostic:
    """Return the one diagnostic of lines for the chip ``tiny``."""
    found = errors("\n".join([".chip tiny", *lines]))
    assert len(found) == 1, [str(d) for d in found]
    return found[0]


def marked(diagnostic: Diagnostic) -> str:
    """Return the part of the line that the caret stands under."""
    start = diagnostic.column - 1
    return diagnostic.text[start : start + diagnostic.length]
