"""``lpu-emu sweep``."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .commands import ROOT, call

SPEC = """name = "small"
[fixed]
target = "copy"
[[axis]]
key = "seed"
values = [1, 2, 3]
"""


@pytest.fixture
def spec(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LPU_EMU_CACHE_DIR", str(workdir / "cache"))
    path = workdir / "small.toml"
    path.write_text(SPEC)
    return path


def known_points(workdir: Path) -> int:
    """Count the points that are safe in the store."""
    store = workdir / "cache" / "lpu-emu" / "sweeps.sqlite"
    if not store.exists():
        return 0
    with (
        contextlib.suppress(sqlite3.OperationalError),
        contextlib.closing(sqlite3.connect(store)) as database,
    ):
        return int(database.execute("select count(*) from results").fetchone()[0])
    return 0


def rows_of(path: Path) -> list[dict[str, str]]:
    lines = [line for line in path.read_text().splitlines() if not line.startswith("# ")]
    return list(csv.DictReader(lines))


def test_a_sweep_writes_one_row_per_point_and_knows_them_the_next_time(spec: Path, workdir: Path) -> None:
    done = call("sweep", spec, "-o", "r.csv", "--workers", "1", "--json")
    assert done.code == 0, done
    assert (done.json["schema"], done.json["points"], done.json["computed"]) == ("lpu-emu/sweep/1", 3, 3)
    rows = rows_of(workdir / "r.csv")
    assert [(row["seed"], row["cycles"]) for row in rows] == [("1", "95"), ("2", "95"), ("3", "95")]
    again = call("sweep", "run", spec, "--resume", "--json").json
    assert (again["computed"], again["known"]) == (0, 3)


def test_a_dry_run_counts_and_estimates(spec: Path) -> None:
    done = call("sweep", spec, "--dry-run")
    assert done.out.splitlines()[0] == "small: 3 points, 0 of them known, 3 to compute"
    assert done.out.splitlines()[-1] == "no estimate: no point is known yet"


def test_a_killed_driver_is_resumed(spec: Path, workdir: Path) -> None:
    spec.write_text(SPEC.replace("values = [1, 2, 3]", "range = { start = 1, stop = 200, step = 1 }"))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "lpu_emu", "sweep", str(spec), "--workers", "1", "-o", "r.csv"]
    driver = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, start_new_session=True)
    while known_points(workdir) < 5:
        time.sleep(0.05)
    os.killpg(driver.pid, signal.SIGKILL)
    assert driver.wait() == -signal.SIGKILL
    assert not (workdir / "r.csv").exists()
    done = call("sweep", spec, "--resume", "--workers", "2", "-o", "r.csv", "--json").json
    assert 0 < done["known"] < 200
    assert done["known"] + done["computed"] == 200
    assert [int(row["seed"]) for row in rows_of(workdir / "r.csv")] == list(range(1, 201))


def test_a_failing_point_is_a_row(spec: Path, workdir: Path) -> None:
    spec.write_text(SPEC.replace('target = "copy"', 'target = "copy"\nprecision = "fp16"'))
    done = call("sweep", spec, "--workers", "1", "--json")
    assert done.code == 0
    assert done.json["failed"] == 3
    assert all("go with models" in row["error"] for row in done.json["rows"])


def test_pictures(spec: Path, workdir: Path) -> None:
    call("sweep", spec, "-o", "r.csv", "--workers", "1")
    done = call("sweep", "plot", "r.csv", "--kind", "tornado", "-o", "t.svg")
    assert done.code == 0, done
    assert (workdir / "t.svg").read_text().startswith("<?xml")


def test_a_search(spec: Path) -> None:
    done = call("sweep", "optimise", spec, "--trials", "2", "--json")
    assert done.json["best"]["row"]["cycles"] == 95
    none = call("sweep", "optimise", spec, "--trials", "2", "--subject-to", "cycles<10")
    assert none.code == 1
    assert none.out == "none of 2 points keeps cycles<10\n"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("sweep", "nosuch.toml"), 3, "cannot be read as a sweep file"),
        (("sweep", "small.toml", "--resume"), 2, "there is nothing to resume"),
        (("sweep", "small.toml", "--resume", "--fresh"), 2, "give one of them"),
        (("sweep", "small.toml", "-o", "r.xls"), 2, "unknown kind of file"),
        (("sweep", "small.toml", "-o", "nosuch/r.csv"), 2, "does not exist"),
        (("sweep", "optimise", "small.toml", "--minimise", "cycels"), 2, "did you mean 'cycles'?"),
        (("sweep", "plot", "nosuch.csv", "-o", "p.png"), 3, "cannot be read"),
        (("sweep", "plot", "small.toml", "-o", "p.png"), 2, "unknown kind of file"),
    ],
)
def test_refusals(spec: Path, arguments: tuple[str, ...], code: int, message: str) -> None:
    done = call(*arguments)
    assert (done.code, message in done.err) == (code, True), done


def test_the_shipped_output_is_whole_json(spec: Path) -> None:
    assert json.loads(call("sweep", spec, "--workers", "1", "--json").out)["provenance"]["sweep"] == "small"
