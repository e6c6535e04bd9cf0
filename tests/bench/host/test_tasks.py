"""What a process measures: the keys of its result, in small sizes."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest

from lpu_emu.analysis import analyse
from lpu_emu.bench.host.processes import run_task
from lpu_emu.bench.host.profile import KINDS, OTHER, _stretches, step_seconds
from lpu_emu.bench.host.tasks import (
    kernel_task,
    linear_execution_task,
    linear_planning_task,
    memory_task,
    program_task,
)
from lpu_emu.bench.host.workloads import WORKLOADS
from lpu_emu.engine.planning.plan import plan_of
from lpu_emu.errors import LpuError
from lpu_emu.program import file

PROGRAM_KEYS = {
    "title", "cycles", "steps", "work", "unit", "goal", "seconds", "median_s", "one_thread_s", "numpy_s",
    "numpy_median_s", "ratio", "others", "data_bytes", "pool_bytes", "validate_s", "analyse_s", "plan_s",
    "first_run_s", "whole_one_thread_s", "differing", "image_bytes", "steps_s",
}  # fmt: skip


@pytest.mark.parametrize("name", ["moves", "small_instructions"])
def test_program(name: str, tmp_path: Path) -> None:
    keep = tmp_path / "program.h5"
    result = program_task(name=name, quick=True, threads=2, keep=str(keep))
    assert set(result) == PROGRAM_KEYS
    assert json.loads(json.dumps(result)) == result
    assert result["differing"] == 0
    assert result["image_bytes"] >= result["data_bytes"] // 2
    assert (result["ratio"] is None) == (name == "small_instructions")
    assert set(result["steps_s"]) <= {*KINDS, OTHER}
    assert file.load(keep).instruction_count() > 0
    memory = memory_task(keep=str(keep), threads=1)
    assert set(memory) == {"base_bytes", "small_peak_bytes", "peak_bytes"}


def test_stretches_cover_all_steps() -> None:
    plan = plan_of(analyse(WORKLOADS["int8_product"].quick().program))
    stretches = _stretches(plan)
    assert [stretches[0][0], stretches[-1][1]] == [0, len(plan.steps)]
    assert all(a[1] == b[0] and a[2] != b[2] for a, b in pairwise(stretches))


def test_profile_of_a_product_knows_its_kinds() -> None:
    program = WORKLOADS["int8_product"].quick().program
    found = step_seconds(program, plan_of(analyse(program)), rounds=2)
    assert found == {} or "products and their sums" in found


@pytest.mark.parametrize("name", ["int8_kernel", "decode_4_kernel"])
def test_kernel(name: str) -> None:
    result = kernel_task(name=name, quick=True, threads=2)
    assert result["padded_work"] >= result["work"] > 0
    assert (result["pack_s"] == 0) == (name == "decode_4_kernel")


def test_linear() -> None:
    for result in (
        linear_execution_task(quick=True, threads=1),
        linear_planning_task(quick=True, threads=1),
    ):
        assert len(result["sizes"]) == len(result["sizes_s"]) == 4
        assert result["worst_deviation"] >= 0
        assert result["work"] == result["sizes"][-1]


def test_a_process_of_its_own_and_one_that_fails() -> None:
    assert run_task("rates", threads=1, quick=True)["float32_flops_per_s"] > 0
    with pytest.raises(
        LpuError, match=r"bench: lpu_emu\.bench\.host\.child ended with 1: KeyError: 'nix'; run it alone"
    ):
        run_task("nix", threads=1)
