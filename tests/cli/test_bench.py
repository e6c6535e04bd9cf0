"""``lpu-emu bench``: suites, options, JSON and exit codes, with a suite that only pretends; the host's once for real."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from lpu_emu.bench import suites
from lpu_emu.bench.suites import Benchmark, Options, Report, SuiteModule
from lpu_emu.bench.table import Column, whole
from lpu_emu.cli import bench

from .commands import call

ASKED: list[Options] = []


class Pretender:
    """A suite of one benchmark, which fails when it is asked for small sizes."""

    def benchmarks(self) -> Sequence[Benchmark]:
        return [Benchmark(name="one", asks="how many?")]

    def run(self, options: Options, progress: suites.Progress) -> Report:
        ASKED.append(options)
        progress("counting")
        suites.chosen(self.benchmarks(), options.only)
        return Report(
            rows=({"name": "one", "cycles": 1234},),
            columns=(Column(key="name", title="name"), Column(key="cycles", title="cycles", text=whole)),
            facts={"chip": "tsp1"},
            notes=("a note",),
            failures=("one: 1234 is not 1233",) if options.quick else (),
        )


@pytest.fixture
def pretender(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(_suite: suites.Suite) -> SuiteModule:
        return Pretender()

    ASKED.clear()
    monkeypatch.setattr(suites, "load_suite", load)


@pytest.mark.usefixtures("pretender")
@pytest.mark.parametrize("arguments", [["bench"], ["bench", "micro"], ["bench", "host"]])
def test_a_table_and_its_notes(arguments: list[str]) -> None:
    done = call(*arguments)
    assert (done.code, done.out, done.err) == (0, "name  cycles\none   1,234\n\na note\n", "")


@pytest.mark.usefixtures("pretender")
@pytest.mark.parametrize("suite", bench.SCHEMAS)
def test_json(suite: str, workdir: Path) -> None:
    done = call("bench", suite, "--json")
    assert done.json["schema"] == f"lpu-emu/bench-{suite}/1"
    assert done.json["rows"] == [{"name": "one", "cycles": 1234}]
    assert (done.json["chip"], done.json["failures"]) == ("tsp1", [])
    assert call("bench", suite, "--json", "-o", "old.json").out == ""
    compared = call("bench", suite, "--compare", "old.json")
    assert compared.out.endswith(
        "a note\n\n"
        "benchmark  figure  before    now  now/before\n"
        "one        cycles   1,234  1,234        1.00\n"
    )
    both = call("bench", suite, "--compare", "old.json", "--json")
    assert both.json["compared"] == [
        {"name": "one", "figure": "cycles", "before": 1234, "now": 1234, "change": 1.0}
    ]


@pytest.mark.usefixtures("pretender")
def test_the_default_suite_is_exact() -> None:
    assert call("bench", "--json").json["schema"] == "lpu-emu/bench-micro/1"
    assert [suite.exact for suite in suites.SUITES if suite.name == bench.DEFAULT_SUITE] == [True]
    assert set(bench.SCHEMAS) == {suite.name for suite in suites.SUITES}


@pytest.mark.usefixtures("pretender")
def test_options_reach_the_suite() -> None:
    call("bench", "host", "--only", "one", "--threads", "3", "--cold", "--patience", "5")
    assert [Options(only=("one",), threads=3, cold=True, patience_s=5.0)] == ASKED


@pytest.mark.usefixtures("pretender")
def test_an_exact_result_that_is_wrong_fails() -> None:
    done = call("bench", "micro", "--quick")
    assert (done.code, done.err) == (1, "failed: one: 1234 is not 1233\n")
    assert done.out.startswith("name")


@pytest.mark.usefixtures("pretender")
def test_listing() -> None:
    lines = call("bench", "--list").out.splitlines()
    assert [line.split(":")[0] for line in lines[::2]] == [suite.name for suite in suites.SUITES]
    assert lines[1] == "  one  how many?"
    found = call("bench", "--list", "--json").json
    assert found["schema"] == "lpu-emu/bench-list/1"
    assert found["suites"][0]["benchmarks"] == [{"name": "one", "asks": "how many?"}]


@pytest.mark.usefixtures("pretender")
@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["micro", "--only", "two"], 2, "error: no benchmark 'two'; benchmarks: one"),
        (["--json", "micro"], 2, "error: give options behind the suite: lpu-emu bench micro ..."),
        (["host", "--markdown", "--json"], 2, "error: --markdown excludes --json and --compare"),
        (["host", "-o", "nix/y"], 2, "error: cannot write nix/y: the folder nix does not exist"),
        (["micro", "--compare", "nix"], 3, "error: nix: cannot compare with it: No such file or directory"),
        (["hots"], 2, "error: no command 'hots'; did you mean 'host'?"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage(workdir: Path, arguments: list[str], code: int, message: str) -> None:
    done = call("bench", *arguments)
    assert (done.code, done.out) == (code, "")
    assert done.err.startswith(message)
    assert ASKED == [] or arguments[-1] == "two"


def test_the_host_in_small_sizes(workdir: Path) -> None:
    done = call("bench", "host", "--quick", "--only", "decode_1", "--json")
    assert done.code == 0, done.err
    (row,) = done.json["rows"]
    assert (row["name"], row["differing"], row["met"]) == ("decode_1", 0, None)
    assert {
        "seconds",
        "cycles",
        "cycles_per_s",
        "work_per_s",
        "ratio",
        "goal",
        "peak_bytes",
        "steps_s",
    } <= set(row)
    assert (done.json["threads"], done.json["quick"]) == (2, True)
    assert done.json["rates"]["float32_flops_per_s"] > 0


def test_the_page_of_the_host(workdir: Path) -> None:
    done = call("bench", "host", "--quick", "--only", "moves", "--markdown", "-o", "page.md")
    assert (done.code, done.out) == (0, "")
    text = (workdir / "page.md").read_text()
    assert text.startswith("# Performance\n")
    assert "| moves | 650 |" in text
