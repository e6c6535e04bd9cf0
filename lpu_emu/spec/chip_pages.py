"""Chips as text and as rows: one chip with every source, and two chips side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from lpu_emu.spec.chip import Fact, chip_keys
from lpu_emu.spec.chip_lint import TAGS, timing_place
from lpu_emu.spec.machine import Machine
from lpu_emu.spec.markdown import number, table
from lpu_emu.spec.peaks import peaks

_PREFIXES = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_TITLES = {"icu": "Instruction control", "clock": "Clock", "timing": "Timing", "distance": "Distances"}


def chip_table(machine: Machine) -> list[dict[str, Any]]:
    """Return every number of a chip as a row for JSON.

    A row has key, section, value, unit, meaning, tag, source and rests_on. Derived peaks follow the facts, in
    section ``peak``; their source is a formula, and ``rests_on`` is the weakest tag among the facts they use.
    A fact rests on its own tag.
    """
    facts = [
        {
            "key": key,
            "section": key.split(".")[0],
            "value": fact.value,
            **_about(machine, key),
            **_proof(fact),
        }
        for key, fact in machine.chip.facts.items()
    ]
    derived = [
        {
            "key": peak.key,
            "section": "peak",
            "value": peak.value,
            "unit": peak.unit,
            "meaning": "",
            "tag": "derived",
            "source": peak.how,
            "rests_on": peak.rests_on,
        }
        for peak in peaks(machine)
    ]
    return [*facts, *derived]


def _proof(fact: Fact) -> dict[str, str]:
    return {"tag": fact.tag, "source": fact.source, "rests_on": fact.tag}


def _about(machine: Machine, key: str) -> dict[str, str]:
    section, _, name = key.partition(".")
    if section == "timing":
        return {"unit": "cycles", "meaning": machine.isa.timing_keys[name.rpartition(".")[2]]}
    rule = chip_keys()[section][name]
    return {"unit": rule["unit"], "meaning": rule["meaning"]}


def chip_page(machine: Machine) -> str:
    """Return a chip as text: every number by section with unit, tag and source, derived peaks, sources."""
    chip, rows = machine.chip, chip_table(machine)
    counts = Counter(fact.tag for fact in chip.facts.values())
    summary = ", ".join(f"{counts[tag]} {tag}" for tag in TAGS if counts[tag])
    lines = [f"# {chip.name}: {chip.title}", "", f"{len(chip.facts)} numbers: {summary}.", ""]
    for section in dict.fromkeys(row["section"] for row in rows if row["section"] != "peak"):
        lines += [
            f"## {_TITLES.get(section, section.upper() if section in machine.isa.units else section.title())}"
        ]
        lines += ["", *_section(row for row in rows if row["section"] == section), ""]
    lines += [
        "## Derived peaks",
        "",
        "Computed from the numbers above; each is as sure as the weakest tag it rests on.",
        "",
    ]
    derived = [
        (
            row["key"],
            number(row["value"]),
            row["unit"],
            short(row["value"], row["unit"]),
            row["rests_on"],
            row["source"],
        )
        for row in rows
        if row["section"] == "peak"
    ]
    lines += [*table(("key", "value", "unit", "in short", "rests on", "derived: how"), derived), ""]
    if chip.sources:
        lines += ["## Sources", "", *(f"- {key}: {text}" for key, text in chip.sources.items()), ""]
    return "\n".join(lines)


def _section(rows: Iterator[dict[str, Any]]) -> list[str]:
    shown = [(r["key"], _value(r["value"]), r["unit"], r["tag"], r["source"]) for r in rows]
    return table(("key", "value", "unit", "tag", "source"), shown)


def _value(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "-" if value is None else number(value)


def _brief(value: Any, unit: str) -> str:
    return (short(value, unit) if isinstance(value, int | float) else "") or _value(value)


def short(value: int | float, unit: str) -> str:
    """Return a large figure as people say it: ``819.2 TOPS``, ``220 MiB``; empty where it adds nothing."""
    if unit == "B" and value >= 1 << 20:
        return f"{number(value / (1 << 20))} MiB"
    if not unit.endswith("/s"):
        return ""
    for scale, prefix in _PREFIXES:
        if value >= scale:
            return f"{number(value / scale)} {prefix}{'OPS' if unit == 'op/s' else unit}"
    return ""


def chip_diff(a: Machine, b: Machine) -> list[dict[str, Any]]:
    """Return the numbers in which two chips differ, derived peaks last: key, a, b, unit, tag_a, tag_b.

    A timing that only one chip states is compared with what the other chip uses for the same instruction.
    A number that a chip does not have is None.
    """
    rows_a, rows_b = ({row["key"]: row for row in chip_table(machine)} for machine in (a, b))
    sections = {key: row["section"] for key, row in (rows_a | rows_b).items()}
    found = []
    for key in sorted(sections, key=lambda key: sections[key] == "peak"):
        left, right = _row(a, rows_a, key), _row(b, rows_b, key)
        if left.get("value") != right.get("value"):
            found.append(_difference(key, left, right))
    return found


def _difference(key: str, left: Mapping[str, Any], right: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "key": key,
        "a": left.get("value"),
        "b": right.get("value"),
        "unit": left.get("unit") or right.get("unit"),
        "tag_a": left.get("tag"),
        "tag_b": right.get("tag"),
    }


def _row(machine: Machine, rows: Mapping[str, dict[str, Any]], key: str) -> Mapping[str, Any]:
    if key in rows or not key.startswith("timing."):
        return rows.get(key, {})
    _, name, timing_key = key.split(".")
    instruction = machine.isa.instructions.get(name)
    place = timing_place(machine.chip.table["timing"], instruction, timing_key) if instruction else ""
    return rows.get(f"timing.{place}", {})


def chip_diff_text(a: Machine, b: Machine) -> str:
    """Return the differences of two chips as a table."""
    rows = [
        (
            r["key"],
            *(_brief(r[side], r["unit"]) for side in "ab"),
            r["unit"],
            r["tag_a"] or "-",
            r["tag_b"] or "-",
        )
        for r in chip_diff(a, b)
    ]
    names = (a.chip.name, b.chip.name)
    if not rows:
        return f"{names[0]} and {names[1]} have the same numbers.\n"
    headers = ("key", *names, "unit", *(f"tag of {name}" for name in names))
    return "\n".join([*table(headers, rows), ""])
