"""Engines: every point once, whatever dies; and a real Dask cluster on this machine."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lpu_emu.errors import InputError
from lpu_emu.sweep.engines import DaskEngine, LocalEngine, Task

from . import work

ROOT = Path(__file__).resolve().parents[2]


def tasks(count: int, target: str = "") -> list[Task]:
    return [Task(digest=str(i), settings={"seed": i, "target": target}) for i in range(count)]


def by_seed(done: Iterator[object]) -> dict[int, object]:
    found: dict[int, object] = {}
    for each in done:
        seed = each.task.settings["seed"]  # type: ignore[attr-defined]
        assert seed not in found, f"point {seed} came twice"
        found[seed] = each.row and each.row["cycles"]  # type: ignore[attr-defined]
    return found


def test_local_workers_do_every_point_once() -> None:
    assert by_seed(LocalEngine(2).run(work.square, tasks(20))) == {i: i * i for i in range(20)}


def test_points_are_made_as_they_are_needed() -> None:
    made: list[int] = []

    def lazily() -> Iterator[Task]:
        for task in tasks(1000):
            made.append(task.settings["seed"])
            yield task

    running = LocalEngine(1).run(work.square, lazily())
    next(running)
    assert len(made) < 20
    running.close()  # type: ignore[attr-defined]


def test_a_worker_that_dies_loses_nothing(tmp_path: Path) -> None:
    found = by_seed(LocalEngine(2).run(work.die_once, tasks(12, str(tmp_path / "mark"))))
    assert found == {i: i * i for i in range(12)}


def test_a_point_that_always_kills_its_worker_is_blamed_alone() -> None:
    found = by_seed(LocalEngine(2).run(work.die_always, tasks(8)))
    assert found == {i: None if i == 3 else i * i for i in range(8)}


@pytest.fixture(scope="module")
def cluster() -> Iterator[tuple[str, list[subprocess.Popen[str]]]]:
    """Start a scheduler and two workers as processes of their own."""
    dask = str(Path(sys.executable).parent / "dask")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
    scheduler = subprocess.Popen(
        [dask, "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"],
        stderr=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    assert scheduler.stderr is not None
    address = ""
    while not address:
        line = scheduler.stderr.readline()
        assert line, "the scheduler did not start"
        match = re.search(r"tcp://127\.0\.0\.1:\d+", line)
        address = match[0] if match else ""
    command = [dask, "worker", address, "--nthreads", "1", "--no-dashboard", "--no-nanny"]
    workers = [
        subprocess.Popen(command, env=environment, text=True, stderr=subprocess.DEVNULL, cwd=ROOT)
        for _ in range(2)
    ]
    yield address, workers
    for process in (*workers, scheduler):
        process.kill()
        process.wait()
    scheduler.stderr.close()


def test_a_cluster_survives_the_death_of_a_worker(
    cluster: tuple[str, list[subprocess.Popen[str]]],
) -> None:
    address, workers = cluster
    running = DaskEngine(address).run(work.slow_square, tasks(60))
    found = {}
    for each in running:
        found[each.task.settings["seed"]] = each.row and each.row["cycles"]
        if len(found) == 20:
            workers[0].send_signal(signal.SIGKILL)
    assert found == {i: i * i for i in range(60)}
    assert workers[0].wait() == -signal.SIGKILL


def test_nobody_answers() -> None:
    started = time.monotonic()
    with pytest.raises(InputError, match="no Dask scheduler answers"):
        DaskEngine("tcp://127.0.0.1:9", timeout_s=1)
    assert time.monotonic() - started < 30
