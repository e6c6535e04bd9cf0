"""Simulated figures: golden for the 2020 chip, equal to the chip file on every chip, and their values checked."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import Golden
from lpu_emu.bench.micro.runner import number, run_suite
from lpu_emu.bench.suites import Report

GOLDEN = Path(__file__).parent / "tsp1.golden"
# The memory of the small chip has fewer slices than there are streams, so it cannot fill a cut.
LIMITED = {"tiny": {"stream.bandwidth"}}


def quiet(_name: str) -> None:
    """Show no progress."""


def figures(report: Report) -> str:
    """Return a line for each benchmark: name, value, unit, cycles."""
    lines = [f"{r['name']} {number(r['value'])} {r['unit']}, {r['cycles'] or 0} cycles" for r in report.rows]
    return "\n".join([*lines, ""])


def test_figures_of_the_2020_chip_are_golden(golden: Golden) -> None:
    report = run_suite("tsp1", only=(), values=False, progress=quiet)
    assert report.failures == ()
    golden(GOLDEN, figures(report))


def test_values_are_right_and_figures_are_those_of_the_chip_file() -> None:
    report = run_suite("tiny", only=(), values=True, progress=quiet)
    assert report.failures == ()
    wrong = {r["name"] for r in report.rows if r["expected"] is not None and r["value"] != r["expected"]}
    assert wrong == LIMITED["tiny"]


@pytest.mark.parametrize("pattern", ["mxm.path", "mem.gather.*", "c2c.*", "vxm.round_trip"])
def test_values_are_right_on_the_2020_chip(pattern: str) -> None:
    report = run_suite("tsp1", only=(pattern,), values=True, progress=quiet)
    assert report.failures == ()
    assert report.facts["executed"]


def test_each_unit_has_benchmarks_and_every_alu_operation_has_two() -> None:
    report = run_suite("tiny", only=("vxm.latency.*", "vxm.issue.*"), values=False, progress=quiet)
    names = {row["name"].split(".", 2)[2] for row in report.rows}
    assert {"add", "mul", "exp", "convert", "mask"} <= names
    assert len(report.rows) == 2 * len(names)
