"""What a sweep costs beside its points: workers, overhead per point, memory. Run: pytest benchmarks/sweeps"""

from __future__ import annotations

import re
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from lpu_emu.sweep.driver import SweepRun
from lpu_emu.sweep.engines import DaskEngine, Engine, LocalEngine, Task
from lpu_emu.sweep.evaluation import ERROR, METRICS, SECONDS
from lpu_emu.sweep.spec import sweep_from
from lpu_emu.sweep.store import Store

BUSY_S = 0.05


def nothing(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Compute nothing."""
    return {**dict.fromkeys(METRICS), ERROR: "", SECONDS: 0.0}


def busy(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Keep a core busy for a while of its own time."""
    end = time.process_time() + BUSY_S
    while time.process_time() < end:
        pass
    return nothing(settings)


def tasks(count: int) -> list[Task]:
    return [Task(digest=str(i), settings={"seed": i}) for i in range(count)]


def seconds(engine: Engine, work: Any, count: int) -> float:
    """Seconds from the first result on, so that starting workers does not count."""
    running = engine.run(work, tasks(count + 1))
    next(running)
    started = time.perf_counter()
    assert sum(1 for _ in running) == count
    return time.perf_counter() - started


def test_two_workers_against_one(benchmark: Any) -> None:
    one = seconds(LocalEngine(1), busy, 100)
    two = benchmark.pedantic(seconds, args=(LocalEngine(2), busy, 100), rounds=1)
    benchmark.extra_info["speed_up"] = one / two
    benchmark.extra_info["goal"] = 1.7


def test_local_overhead_per_point(benchmark: Any) -> None:
    count = 2000
    taken = benchmark.pedantic(seconds, args=(LocalEngine(2), nothing, count), rounds=1)
    benchmark.extra_info["ms_per_point"] = 1000 * taken / count
    benchmark.extra_info["goal_ms"] = 10


@pytest.fixture
def scheduler() -> Iterator[str]:
    dask = str(Path(sys.executable).parent / "dask")
    command = [dask, "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    address = ""
    while not address:
        match = re.search(r"tcp://127\.0\.0\.1:\d+", process.stderr.readline())
        address = match[0] if match else ""
    worker = [dask, "worker", address, "--nthreads", "1", "--nworkers", "2", "--no-dashboard"]
    workers = subprocess.Popen(worker, stderr=subprocess.DEVNULL, cwd=Path(__file__).parents[2])
    yield address
    for each in (workers, process):
        each.terminate()
        each.wait()
    process.stderr.close()


def test_dask_overhead_per_point(benchmark: Any, scheduler: str) -> None:
    count = 1000
    taken = benchmark.pedantic(seconds, args=(DaskEngine(scheduler), nothing, count), rounds=1)
    benchmark.extra_info["ms_per_point"] = 1000 * taken / count
    benchmark.extra_info["goal_ms"] = 30


def peak_mib(points: int, folder: Path) -> float:
    """Peak memory of a process that runs a sweep of so many points that do nothing."""
    code = f"import benchmarks.sweeps.test_overheads as b; b.run_sweep({points}, {str(folder)!r})"
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    return float(done.stdout)


def run_sweep(points: int, folder: str) -> None:
    """Run a sweep with the whole machinery, rows in the store, and print the peak memory in MiB."""
    axis = {"key": "seed", "range": {"start": 1, "stop": points, "step": 1}}
    sweep = sweep_from({"fixed": {"target": "copy"}, "axis": [axis]}, where="bench", folder=Path(folder))
    store = Store(Path(folder) / f"{points}.sqlite")

    class Nothing:
        def run(self, work: Any, tasks: Any) -> Any:
            return LocalEngine(2).run(nothing, tasks)

    task = SweepRun(sweep=sweep, store=store, engine=Nothing())
    task.compute()
    store.close()
    sys.stdout.write(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}\n")


def test_memory_over_points(benchmark: Any, tmp_path: Path) -> None:
    few = peak_mib(100, tmp_path)
    many = benchmark.pedantic(peak_mib, args=(10_000, tmp_path), rounds=1)
    benchmark.extra_info |= {"mib_100_points": few, "mib_10000_points": many, "growth_mib": many - few}
