"""How fast programs run on the engine, each against the same work in NumPy, in one process.

``extra_info`` holds the rate (useful operations a second), NumPy's, and their ratio with its goal; and what analysis
and planning take before. Rounds run in one session: weights are in SRAM as NumPy's are in its arrays.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from lpu_emu.analysis import analyse
from lpu_emu.engine.executor import Prepared, warm_up
from lpu_emu.engine.planning.plan import plan_of

from . import workloads
from .workloads import Workload

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

ROUNDS = 7
WORKLOADS: dict[str, Callable[[], Workload]] = {
    "int8_product": lambda: workloads.int8_product(2304, 4096, 1376),
    "fp16_ragged_product": lambda: workloads.fp16_product(2048, 1376, 1376),
    "fp16_product": lambda: workloads.fp16_product(1024, 1920, 1280),
    "point_wise": lambda: workloads.point_wise(4),
    "decode_1": lambda: workloads.decode(1),
    "decode_4": lambda: workloads.decode(4),
    "moves": lambda: workloads.moves(4096),
    "small_instructions": lambda: workloads.small_instructions(100_000),
}


def best(function: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Return the seconds of the fastest of some calls."""
    taken = []
    for _ in range(rounds):
        begin = time.perf_counter()
        function()
        taken.append(time.perf_counter() - begin)
    return min(taken)


@pytest.mark.parametrize("name", WORKLOADS)
def test_program(benchmark: BenchmarkFixture, name: str) -> None:
    warm_up()
    workload = WORKLOADS[name]()
    analysis = analyse(workload.program)
    plan = plan_of(analysis)
    session = Prepared(program=workload.program, plan=plan).session()
    benchmark.pedantic(session.run, rounds=ROUNDS, warmup_rounds=1)  # type: ignore[no-untyped-call]
    seconds = best(session.run)
    info = benchmark.extra_info
    info["workload"], info["cycles"], info["steps"] = workload.name, analysis.cycles, len(plan.steps)
    info["rate_per_s"], info["unit"] = workload.work / seconds, workload.unit
    info["cycles_per_s"] = analysis.cycles / seconds
    info["analyse_s"] = best(lambda: analyse(workload.program), 3)
    info["plan_s"] = best(lambda: plan_of(analysis), 3)
    info["analysed_rate_per_s"] = workload.work / (info["plan_s"] + seconds)
    info["whole_rate_per_s"] = workload.work / (info["analyse_s"] + info["plan_s"] + seconds)
    info["first_run_s"] = best(Prepared(program=workload.program, plan=plan).run, 3)
    info["one_thread_s"] = best(Prepared(program=workload.program, plan=plan).session(threads=1).run, 4)
    info["pool_mib"] = (plan.space.end - plan.space.pool) / 2**20
    info["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    info["goal"] = workload.goal
    if workload.numpy is not None:
        baseline = best(workload.numpy)
        info["numpy_per_s"], info["ratio"] = workload.work / baseline, baseline / seconds


@pytest.mark.parametrize("rows", [512, 1024, 2048, 4096])
def test_cost_grows_with_work(benchmark: BenchmarkFixture, rows: int) -> None:
    warm_up()
    workload = workloads.int8_product(rows, 960, 640)
    session = Prepared(program=workload.program, plan=plan_of(analyse(workload.program))).session()
    benchmark.pedantic(session.run, rounds=ROUNDS, warmup_rounds=1)  # type: ignore[no-untyped-call]
    benchmark.extra_info["ns_per_row"] = best(session.run) / rows * 1e9
