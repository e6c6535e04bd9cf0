"""The table of claims: what its rows must say, the verdicts, and that docs/claims.md is what the code writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from lpu_emu.system.claims import Claim, Range, claims, judged
from lpu_emu.system.pages import claims_page

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def rows() -> tuple[Claim, ...]:
    return claims()


def test_verdicts() -> None:
    assert judged(100, Range(model=98, low=90, high=110)) == "reproduced (ratio 0.98)"
    assert judged(100, Range(model=80, low=70, high=110)) == "consistent within the error bars (ratio 0.8)"
    below = judged(100, Range(model=50, low=40, high=60))
    assert below.startswith("inconsistent because the model stays below it, 0.4 to 0.6")
    assert judged(100, Range(model=500, low=400, high=600)).startswith(
        "inconsistent because the model stays above it"
    )
    assert judged(100, Range(model=None, low=None, high=None)).startswith(
        "inconsistent because one side does not reach"
    )


@pytest.mark.slow
def test_every_claim_has_a_row(rows: tuple[Claim, ...]) -> None:
    names = [row.id for row in rows]
    assert len(set(names)) == len(names)
    wanted = (
        "700m-gw",
        "700m-rack",
        "350x",
        "500x-1",
        "35x",
        "10x",
        "thousand-gpt-oss-120b",
        "gemma-100k",
        "gemma-best",
    )
    assert {*wanted, "scale-up", "peak-sram", "sram", "peak-flops"} <= set(names)
    for row in rows:
        assert row.assumptions
        assert row.scope
        assert row.verdict.startswith(
            ("reproduced", "consistent within", "inconsistent because", "no primary", "not judged")
        )
        if row.model is not None and row.low is not None and row.high is not None:
            assert row.low <= row.model * 1.0001
            assert row.model <= row.high * 1.0001


@pytest.mark.slow
def test_page_is_up_to_date(rows: tuple[Claim, ...]) -> None:
    """A better compiler changes cycles, and then this page."""
    written = (ROOT / "docs" / "claims.md").read_text(encoding="utf-8")
    assert written == claims_page(rows), "run: lpu-emu rack claims --markdown > docs/claims.md"
