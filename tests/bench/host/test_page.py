"""The page about performance: complete, honest about what is missed, and without parts that were not measured."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import lpu_emu
from lpu_emu.bench.host import processes, suite
from lpu_emu.bench.host.page import page
from lpu_emu.bench.suites import Options

from .results import task_result

pytestmark = pytest.mark.usefixtures("canned")

SECTIONS = [
    "# Performance",
    "## Speed",
    "## Goals",
    "## Where the time goes",
    "### The matrix kernel and everything around it",
    "### Before the first run",
    "## What the limit is",
    "## Memory",
    "## Start",
    "## Cost over size",
    "## Other simulators",
]


def text(**options: Any) -> str:
    return page(suite.run(Options(**options), lambda _what: None))


def headings(page_text: str) -> list[str]:
    return re.findall(r"^#+ .*", page_text, re.MULTILINE)


def test_sections() -> None:
    found = text(cold=True)
    assert headings(found) == SECTIONS
    assert not re.search(r"\bNone\b(?!\.)|\bnan\b|\{|\}", found)


def test_tables_are_even() -> None:
    for block in re.findall(r"(?:^\|.*\n)+", text(cold=True), re.MULTILINE):
        assert len({line.count("|") for line in block.splitlines()}) == 1, block


def test_parts_that_were_not_measured_are_left_out() -> None:
    assert headings(text(only=("start",))) == [
        "# Performance",
        "## Speed",
        "## Goals",
        "## Start",
        "## Other simulators",
    ]


def test_missed_goals_are_named() -> None:
    found = text(cold=True)
    assert "* **small_with_planning**: 312 kinstr/s, goal 2.00 Minstr/s." in found
    assert "* **cold_start**: 50.0 s, goal under 45.0 s." in found


def test_memory_over_its_goal_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def heavy(task: str, **arguments: Any) -> dict[str, Any]:
        found = task_result(task, **arguments)
        return {**found, "peak_bytes": 200 << 20} if task == "memory" else found

    monkeypatch.setattr(processes, "run_task", heavy)
    assert "* **memory**, goal 2 x what SRAM and live values take: moves 6.25 x." in text(only=("moves",))


def test_small_sizes_are_confessed() -> None:
    assert "**Sizes of this page are those of `--quick`: its rates mean nothing.**" in text(quick=True)


def test_the_rest_of_a_product_is_what_the_kernel_does_not_take() -> None:
    row = next(line for line in text().splitlines() if line.startswith("| int8_product | 18.0 ms"))
    assert row == "| int8_product | 18.0 ms | 11.0 ms | 1.00 ms | 6.00 ms | 33% | 90.9 kMAC/s | 20% |"


def test_the_page_of_the_project_has_all_parts() -> None:
    root = Path(lpu_emu.__file__).resolve().parents[1]
    found = (root / "docs" / "performance.md").read_text(encoding="utf-8")
    assert headings(found) == SECTIONS
    assert "--quick" not in found
    for benchmark in suite.benchmarks():
        assert f"* `{benchmark.name}`: {benchmark.asks}" in found
