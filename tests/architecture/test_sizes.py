"""Files and functions stay small enough to read in one sitting."""

from __future__ import annotations

import ast
import statistics
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "lpu_emu"
FILES = sorted(PACKAGE.rglob("*.py"))
LONGEST_FILE_LINES = 400
LONGEST_FUNCTION_LINES = 60
MEDIAN_FUNCTION_LINES = 10


def function_lengths(path: Path) -> dict[str, int]:
    """Return the lines of every function of a file by name and line."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        f"{path.relative_to(PACKAGE)}:{node.lineno} {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_files_are_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE_LINES


def test_functions_are_short() -> None:
    lengths = {name: n for path in FILES for name, n in function_lengths(path).items()}
    too_long = {name: n for name, n in lengths.items() if n > LONGEST_FUNCTION_LINES}
    assert not too_long
    assert statistics.median(lengths.values()) <= MEDIAN_FUNCTION_LINES
