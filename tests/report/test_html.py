"""The page without a browser: it stands alone, says what the tables say, and is small."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from lpu_emu.analysis import analyse
from lpu_emu.program.model import Program, Source
from lpu_emu.report import html_report, json_report
from lpu_emu.report.html_page import _ASSETS, SCRIPTS
from lpu_emu.report.picture.document import picture_of
from lpu_emu.spec.machine import load_machine

from .pages import Elements, digits, gated_block, kernel, page_of, read_page, urls
from .samples import product, program, vector_add

SAMPLES = [vector_add(), vector_add(operators=True), vector_add(late=1), product()]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda p: f"{p.name}{len(p.operators)}")
def test_a_page_holds_the_figures_and_all_tables(sample: Program) -> None:
    analysis = analyse(sample)
    read = read_page(html_report(sample, analysis))
    assert read.document["figures"] == json.loads(json.dumps(json_report(sample, analysis)))
    picture = picture_of(sample, analysis)
    assert list(read.tables) == list(picture.tables)
    for name, table in picture.tables.items():
        for column, values in table.columns.items():
            assert read.tables[name][column].tolist() == values.tolist(), (name, column)


def test_a_page_needs_nothing_from_outside() -> None:
    text = page_of(kernel("fused_linear"))
    elements = Elements(text)
    assert urls(text) == []
    assert {a.get("href") for tag, a in elements.tags if tag in ("link", "a")} == {"data:,", "#where"}
    assert not [a for _, a in elements.tags if "src" in a]
    assert not re.search(r"@import|url\(|fetch\(|XMLHttpRequest|WebSocket|import\(", text)
    (policy,) = (a["content"] for tag, a in elements.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert (policy or "").startswith("default-src 'none'")


def test_every_asset_is_in_the_page() -> None:
    text = page_of(product())
    assert {path.stem for path in _ASSETS.glob("*.js")} == set(SCRIPTS)
    for name in SCRIPTS:
        assert (_ASSETS / f"{name}.js").read_text(encoding="utf-8") in text
    assert "{{" not in (_ASSETS / "style.css").read_text(encoding="utf-8")
    for path in _ASSETS.iterdir():
        assert len(path.read_text(encoding="utf-8").splitlines()) < 700, path


def test_names_cannot_break_a_page() -> None:
    wild = '</script><script>alert(1)</script>{{tables}}&"'
    sample = vector_add(operators=True)
    sample = replace(
        sample,
        name=wild,
        operators=tuple(replace(o, name=wild) for o in sample.operators),
        source=Source(name=wild, text=wild),
    )
    text = page_of(sample)
    assert text.count("<script") == page_of(vector_add()).count("<script")
    read = read_page(text)
    assert read.document["figures"]["program"]["name"] == wild
    assert read.document["figures"]["ops"][0]["name"] == wild
    assert Elements(text).texts["title", None] == f"{wild} on tsp1"


def test_every_label_belongs_to_a_control_and_every_section_has_a_heading() -> None:
    tags = Elements(page_of(product())).tags
    ids = [a["id"] for _, a in tags if a.get("id")]
    assert len(ids) == len(set(ids))
    assert {a["for"] for tag, a in tags if tag == "label"} <= set(ids)
    for tag, attributes in tags:
        if tag == "section":
            assert attributes["aria-labelledby"] in ids
        if tag in ("input", "select"):
            labelled = attributes.get("aria-label") or any(
                a.get("for") == attributes["id"] for t, a in tags if t == "label"
            )
            assert labelled, attributes


def test_hazards_are_listed() -> None:
    hazards = read_page(page_of(vector_add(late=1))).document["facts"]["hazards"]
    assert hazards[0]["cycle"] == 3
    assert "unmet" in hazards[0]["text"]


def test_long_source_lines_are_cut() -> None:
    sample = replace(vector_add(), source=Source(name="x.lpu", text="a\n" + "f" * 100_000 + "\nb"))
    lines = read_page(page_of(sample)).document["facts"]["source"]["text"].split("\n")
    assert [len(line) for line in lines] == [1, 160, 1]


def test_an_empty_program_has_a_page() -> None:
    read = read_page(page_of(program(load_machine("tiny"), "empty", {})))
    assert [len(table) for table in read.tables.values()] == [0] * len(read.tables)


def test_pages_are_the_same_every_time() -> None:
    assert page_of(product()) == page_of(product())


def test_pages_of_models_are_small(tmp_path: Path) -> None:
    for sample in (digits(), digits("int8"), gated_block(tmp_path)):
        assert len(page_of(sample)) < 250_000
