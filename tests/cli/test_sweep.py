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
    written = call("sweep", "plot", "r.csv", "-o", "p.png", "--json").json
    size = (workdir / "p.png").stat().st_size
    assert written["schema"] == "lpu-emu/sweep-plot/1"
    assert (written["kind"], written["file"]) == ("pareto", {"path": "p.png", "bytes": size})


def test_a_search(spec: Path) -> None:
    done = call("sweep", "optimise", spec, "--trials", "2", "--json")
    assert done.json["best"]["row"]["cycles"] == 95
    none = call("sweep", "optimise", spec, "--trials", "2", "--subject-to", "cycles<10")
    assert none.code == 1
    assert none.out == "none of 2 points keeps cycles<10\n"


def test_bundled_sweeps_are_listed_and_run_by_name(spec: Path) -> None:
    listed = call("sweep", "--list", "--json").json
    assert listed["schema"] == "lpu-emu/sweep-list/1"
    points = {entry["name"]: entry["points"] for entry in listed["sweeps"]}
    assert list(points) == ["sensitivity", "sensitivity_lp30"]
    assert [line.split()[:2] for line in call("sweep", "--list").out.splitlines()[1:]] == [
        [name, str(number)] for name, number in points.items()
    ]
    done = call("sweep", "sensitivity", "--dry-run", "--json")
    assert (done.json["sweep"], done.json["points"]) == ("sensitivity", points["sensitivity"])


def test_ranges_of_a_sweep_whose_axes_are_alone(spec: Path) -> None:
    spec.write_text(
        'name = "ways"\n[[axis]]\nkey = "target"\nvalues = ["validate:path.alu", "validate:icu.nop"]\n'
        '[[axis]]\nkey = "chip.distance.vxm_to_mem"\nalone = true\nvalues = [0, 2]\n'
        '[[axis]]\nkey = "chip.icu.queue_bytes"\nalone = true\nvalues = [1536]\n'
    )
    done = call("sweep", spec, "-o", "r.csv", "--workers", "1", "--json").json
    assert (done["points"], done["failed"]) == (8, 2)
    found = call("sweep", "ranges", "r.csv", "--json").json
    assert found["schema"] == "lpu-emu/sweep-ranges/1"
    alu, nop = found["rows"]
    assert (alu["name"], alu["base"], alu["low"], alu["high"]) == ("validate:path.alu", 5, 5, 6)
    assert alu["moved_by"] == [{"key": "chip.distance.vxm_to_mem", "value": 2, "result": 6}]
    assert (nop["low"], nop["high"], nop["moved_by"]) == (65535, 65535, [])
    lines = call("sweep", "ranges", "r.csv").out.splitlines()
    assert lines[1].split(maxsplit=2) == ["validate:path.alu", "5", "5 .. 6  chip.distance.vxm_to_mem"]
    assert lines[2].split() == ["validate:icu.nop", "65535"]


def test_a_kernel_in_python_in_its_sizes(spec: Path, workdir: Path) -> None:
    spec.write_text(
        'name = "sizes"\n[fixed]\ntarget = "axpy"\n[[axis]]\nkey = "size"\nvalues = ["wide", "nosuch"]\n'
    )
    done = call("sweep", spec, "--workers", "1", "--json").json
    assert [row["cycles"] for row in done["rows"]] == [
        call("run", "axpy", "--size", "wide", "--json").json["cycles"],
        None,
    ]
    assert "axpy.py has no size 'nosuch'" in done["rows"][1]["error"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("sweep", "--json"), 2, "name a sweep file or a bundled sweep"),
        (("sweep", "--list", "run", "small.toml"), 2, "give options behind the command: lpu-emu sweep run"),
        (("sweep", "sensitivty"), 3, "did you mean 'sensitivity'?"),
        (("sweep", "ranges", "nosuch.csv"), 3, "cannot be read"),
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
