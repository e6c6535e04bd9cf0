"""The numbers that docs/hardware.md repeats are those of the chip files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lpu_emu.spec.chip import load_chip
from lpu_emu.spec.markdown import number

from .tables import ISA

PAGE = ISA.parent / "docs" / "hardware.md"


def rows(path: Path, chip: str) -> list[tuple[str, str, str]]:
    """Return key, value and tag of the rows of every table whose second column is a chip."""
    found: list[tuple[str, str, str]] = []
    inside = False
    for line in path.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| number "):
            inside = cells[1] == chip
        elif not line.startswith("|"):
            inside = False
        elif inside and (key := re.fullmatch(r"`([\w.]+)`", cells[0])):
            found.append((key[1], cells[1], cells[2]))
    return found


@pytest.mark.parametrize(("chip", "least"), [("tsp1", 35), ("lp30", 8)])
def test_numbers_and_tags_match_the_chip_file(chip: str, least: int) -> None:
    facts = load_chip(chip).facts
    found = rows(PAGE, chip)
    assert len(found) >= least
    for key, value, tag in found:
        shown = facts[key].value
        text = ", ".join(map(str, shown)) if isinstance(shown, list) else number(shown)
        assert (key, value, tag) == (key, text, facts[key].tag)


@pytest.mark.parametrize("name", ["docs/hardware.md", "docs/decisions.md", "isa/README.md"])
def test_links_lead_somewhere(name: str) -> None:
    page = ISA.parent / name
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target
