"""Rows of the speed table: what is measured, judged and printed."""

from __future__ import annotations

from typing import Any

import pytest

from lpu_emu.bench.host import processes, suite
from lpu_emu.bench.host.suite import COLD, START, WITH_PLANNING
from lpu_emu.bench.suites import Options, Report
from lpu_emu.bench.table import Row, text_table
from lpu_emu.errors import UsageError

from .results import program_result, task_result

pytestmark = pytest.mark.usefixtures("canned")


def run(**options: Any) -> Report:
    return suite.run(Options(**options), lambda _what: None)


def rows(**options: Any) -> dict[str, Row]:
    return {row["name"]: row for row in run(**options).rows}


def test_all_benchmarks_have_a_row_in_order() -> None:
    names = [benchmark.name for benchmark in suite.benchmarks()]
    assert [row["name"] for row in run(cold=True).rows] == names
    assert [row["name"] for row in run().rows] == [name for name in names if name != COLD]


def test_goals_of_every_kind_are_judged() -> None:
    found = rows(cold=True)
    judged = {name: (row["goal_kind"], row["goal"], row["met"]) for name, row in found.items() if row["goal"]}
    assert judged == {
        **dict.fromkeys(
            ["int8_product", "fp16_product", "point_wise", "decode_1", "decode_4", "moves"],
            ("ratio", 1.3, True),
        ),
        "small_instructions": ("rate", 2e6, True),
        WITH_PLANNING: ("rate", 2e6, False),
        START: ("seconds", 1.0, True),
        COLD: ("seconds", 45.0, False),
    }
    assert found[WITH_PLANNING]["seconds"] == pytest.approx(0.32)
    assert found["int8_product"]["work_per_s"] == pytest.approx(1e11)
    assert found["int8_product"]["numpy_per_s"] == pytest.approx(5e10)
    assert found["int8_product"]["cycles_per_s"] == pytest.approx(1e6)
    assert (found["int8_product"]["memory_ratio"], found["int8_product"]["memory_met"]) == (2.0, True)


def test_small_sizes_are_not_judged() -> None:
    assert {row["met"] for row in run(quick=True).rows} == {None}


def test_only_some() -> None:
    assert list(rows(only=("start", "decode_1"))) == ["decode_1", "start"]
    assert list(rows(only=(COLD,))) == [COLD]
    assert rows(only=(WITH_PLANNING,))[WITH_PLANNING]["work"] == 100_000


def test_an_unknown_name_is_refused_before_anything_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "run_task", None)
    with pytest.raises(UsageError, match=r"no benchmark 'decode1'; benchmarks: .*; did you mean 'decode_1'"):
        run(only=("decode1",))


def test_wrong_values_are_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(task: str, **arguments: Any) -> dict[str, Any]:
        if task == "program":
            return program_result(arguments["name"], differing=3)
        return task_result(task, **arguments)

    monkeypatch.setattr(processes, "run_task", wrong)
    assert run(only=("moves",)).failures == ("moves: 3 results differ",)


def test_the_table_says_what_is_missed_and_disturbed() -> None:
    report = run(cold=True)
    lines = {line.split()[0]: line for line in text_table(report.columns, report.rows).splitlines()}
    assert (
        lines["int8_product"].split("  ")[-2:] == ["met     ", " 132 MiB"] or "met" in lines["int8_product"]
    )
    assert lines["int8_product"].split() == [
        "int8_product", "10,000", "10.0", "ms", "1.00", "M", "100", "GMAC/s", "20.0", "ms", "2.00", "x", "1.3", "x",
        "met", "132", "MiB",
    ]  # fmt: skip
    assert "under 45.0 s  MISSED" in lines[COLD]
    assert "2.00 Minstr/s  MISSED" in lines[WITH_PLANNING]
    assert "- *" in lines["int8_kernel"]
    assert "100 ms each" in lines["linear_execution"]
    assert "line +-2%" in lines["linear_execution"]
    assert report.notes[-1].startswith("* disturbed by other processes, measure again: int8_kernel")


def test_memory_over_its_goal_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    def heavy(task: str, **arguments: Any) -> dict[str, Any]:
        found = task_result(task, **arguments)
        return {**found, "peak_bytes": 200 << 20} if task == "memory" else found

    monkeypatch.setattr(processes, "run_task", heavy)
    report = run(only=("moves",))
    assert report.notes[-1] == "memory MISSED, goal 2 x what SRAM and live values take: moves 6.25 x"


def test_a_system_without_memory_figures_has_rows_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(task: str, **arguments: Any) -> dict[str, Any]:
        found = task_result(task, **arguments)
        return dict.fromkeys(found) if task == "memory" else found

    monkeypatch.setattr(processes, "run_task", silent)
    row = run(only=("moves",)).rows[0]
    assert (row["memory_ratio"], row["memory_met"]) == (None, None)


def test_undisturbed_rows_of_an_earlier_run_are_kept() -> None:
    report = run(only=("moves", "int8_kernel"))
    earlier = {**report.facts, "rows": [{**row, "seconds": 7.0} for row in report.rows]}
    assert [row["seconds"] for row in run(only=("moves", "int8_kernel"), earlier=earlier).rows] == [
        7.0,
        0.006,
    ]
    other = {**earlier, "engine": "another"}
    assert [row["seconds"] for row in run(only=("moves", "int8_kernel"), earlier=other).rows] == [0.01, 0.006]
