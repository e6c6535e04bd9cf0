"""Mnemonics live in ``isa/``; code that knows one by heart is the exception, and each has a reason."""

from __future__ import annotations

import ast
from pathlib import Path

from lpu_emu.spec.isa import load_isa

PACKAGE = Path(__file__).resolve().parents[2] / "lpu_emu"

# Folders whose job is to give or choose meaning: what an instruction does, and which one to emit.
MEANING = ("reference", "compiler", "analysis", "engine", "bench", "builder")
# Words that are also plain English or NumPy names; only the long, unmistakable ones are checked.
UNMISTAKABLE = {
    m
    for m in load_isa().instructions
    if "_" in m or m in {"distribute", "transpose", "rsqrt", "ifetch", "scatter"}
}
REASONS: dict[str, str] = {
    "timing.py": "ifetch samples two vectors; no layout says so",
}


def literals(path: Path) -> set[str]:
    """Return the string constants of a file that are not docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)}


def offenders() -> dict[str, set[str]]:
    """Return files outside the folders of meaning that contain a mnemonic as a literal."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = str(path.relative_to(PACKAGE))
        if name.split("/")[0] not in MEANING and (hits := literals(path) & UNMISTAKABLE):
            found[name] = hits
    return found


def test_mnemonics_are_written_in_the_spec_only() -> None:
    assert set(offenders()) - set(REASONS) == set()


def test_every_exception_is_still_needed() -> None:
    assert set(REASONS) - set(offenders()) == set()
