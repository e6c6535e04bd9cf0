"""The table of ``lpu-emu bench networks``, a row per test, with its goals.

``extra_info`` holds the row: ideal and scheduled cycles, microseconds, utilisation, SRAM, host seconds, ONNX Runtime's
seconds on the same two threads, the largest error, and whether each goal is met. What pytest-benchmark times is the
whole row; the figure that matters is ``run_s``, one run of the engine without planning.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lpu_emu.bench.networks.measure import measure_case
from lpu_emu.bench.networks.rows import CASES, Case
from lpu_emu.bench.networks.suite import CHIP, failures

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

THREADS = 2
MIB = 1 << 20
Row = dict[str, Any]
# Of ResNet-50 in int8 on the 2020 chip.
GOALS: dict[str, Callable[[Row], bool]] = {
    "cycles <= 88,000": lambda row: row["cycles"] <= 88_000,
    "SRAM <= 220 MiB": lambda row: row["sram_bytes"] <= 220 * MIB,
    "no hazards": lambda row: row["hazards"] == 0,
    "compile <= 60 s": lambda row: row["compile_s"] <= 60,
    "memory <= 4 GiB": lambda row: row["compile_bytes"] <= 4096 * MIB,
    "run <= 10 x ONNX Runtime": lambda row: row["run_ratio"] <= 10,
    "run <= 2 x ONNX Runtime": lambda row: row["run_ratio"] <= 2,
}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("networks")


@pytest.mark.benchmark(group="networks")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_network(case: Case, models: Path, benchmark: BenchmarkFixture) -> None:
    row = benchmark.pedantic(
        measure_case, args=(case, models), kwargs={"chip": CHIP, "threads": THREADS}, rounds=1, iterations=1
    )
    benchmark.extra_info.update(row)
    if row["status"] == "ok" and case.name == "resnet50_int8":
        benchmark.extra_info["goals"] = {name: goal(row) for name, goal in GOALS.items()}
    if case.refused:
        assert row["status"] == "refused"
    assert failures(row, case) == []
