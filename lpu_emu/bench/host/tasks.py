"""What one process measures: a program, a kernel, memory, or cost over size. Results are JSON-like."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lpu_emu.analysis import analyse
from lpu_emu.bench.host.kernels import KernelWork, fp16_kernel, int8_kernel
from lpu_emu.bench.host.measure import Turns, Work, best, in_turns, line
from lpu_emu.bench.host.memory import held_bytes, peak_bytes
from lpu_emu.bench.host.profile import step_seconds
from lpu_emu.bench.host.rates import host_rates
from lpu_emu.bench.host.workload import LANES, Workload
from lpu_emu.bench.host.workloads import WORKLOADS, int8_product, moves, small_instructions
from lpu_emu.engine.executor import Prepared, prepare, warm_up
from lpu_emu.engine.planning.plan import Plan, plan_of
from lpu_emu.program import file
from lpu_emu.program.model import Program
from lpu_emu.program.validate import require_valid

Result = dict[str, Any]

KERNELS: dict[str, tuple[str, Callable[[int, int, int], KernelWork], tuple[int, int, int], str]] = {
    "int8_kernel": ("int8_product", int8_kernel, (2304, 4096, 1376), "float32"),
    "fp16_kernel": ("fp16_product", fp16_kernel, (1024, 1920, 1280), "float64"),
    "decode_1_kernel": ("decode_1", int8_kernel, (1, 8000, 8320), "float32"),
    "decode_4_kernel": ("decode_4", int8_kernel, (4, 8000, 8320), "float32"),
}
"""Kernels alone: the workload whose products they do, what makes their calls, [M, K] by [K, N], NumPy's type."""

_QUICK_SHAPE = (192, 640, 480)


def program_task(*, name: str, quick: bool, threads: int, keep: str, patience_s: float = 0.0) -> Result:
    """Measure a program of the table beside NumPy; leave it in the file ``keep``, for its memory to be measured."""
    entry = WORKLOADS[name]
    workload = (entry.quick if quick else entry.full)()
    warm_up()
    before = _preparation(workload.program, calls=2 if quick else 4)
    plan = plan_of(analyse(workload.program))
    prepared = Prepared(program=workload.program, plan=plan)
    many, one = prepared.session(threads=threads), prepared.session(threads=1)
    works: dict[str, Work] = {"many": many.run, "one": one.run}
    if workload.numpy is not None:
        works["numpy"] = workload.numpy
    taken = in_turns(works, turns=1 if quick else 6, patience_s=patience_s)
    file.save(workload.program, Path(keep))
    memory = many.run().memory
    return {
        **_program_result(workload, plan, before, taken),
        "first_run_s": best(prepared.run, calls=2 if quick else 3),
        "whole_one_thread_s": _whole(workload.program, calls=1 if quick else 3),
        "differing": workload.differing(memory),
        "image_bytes": LANES * sum(int(np.count_nonzero(rows.any(axis=1))) for rows in memory.values()),
        "steps_s": step_seconds(workload.program, plan, rounds=2 if quick else 5),
    }


def _program_result(workload: Workload, plan: Plan, before: Mapping[str, float], taken: Turns) -> Result:
    seconds = taken.best("many")
    numpy = taken.best("numpy") if "numpy" in taken.seconds else None
    return {
        "title": workload.name,
        "cycles": plan.analysis.cycles,
        "steps": len(plan.steps),
        "work": workload.work,
        "unit": workload.unit,
        "goal": workload.goal or None,
        "seconds": seconds,
        "median_s": taken.middle("many"),
        "one_thread_s": taken.best("one"),
        "numpy_s": numpy,
        "numpy_median_s": taken.middle("numpy") if numpy else None,
        "ratio": numpy / seconds if numpy else None,
        "others": taken.others,
        "data_bytes": sum(section.words.nbytes for section in workload.program.data),
        "pool_bytes": plan.space.end - plan.space.pool,
        **before,
    }


def _preparation(program: Program, *, calls: int) -> dict[str, float]:
    analysis = analyse(program)
    return {
        "validate_s": best(lambda: require_valid(program), calls=calls),
        "analyse_s": best(lambda: analyse(program), calls=calls),
        "plan_s": best(lambda: plan_of(analysis), calls=calls),
    }


def _whole(program: Program, *, calls: int) -> float:
    """Return the seconds from a program to its results, nothing done before, on one thread."""
    return best(lambda: prepare(program).run(threads=1), calls=calls)


def memory_task(*, keep: str, threads: int) -> Result:
    """Load a program file and run it once; return what this process holds before and at most.

    Before, it has loaded and run a small program of the same chip, so that all libraries and tables are there.
    """
    beside = Path(keep).with_suffix(".small.h5")
    file.save(moves(16).program, beside)
    _load_and_run(beside, threads)
    base, small = held_bytes(), peak_bytes()
    _load_and_run(Path(keep), threads)
    return {"base_bytes": base, "small_peak_bytes": small, "peak_bytes": peak_bytes()}


def _load_and_run(path: Path, threads: int) -> None:
    prepare(file.load(path)).run(threads=threads)


def kernel_task(*, name: str, quick: bool, threads: int, patience_s: float = 0.0) -> Result:
    """Measure a kernel alone beside NumPy's product of the same shape."""
    workload, make, shape, dtype = KERNELS[name]
    m, k, n = (min(shape[0], _QUICK_SHAPE[0]), *_QUICK_SHAPE[1:]) if quick else shape
    kernel = make(m, k, n)
    rng = np.random.default_rng(1)
    a, b = (rng.standard_normal(size).astype(dtype) for size in ((m, k), (k, n)))
    works: dict[str, Work] = {
        "many": lambda: kernel.work(threads),
        "one": lambda: kernel.work(1),
        "numpy": lambda: a @ b,
    }
    taken = in_turns(works, turns=1 if quick else 6, patience_s=patience_s)
    seconds, numpy = taken.best("many"), taken.best("numpy")
    return {
        "title": f"kernel of {workload} alone",
        "work": m * k * n,
        "padded_work": kernel.macs,
        "unit": "MAC",
        "seconds": seconds,
        "median_s": taken.middle("many"),
        "one_thread_s": taken.best("one"),
        "numpy_s": numpy,
        "numpy_median_s": taken.middle("numpy"),
        "ratio": numpy / seconds,
        "others": taken.others,
        "pack_s": best(kernel.pack, calls=3) if kernel.pack else 0.0,
    }


def linear_execution_task(*, quick: bool, threads: int, patience_s: float = 0.0) -> Result:
    """Measure a product of four numbers of rows: execution alone."""
    sizes = [16, 32, 64, 128] if quick else [512, 1024, 2048, 4096]
    warm_up()
    works: dict[str, Work] = {}
    for rows in sizes:
        works[str(rows)] = prepare(int8_product(rows, 960, 640).program).session(threads=threads).run
    taken = in_turns(works, turns=1 if quick else 5, patience_s=patience_s)
    return _linear(
        sizes, [taken.best(str(rows)) for rows in sizes], taken, "row of an int8 product", "execution"
    )


def linear_planning_task(*, quick: bool, threads: int, patience_s: float = 0.0) -> Result:
    """Measure runs of length 1 in four numbers: validation, analysis, planning and one execution."""
    sizes = [600, 1200, 2400, 4800] if quick else [12_500, 25_000, 50_000, 100_000]
    warm_up()
    works: dict[str, Work] = {}
    done = []
    for number in sizes:
        workload = small_instructions(number)
        done.append(workload.work)
        works[str(workload.work)] = _whole_run(workload.program, threads)
    taken = in_turns(works, calls=1, turns=1 if quick else 3, patience_s=patience_s)
    return _linear(done, [taken.best(str(number)) for number in done], taken, "run of length 1", "everything")


def _whole_run(program: Program, threads: int) -> Work:
    return lambda: prepare(program).run(threads=threads)


def _linear(sizes: list[int], seconds: list[float], taken: Turns, what: str, part: str) -> Result:
    slope, base, deviation = line(sizes, seconds)
    return {
        "title": f"{part}, per {what}",
        "unit": what,
        "sizes": sizes,
        "sizes_s": seconds,
        "seconds": seconds[-1],
        "work": sizes[-1],
        "slope_s": slope,
        "base_s": base,
        "worst_deviation": deviation,
        "others": taken.others,
    }


def rates_task(*, quick: bool, threads: int, patience_s: float = 0.0) -> Result:
    """Measure the host."""
    return host_rates(threads=threads, quick=quick, patience_s=patience_s)


TASKS: dict[str, Callable[..., Result]] = {
    "program": program_task,
    "memory": memory_task,
    "kernel": kernel_task,
    "linear_execution": linear_execution_task,
    "linear_planning": linear_planning_task,
    "rates": rates_task,
}
