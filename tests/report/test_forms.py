"""The page and the table: what they hold, how wide they are, and that they never change unseen."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lpu_emu.analysis import analyse
from lpu_emu.program.model import Operator, Program
from lpu_emu.program.text import issue, unpack_text
from lpu_emu.report import csv_report, json_report, text_report
from lpu_emu.report.layout import amount, bar, percent, rate, shorten, size, span
from lpu_emu.spec.machine import load_machine

from .samples import product, program, vector_add

HERE = Path(__file__).parent


def page(of: Program) -> str:
    return text_report(of, analyse(of))


@pytest.mark.parametrize("sample", [vector_add(), product()], ids=lambda p: p.name)
def test_page_is_as_before(sample: Program, golden: Callable[[Path, str], None]) -> None:
    golden(HERE / f"{sample.name}.golden.txt", page(sample))


def test_page_of_a_broken_program_names_both_instructions() -> None:
    text = page(vector_add(late=1))
    assert "error: unmet: stream e1 at x=20 in cycle 3" in text
    assert "warning: overwritten: stream e1 at x=21" in text
    assert "mem.W4[1]" in text
    assert "vxm.0[1]" in text


def long_ago(sample: Program) -> Program:
    """The same program with every queue three hundred million cycles later."""
    isa = sample.machine.isa
    rest = [issue(isa, "nop", count=60_000)] * 5_000
    queues = {name: [*rest, *unpack_text(isa, text)] for name, text in sample.queues.items()}
    operators = [replace(o, name="layer/" * 9 + o.name, op_type="ConvTranspose") for o in sample.operators]
    return program(sample.machine, "late", queues, sample.bindings, operators)


def test_pages_fit_in_a_hundred_columns_of_ascii() -> None:
    named = [Operator(name="block/" * 20 + str(i), op_type="ConvTranspose" * 3) for i in range(3)]
    long = vector_add(operators=True)
    long = program(long.machine, "x" * 120, {}, operators=named)
    huge = long_ago(vector_add(operators=True)), long_ago(vector_add())
    for sample in (vector_add(), vector_add(operators=True), product(), long, *huge):
        text = page(sample)
        assert text.isascii()
        body = [line for line in text.splitlines() if not line.startswith("x" * 100)]
        assert max(map(len, body)) <= 100


def test_a_page_lists_the_operators_that_add_most() -> None:
    sample = vector_add(operators=True)
    many = [*sample.operators, *(Operator(name=f"idle{i}", op_type="Reshape") for i in range(60))]
    text = page(Program(**{**vars(sample), "operators": tuple(many)}))
    assert "and 53 more operators, which add 0 cycles" in text
    assert "\n  sum " in text
    assert "\n  store " in text
    assert len(text.splitlines()) <= 50


def test_a_page_of_nothing() -> None:
    text = page(program(load_machine("tiny"), "empty", {}))
    assert "0 cycles" in text
    assert "Hazards: none" in text


def test_table_has_a_row_per_operator_or_per_queue() -> None:
    for sample, key in ((vector_add(operators=True), "ops"), (vector_add(), "queues")):
        analysis = analyse(sample)
        rows = list(csv.DictReader(io.StringIO(csv_report(sample, analysis))))
        data = json_report(sample, analysis)[key]
        assert [row["name"] for row in rows] == [entry["name"] for entry in data]
        for row, entry in zip(rows, data, strict=True):
            flat = {k: str(v) for k, v in entry.items() if k != "loads"}
            assert {k: v for k, v in row.items() if not k.startswith("load_")} == flat
            loads = {k: int(v) for k, v in row.items() if k.startswith("load_") and int(v)}
            assert loads == {f"load_{k}": v for k, v in entry.get("loads", {}).items()}


def test_numbers_in_words() -> None:
    assert [size(0), size(9_999), size(10_240), size(220 << 20)] == [
        "0 B",
        "9,999 B",
        "10.0 KiB",
        "220.0 MiB",
    ]
    assert [amount(9_999), amount(409_600), amount(3.2e9)] == ["9,999", "409.6 k", "3.2 G"]
    assert [rate(0.04), rate(99.94), rate(627.2)] == ["0.0", "99.9", "627"]
    assert [percent(0), percent(0.0004), percent(0.5), percent(1)] == ["0.0%", "<0.1%", "50.0%", "100.0%"]


def test_bars_and_time_lines() -> None:
    assert [bar(0, 4), bar(0.001, 4), bar(0.5, 4), bar(1, 4), bar(2, 4)] == [
        "....",
        "#...",
        "##..",
        "####",
        "####",
    ]
    assert span(0, 10, 10, 5) == "#####"
    assert span(9, 10, 10, 5) == "....#"
    assert span(3, 4, 10, 5) == ".#..."
    assert span(0, 0, 0, 5) == "....."
    assert [shorten("abcdef", 6), shorten("abcdefgh", 6)] == ["abcdef", "ab..gh"]
