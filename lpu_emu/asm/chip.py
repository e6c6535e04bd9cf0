"""Which chip a text is for."""

from __future__ import annotations

from pathlib import Path

from lpu_emu.asm.cursor import Cursor
from lpu_emu.asm.problems import Problem, Problems
from lpu_emu.asm.tokens import tokens_of
from lpu_emu.errors import SpecError
from lpu_emu.spec.chip import Chip, chip_names, load_chip

DIRECTIVE = ".chip"


def chip_of(
    lines: list[str], problems: Problems, folder: Path, given: str | Path | Chip | None
) -> Chip | None:
    """Return the chip that was given, else the one that the text names; None once a problem is noted.

    Raises:
        SpecError: the chip that was given is unknown or breaks a rule.
    """
    if given is not None:
        return given if isinstance(given, Chip) else load_chip(given)
    marked = [i for i, line in enumerate(lines, 1) if DIRECTIVE in line]
    named = [i for i in marked if tokens_of(lines[i - 1])[:1] == [DIRECTIVE]]
    if not named:
        hint = f"write for example: {DIRECTIVE} {chip_names()[0]}"
        problems.at(1, 0, "the text names no chip", hint)
        return None
    for line in named[1:]:
        problems.at(line, 0, f"line {named[0]} names the chip already")
    return _named(lines[named[0] - 1], named[0], problems, folder) if len(named) == 1 else None


def _named(text: str, line: int, problems: Problems, folder: Path) -> Chip | None:
    cursor = Cursor(tokens_of(text), line)
    cursor.take()
    try:
        name = cursor.name("the name of a chip, or the path of a chip file")
        cursor.end()
        return load_chip(folder / name if name.endswith(".toml") or "/" in name else name)
    except Problem as problem:
        problems.note(line, problem)
    except SpecError as error:
        problems.at(line, 1, error.findings[0])
    except ValueError as error:  # a path that no file can have
        problems.at(line, 1, f"the chip file cannot be read: {error}")
    return None
