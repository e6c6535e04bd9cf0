"""Chips as text and rows."""

from __future__ import annotations

import json

import pytest

from lpu_emu.spec.chip import chip_from_table
from lpu_emu.spec.chip_pages import chip_diff, chip_diff_text, chip_page, chip_table, short
from lpu_emu.spec.isa import load_isa
from lpu_emu.spec.machine import Machine, load_machine

from .tables import CHIPS, change
from .tables import chip_table as valid_table


@pytest.mark.parametrize("name", CHIPS)
def test_a_page_shows_every_number_with_unit_tag_and_source(name: str) -> None:
    machine = load_machine(name)
    lines = chip_page(machine).splitlines()
    assert lines[0] == f"# {name}: {machine.chip.title}"
    for row in chip_table(machine):
        shown = [line for line in lines if line.startswith(f"| {row['key']} ")]
        assert len(shown) == 1, row["key"]
        last = row["source"].replace("|", "\\|")
        assert shown[0].endswith(f" {last} |")
        assert f" {row['unit']} " in shown[0]
        assert f" {row['rests_on']} " in shown[0]
    for key, text in machine.chip.sources.items():
        assert f"- {key}: {text}" in lines


def test_the_summary_counts_tags() -> None:
    chip = load_machine("tsp1").chip
    counts = {
        tag: sum(f.tag == tag for f in chip.facts.values())
        for tag in ("published", "secondary", "derived", "choice")
    }
    expected = ", ".join(f"{count} {tag}" for tag, count in counts.items())
    assert f"{len(chip.facts)} numbers: {expected}." in chip_page(load_machine("tsp1"))
    tiny = load_machine("tiny")
    assert f"{len(tiny.chip.facts)} numbers: {len(tiny.chip.facts)} choice." in chip_page(tiny)


def test_rows_are_json_and_complete() -> None:
    rows = chip_table(load_machine("tsp1"))
    assert json.loads(json.dumps(rows)) == rows
    by_key = {row["key"]: row for row in rows}
    assert len(by_key) == len(rows)
    assert by_key["mem.banks"] == {
        "key": "mem.banks",
        "section": "mem",
        "value": 2,
        "unit": "banks",
        "meaning": "Banks of a slice; each serves one access per cycle.",
        "tag": "published",
        "source": "S20: two banks, pseudo-dual-ported",
        "rests_on": "published",
    }
    assert by_key["timing.vxm.func"]["unit"] == "cycles"
    assert by_key["timing.vxm.func"]["meaning"].startswith("Functional delay")
    assert by_key["mxm.macs.int8"] == {
        "key": "mxm.macs.int8",
        "section": "peak",
        "value": 409_600,
        "unit": "MAC/cycle",
        "meaning": "",
        "tag": "derived",
        "source": "planes x lanes x lanes / interval",
        "rests_on": "published",
    }
    assert {row["rests_on"] for row in chip_table(load_machine("lp30")) if row["section"] == "peak"} == {
        "choice",
        "derived",
    }


def test_a_chip_does_not_differ_from_itself() -> None:
    tsp1 = load_machine("tsp1")
    assert chip_diff(tsp1, tsp1) == []
    assert chip_diff_text(tsp1, tsp1) == "tsp1 and tsp1 have the same numbers.\n"


def test_differences_of_two_chips() -> None:
    rows = chip_diff(load_machine("tsp1"), load_machine("lp30"))
    assert [row["key"] for row in rows][:7] == [
        "clock.hz",
        "mem.slices",
        "mem.words_per_bank",
        "mxm.dtypes",
        "c2c.links",
        "c2c.vector_cycles",
        "c2c.latency_cycles",
    ]
    assert rows[1] == {
        "key": "mem.slices",
        "a": 44,
        "b": 80,
        "unit": "slices",
        "tag_a": "published",
        "tag_b": "choice",
    }
    only_b = {row["key"]: (row["a"], row["tag_a"]) for row in rows if row["a"] is None}
    assert only_b == dict.fromkeys(
        ["mxm.macs.bf16", "mxm.rate.bf16", "mxm.macs.fp8", "mxm.rate.fp8"], (None, None)
    )
    assert json.loads(json.dumps(rows)) == rows


def test_a_timing_that_one_chip_inherits_is_compared_with_what_it_inherits() -> None:
    rows = {row["key"]: row for row in chip_diff(load_machine("tiny"), load_machine("tsp1"))}
    gather = rows["timing.gather.func"]
    assert (gather["a"], gather["b"]) == (2, 1)
    table = valid_table("tsp1")
    change(table, "timing/read", {"func": {"value": 1, "tag": "choice", "source": "as all of MEM"}})
    change(table, "timing/notify", {"skew": {"value": 1, "tag": "choice", "source": "unused"}})
    same = Machine(chip=chip_from_table(table, where="x"), isa=load_isa())
    assert [row["key"] for row in chip_diff(load_machine("tsp1"), same)] == ["timing.notify.skew"]


def test_the_text_of_a_difference() -> None:
    lines = chip_diff_text(load_machine("tsp1"), load_machine("lp30")).splitlines()
    assert lines[0].split() == [
        *("|", "key", "|", "tsp1", "|", "lp30", "|", "unit", "|"),
        *("tag", "of", "tsp1", "|", "tag", "of", "lp30", "|"),
    ]
    assert "| mem.slices         | 44                | 80                           | slices " in lines[3]
    rate = next(line for line in lines if line.startswith("| mxm.rate.fp8 "))
    assert rate.split("|")[2:4] == [" -                 ", " 1.23 POPS                    "]


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (737_280_000_000_000, "op/s", "737.28 TOPS"),
        (230_686_720, "B", "220 MiB"),
        (32_768, "B", ""),
        (50_688_000_000_000, "B/s", "50.69 TB/s"),
        (999, "B/s", ""),
        (409_600, "MAC/cycle", ""),
    ],
)
def test_short_forms(value: int, unit: str, text: str) -> None:
    assert short(value, unit) == text
