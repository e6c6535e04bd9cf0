"""Rows of ``lpu-emu validate``: the whole table, the page that shows it, and how rows are judged."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lpu_emu.bench.micro.lab import Lab
from lpu_emu.bench.micro.measured import Measured
from lpu_emu.bench.validate import compiled, tables
from lpu_emu.bench.validate.claim import (
    AT_LEAST,
    AT_MOST,
    FAILED,
    NETWORK,
    NOT_MEASURED,
    OUT_OF_REACH,
    PASSED,
    STATUSES,
    WAITING,
    Claim,
    judged,
)
from lpu_emu.bench.validate.evaluate import chosen, claims, evaluate, laboratories, outcome, summary
from lpu_emu.bench.validate.picture import picture
from lpu_emu.errors import MissingExtraError, UsageError
from lpu_emu.spec.machine import load_machine

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "validation.md"
BEGIN, END = "<!-- begin: lpu-emu validate --networks --markdown -->", "<!-- end -->"
TINY = load_machine("tiny")


def quiet(_name: str, _share: float) -> None:
    """Show no progress."""


def constant(value: float) -> Claim:
    """Return a claim that 100 was published, and whose measurement gives a value."""
    found = Measured(value=value, programs=(), cycles=0)
    return Claim(
        id="x", what="x", group="unit", source="S20", published=100, unit="cycles", measure=lambda _lab: found,
        tolerance=0.05,
    )  # fmt: skip


@pytest.mark.slow
def test_the_table_meets_its_goals_and_the_page_shows_it(pytestconfig: pytest.Config) -> None:
    wanted = claims()
    outcomes = evaluate(wanted, laboratories(wanted, values=False), quiet)
    found = summary(outcomes)
    measured = [o for o in outcomes if o.status in (PASSED, FAILED)]
    assert len(measured) >= 30
    assert found.median_error <= 0.05
    units = [o for o in measured if o.claim.group != NETWORK and not o.claim.bound]
    assert max(abs((o.ratio or 0) - 1) for o in units) <= 0.15
    assert all(o.programs for o in measured)
    rows = tables.rows(outcomes)
    expected = tables.markdown(rows, outcomes, sensitive=False)
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    shown, _, after = rest.partition(END)
    if pytestconfig.getoption("--update-golden"):
        PAGE.write_text(f"{before}{BEGIN}\n\n{expected}\n\n{END}{after}", encoding="utf-8")
        shown = expected
    assert shown.strip() == expected, "--update-golden writes the tables into the page"
    assert_picture_shows(rows)
    assert [o.claim.id for o in measured if o.status == FAILED and o.claim.group != NETWORK] == []


def assert_picture_shows(rows: Sequence[Mapping[str, Any]]) -> None:
    """Check that the picture in the documentation has the ratios of the table, but for those of compiled programs."""
    drawn = (ROOT / "docs" / "validation.svg").read_text(encoding="utf-8")
    texts = [t.text or "" for t in ET.fromstring(drawn).iter("{http://www.w3.org/2000/svg}text")]
    for row in rows:
        if row["ratio"] is not None and row["group"] in ("unit", "path"):
            assert row["id"] in texts
            assert any(t.startswith(f"{row['ratio']:.3f} ") for t in texts), row["id"]


def test_every_row_says_where_it_comes_from() -> None:
    found = claims()
    assert len({c.id for c in found}) == len(found) >= 60
    for claim in found:
        assert claim.weight in ("published", "secondary", "derived")
        assert (claim.measure is not None) or claim.obstacle, claim.id
        assert claim.tolerance <= 0.15 or claim.group == "network"
        assert claim.reason


def test_the_page_explains_every_status() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert all(f"| {status} |" in page for status in STATUSES)


@pytest.mark.parametrize(
    ("value", "bound", "passed"),
    [(105, "", True), (94.9, "", False), (99, AT_MOST, True), (101, AT_MOST, False), (99, AT_LEAST, False)],
)
def test_judging(value: float, bound: str, passed: bool) -> None:
    claim = constant(value)
    assert judged(Claim(**{**vars(claim), "bound": bound}), value) == passed


def test_units_are_converted_and_nothing_else() -> None:
    claim = Claim(**{**vars(constant(50)), "scale": 2.0, "at_clock": True})
    assert outcome(claim, Lab(TINY)).emulated == 50 * 2 * TINY.chip.clock_hz


def test_rows_that_cannot_be_measured() -> None:
    without = Claim(**{**vars(constant(0)), "measure": None, "obstacle": "too far"})
    assert outcome(without, Lab(TINY)).status == OUT_OF_REACH
    beside = Claim(**{**vars(constant(70)), "obstacle": "too far"})
    found = outcome(beside, Lab(TINY))
    assert (found.status, found.ratio, found.as_row()["passed"]) == (OUT_OF_REACH, 0.7, False)
    impossible = Claim(**{**vars(chosen(("mxm.feed",))[0]), "measure": _raise})
    assert outcome(impossible, Lab(TINY)).status == FAILED
    assert not summary([outcome(impossible, Lab(TINY))]).passed


def _raise(_lab: Lab) -> Measured:
    raise UsageError("no room")


def network(id: str) -> Claim:
    (claim,) = chosen((f"network.{id}",))
    return claim


def test_networks_without_a_program_wait() -> None:
    found = outcome(network("bert_base"), Lab(TINY))
    assert (found.status, found.emulated) == (WAITING, None)
    assert summary([found]).passed


def test_networks_are_slow_and_measured_only_when_asked_for() -> None:
    (found,) = evaluate([network("resnet50")], {"tsp1": Lab(TINY)}, quiet, slow=False)
    assert (found.status, found.emulated, found.as_row()["passed"]) == (NOT_MEASURED, None, False)
    assert "--networks measures it" in found.note
    assert summary([found]).passed
    assert {c.group for c in claims() if c.slow} == {"network"}


def test_blocks_are_differences_of_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    # Stem 1000, a conv3 block 30, a conv4 block 7: ResNet-50 has 4 and 6 of them, -101 4 and 23, -152 8 and 36.
    cycles = {"resnet50": 1000 + 120 + 42, "resnet101": 1000 + 120 + 161, "resnet152": 1000 + 240 + 252}
    made: list[str] = []
    lab = Lab(TINY)

    def trial_of(_lab: Lab, name: str) -> Any:
        made.append(name)
        return SimpleNamespace(cycles=cycles[name], program=SimpleNamespace(name=name))

    monkeypatch.setattr(compiled, "trial_of", trial_of)
    conv3, conv4, whole = (outcome(network(id), lab) for id in ("conv3", "conv4", "resnet152"))
    assert (conv3.emulated, conv4.emulated, whole.emulated) == (30, 7, 1492)
    assert sorted(made) == sorted(cycles)
    assert set(conv3.programs) == set(cycles)
    assert (conv4.status, conv4.note) == (
        FAILED,
        "a difference of rounded rates: 20 cycles more or less; waits for better schedules",
    )
    found = summary([conv3, conv4, whole])
    assert (found.networks[FAILED], found.counts[FAILED], found.passed) == (3, 0, False)
    assert (found.median_error, found.largest_id) == (0, "")


def test_a_small_network_is_compiled_and_has_its_values() -> None:
    lab = Lab(load_machine("tsp1"))
    trial = compiled.trial_of(lab, "tiny_cnn")
    assert lab.programs["tiny_cnn"] is trial
    assert trial.cycles > 0


def test_a_network_without_its_extra_is_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_name: str) -> Any:
        raise MissingExtraError("onnx", "verify", "building a network")

    monkeypatch.setattr(compiled, "graph_of", missing)
    found = outcome(network("resnet50"), Lab(TINY))
    assert (found.status, found.emulated) == (OUT_OF_REACH, None)
    assert found.note.startswith("building a network needs the package 'onnx'")
    assert summary([found]).passed


def test_the_picture_draws_every_ratio() -> None:
    rows = [outcome(constant(v), Lab(TINY)).as_row() | {"id": f"r{v}"} for v in (98, 140)]
    rows[0] |= {"spread_low": 90, "spread_high": 120}
    root = ET.fromstring(picture(rows))
    space = "{http://www.w3.org/2000/svg}"
    # What lies beyond the axis is an arrow.
    assert len(root.findall(f"{space}circle")) == 1
    assert len(root.findall(f"{space}path")) == 1
    texts = [t.text or "" for t in root.iter(f"{space}text")]
    assert {"r98", "r140"} <= set(texts)
    assert any(re.match(r"0\.980 ", t) for t in texts)


def test_texts_of_the_table() -> None:
    outcomes = [outcome(constant(98), Lab(TINY))]
    text = tables.text(tables.rows(outcomes), outcomes, sensitive=False)
    assert text.splitlines()[-1] == "1 passed, 0 failed; median |ratio - 1| 2.0%, largest 2.0% (x)"
    assert "| x | x | S20 | published | 100 | 98 | cycles | 0.980 | 5% | passed |" in tables.markdown(
        tables.rows(outcomes), outcomes, sensitive=False
    )
