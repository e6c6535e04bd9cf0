"""The suite as a command runs it: choosing, other chips, chips that are too small, histories."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest

from cli.commands import call
from lpu_emu.bench.micro import benchmarks
from lpu_emu.bench.micro.runner import run_suite
from lpu_emu.bench.micro.suite import known, suite
from lpu_emu.errors import UsageError
from lpu_emu.program.results import read_runs
from lpu_emu.spec.chip import chip_from_table, load_chip
from lpu_emu.spec.machine import load_machine


def quiet(_name: str) -> None:
    """Show no progress."""


def test_names_are_unique_and_every_benchmark_asks_something() -> None:
    listed = benchmarks()
    assert len({b.name for b in listed}) == len(listed) > 100
    assert all(b.asks.endswith(".") for b in listed)


@pytest.mark.parametrize("chip", ["tsp1", "tiny", "lp30"])
def test_every_key_is_one_of_the_chip(chip: str) -> None:
    machine = load_machine(chip)
    for micro in suite(machine):
        says = known(machine, micro.key)
        assert says is None or (says.tag and says.value is not None), micro.name


def test_patterns_choose_and_unknown_ones_are_refused() -> None:
    report = run_suite("tiny", only=("icu.*", "mem.read.latency"), values=False, progress=quiet)
    assert [row["name"] for row in report.rows][:2] == ["mem.read.latency", "icu.barrier"]
    with pytest.raises(
        UsageError, match=r"no benchmark 'mem\.raed\.latency'; did you mean 'mem\.read\.latency'"
    ):
        run_suite("tiny", only=("mem.raed.latency",), values=False, progress=quiet)


def test_a_chip_that_is_too_small_has_a_reason_in_the_row() -> None:
    table = copy.deepcopy(dict(load_chip("tiny").table))
    table["mem"]["slices"]["value"] = 2
    chip = chip_from_table(table, where="small")
    report = run_suite(chip, only=("sxm.latency.distribute",), values=False, progress=quiet)
    assert report.rows[0]["value"] is None
    assert "no free memory slice" in report.rows[0]["note"]
    assert len(report.failures) == 1


def test_a_history_grows_and_is_compared_with(tmp_path: Path) -> None:
    history = tmp_path / "history.h5"
    for chip in ("tiny", "tiny", "lp30"):
        done = call("bench", "micro", "--quick", "--only", "icu.barrier", "--chip", chip, "-o", history)
        assert (done.code, done.out) == (0, "")
    runs = read_runs(history)
    assert [run.facts["chip"] for run in runs] == ["tiny", "tiny", "lp30"]
    assert {"time", "version", "chip_digest", "isa_digest"} <= set(runs[0].facts)
    same = call("bench", "--quick", "--only", "icu.barrier", "--chip", "lp30", "--compare", history)
    assert same.code == 0
    other = call("bench", "--quick", "--only", "icu.barrier", "--chip", "tiny", "--compare", history)
    assert other.code == 1
    assert "failed: icu.barrier: value was 35, is 5" in other.err


def test_a_history_of_other_things_is_refused(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.h5"
    foreign.write_text("no HDF5")
    done = call("bench", "--quick", "--only", "icu.barrier", "--chip", "tiny", "--compare", foreign)
    assert (done.code, done.out) == (3, "")
    assert "cannot be read as results of benchmarks" in done.err
