"""The table of ``lpu-emu validate`` as text, as Markdown, and as JSON-like data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lpu_emu.bench.table import Column, markdown_table, text_table
from lpu_emu.bench.validate.claim import FAILED, PASSED, STATUSES, Outcome
from lpu_emu.bench.validate.evaluate import summary
from lpu_emu.bench.validate.sensitivity import Spread

SHOWN = 4  # changed numbers that a cell names
MARKS = {"at most": "<= ", "at least": ">= ", "equal": ""}


def figure(value: float) -> str:
    """Return a figure with at most four digits behind the point, whole numbers with separators."""
    if abs(value) >= 1000 or float(value).is_integer():
        return f"{value:,.0f}"
    return f"{value:,.4f}".rstrip("0").rstrip(".") if abs(value) < 10 else f"{value:,.1f}"


def percent(value: float) -> str:
    """Return a tolerance: ``exact`` or a percentage."""
    return f"{value:.0%}" if value else "exact"


def rows(outcomes: Sequence[Outcome], spreads: Mapping[str, Spread] | None = None) -> list[dict[str, Any]]:
    """Return the rows of the JSON document; with ``spreads`` each has its range and what moves it."""
    found = []
    for outcome in outcomes:
        row = outcome.as_row()
        if spreads is not None:
            row |= _spread(spreads.get(outcome.claim.id))
        found.append(row)
    return found


def _spread(spread: Spread | None) -> dict[str, Any]:
    if spread is None:
        return {"spread_low": None, "spread_high": None, "moved_by": []}
    moved = [{"key": e.change.key, "value": e.change.value, "emulated": e.emulated} for e in spread.effects]
    return {"spread_low": spread.low, "spread_high": spread.high, "moved_by": moved}


def _cells(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row with its published figure and ranges as text."""
    bounded = row["bound"] != "equal"
    return {
        **row,
        "said": f"{MARKS[row['bound']]}{figure(row['published'])}",
        "allowed": row["bound"] if bounded else percent(row["tolerance"]),
        "spread": _range(row, "spread_low", "spread_high"),
        "by": ", ".join(list(dict.fromkeys(e["key"] for e in row.get("moved_by", [])))[:SHOWN]) or None,
    }


def _range(row: Mapping[str, Any], low: str, high: str) -> str | None:
    if row.get(low) is None or row[low] == row[high]:
        return None
    return f"{figure(row[low])} .. {figure(row[high])}"


def columns(sensitive: bool) -> list[Column]:
    """Return the columns of the printed table."""
    found = [
        Column(key="id", title="row"),
        Column(key="what", title="what"),
        Column(key="source", title="source"),
        Column(key="tag", title="tag"),
        Column(key="said", title="published", right=True),
        Column(key="emulated", title="emulated", text=figure, right=True),
        Column(key="unit", title="unit"),
        Column(key="ratio", title="ratio", text=lambda r: f"{r:.3f}", right=True),
        Column(key="allowed", title="tolerance"),
        Column(key="status", title="status"),
    ]
    if sensitive:
        found += [Column(key="spread", title="range"), Column(key="by", title="moved by")]
    return found


def text(found: Sequence[Mapping[str, Any]], outcomes: Sequence[Outcome], *, sensitive: bool) -> str:
    """Return the table for a terminal, the reasons of rows that do not pass, and what it amounts to."""
    table = text_table(columns(sensitive), [_cells(row) for row in found])
    reasons = [f"{r['id']}: {r['status']}: {r['reason']}" for r in found if r["status"] != PASSED]
    return "\n".join([table, "", *reasons, *([""] if reasons else []), amount(outcomes)])


def amount(outcomes: Sequence[Outcome]) -> str:
    """Return one sentence of counts and errors, networks on their own."""
    found = summary(outcomes)
    parts = []
    if any(found.counts.values()):
        largest = f", largest {found.largest_error:.1%} ({found.largest_id})" if found.largest_id else ""
        parts = [_counted(found.counts), f"median |ratio - 1| {found.median_error:.1%}{largest}"]
    if any(found.networks.values()):
        parts.append(f"networks: {_counted(found.networks)}")
    return "; ".join(parts)


def _counted(counts: Mapping[str, int]) -> str:
    """Return the counts of statuses that occur, and how many rows passed and failed in any case."""
    return ", ".join(f"{counts[s]} {s}" for s in STATUSES if counts[s] or s in (PASSED, FAILED))


def markdown(found: Sequence[Mapping[str, Any]], outcomes: Sequence[Outcome], *, sensitive: bool) -> str:
    """Return the tables of the documentation: measured rows with reasons, those without a number, and the ranges."""
    measured = [_cells(r) for r in found if r["status"] in (PASSED, FAILED)]
    others = [_cells(r) for r in found if r["status"] not in (PASSED, FAILED)]
    reason = Column(key="reason", title="why this tolerance")
    parts = [markdown_table([*columns(False), reason], measured)] if measured else []
    if others:
        without = [c for c in columns(False) if c.key not in ("allowed", "ratio")]
        parts.append(markdown_table([*without, Column(key="reason", title="why not")], others))
    parts.append(f"{amount(outcomes).capitalize()}.")
    return "\n\n".join([*parts, *([ranges(found)] if sensitive else [])])


def ranges(found: Sequence[Mapping[str, Any]]) -> str:
    """Return the rows that a changed number moves, as a Markdown table."""
    shown = [c for c in columns(True) if c.key in ("id", "said", "emulated", "unit", "spread", "by")]
    return markdown_table(shown, [_cells(row) for row in found if row.get("moved_by")])
