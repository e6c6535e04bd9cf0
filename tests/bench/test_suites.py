"""The list of suites, tables, and comparing runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lpu_emu.bench.compare import COMPARED_COLUMNS, compare, read_rows
from lpu_emu.bench.suites import SUITES, Benchmark, chosen, find_suite, load_suite
from lpu_emu.bench.table import Column, Row, duration, markdown_table, rate, share, text_table, whole
from lpu_emu.errors import InputError, UsageError

COLUMNS = (Column(key="name", title="name"), Column(key="n", title="count", text=whole, right=True))
ROWS: list[Row] = [{"name": "a|b", "n": 12345}, {"name": "c"}]


@pytest.mark.parametrize("name", [suite.name for suite in SUITES])
def test_every_suite_says_what_it_asks(name: str) -> None:
    benchmarks = load_suite(find_suite(name)).benchmarks()
    names = [benchmark.name for benchmark in benchmarks]
    assert len(set(names)) == len(names) > 0
    assert all(benchmark.asks for benchmark in benchmarks)


def test_unknown_suites_are_refused() -> None:
    with pytest.raises(
        UsageError, match="no suite 'hots'; suites: micro, host, networks; did you mean 'host'"
    ):
        find_suite("hots")


def test_chosen_keeps_the_order_of_the_suite() -> None:
    known = [Benchmark(name=name, asks="?") for name in "abc"]
    assert chosen(known, ()) == known
    assert chosen(known, ("c", "a")) == [known[0], known[2]]


def test_tables() -> None:
    assert text_table(COLUMNS, ROWS) == "name   count\na|b   12,345\nc          -"
    assert markdown_table(COLUMNS, ROWS) == (
        "| name | count |\n| --- | ---: |\n| a\\|b | 12,345 |\n| c | - |"
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0.00 B/s"), (0.725, "0.72 B/s"), (999.4, "999 B/s"), (999.6, "1.00 kB/s"), (3.849e11, "385 GB/s")],
)
def test_rates(value: float, text: str) -> None:
    assert rate(value, "B/s") == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(47.1, "47.1 s"), (0.9999, "1.00 s"), (0.006, "6.00 ms"), (3.4e-6, "3.40 us"), (5e-9, "5.00 ns")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_shares() -> None:
    assert share(0.184) == "18%"


def test_comparing_runs() -> None:
    before: list[Row] = [{"name": "a", "cycles": 10, "gone": 1}]
    rows = compare(before, [{"name": "a", "cycles": 12}, {"name": "b", "cycles": 3}], ["cycles", "seconds"])
    assert rows == [
        {"name": "a", "figure": "cycles", "before": 10, "now": 12, "change": 1.2},
        {"name": "b", "figure": "cycles", "before": None, "now": 3, "change": None},
    ]
    assert text_table(COMPARED_COLUMNS, rows).splitlines()[1].split() == ["a", "cycles", "10", "12", "1.20"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "it is no JSON"),
        ("[]", "expected the schema 'x/1', found None"),
        (
            json.dumps({"schema": "y/1", "rows": []}),
            "expected the schema 'x/1', found 'y/1'; write it with --json -o",
        ),
    ],
)
def test_files_that_cannot_be_compared_with(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "old.json"
    path.write_text(content)
    with pytest.raises(InputError, match=message):
        read_rows(path, "x/1")
    with pytest.raises(InputError, match="No such file"):
        read_rows(tmp_path / "nix", "x/1")
