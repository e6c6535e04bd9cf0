"""The page on the compiler says what the code says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lpu_emu.compiler.passes import PASSES
from lpu_emu.compiler.passes.operators import STANDARD

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "compiler.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return PAGE.split(f"## {title}\n")[1].split("\n## ")[0]


def test_all_passes_are_listed_in_order() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", section("Passes"), flags=re.MULTILINE)
    assert rows == [(step.name, step.description) for step in PASSES]


def test_all_operators_are_listed() -> None:
    rows = re.findall(r"^\| ([A-Z][^|]*) \|", section("Operators"), flags=re.MULTILINE)
    assert {name.strip() for row in rows for name in row.split(",")} == set(STANDARD)


def test_the_example_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    exec(compile(code, "docs/compiler.md", "exec"), {})
