"""Results of a suite beside those of an earlier run, which its JSON has kept."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lpu_emu.bench.table import Column, Row, digits
from lpu_emu.errors import InputError


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


COMPARED_COLUMNS = (
    Column(key="name", title="benchmark"),
    Column(key="figure", title="figure"),
    Column(key="before", title="before", text=_number, right=True),
    Column(key="now", title="now", text=_number, right=True),
    Column(key="change", title="now/before", text=digits, right=True),
)


HISTORY = ".h5"


def read_rows(path: Path, schema: str) -> list[Row]:
    """Return the rows of a JSON document that ``lpu-emu bench`` has written, or of the last run in a history (``.h5``).

    Raises:
        InputError: the file cannot be read, or is no such document of this schema.
    """
    if path.suffix == HISTORY:
        return _last_run(path, schema)
    rows: list[Row] = read_document(path, schema)["rows"]
    return rows


def read_document(path: Path, schema: str) -> dict[str, Any]:
    """Return a JSON document that ``lpu-emu bench`` has written; its rows are those with a name.

    Raises:
        InputError: the file cannot be read, or is no such document of this schema.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no JSON"
        raise InputError(f"{path}: cannot compare with it: {reason}") from error
    found = content.get("schema") if isinstance(content, Mapping) else None
    if found != schema or not isinstance(content.get("rows"), list):
        raise InputError(f"{path}: expected the schema {schema!r}, found {found!r}; write it with --json -o")
    rows = [row for row in content["rows"] if isinstance(row, Mapping) and "name" in row]
    return {**content, "rows": rows}


def _last_run(path: Path, schema: str) -> list[Row]:
    from lpu_emu.program.results import read_runs

    runs = read_runs(path, schema)
    if not runs:
        raise InputError(f"{path}: holds no run of {schema!r}; write one with -o {path}")
    return list(runs[-1].rows)


def changed(compared: Sequence[Row]) -> list[Row]:
    """Return the rows of a comparison whose figure was there before and is another one now."""
    return [row for row in compared if row["before"] is not None and row["before"] != row["now"]]


def compare(before: Sequence[Row], now: Sequence[Row], figures: Sequence[str]) -> list[Row]:
    """Return a row for each figure that a benchmark has now; ``before`` and ``change`` are None where it is new."""
    known = {row["name"]: row for row in before}
    return [
        _compared(row["name"], figure, known.get(row["name"], {}).get(figure), row[figure])
        for row in now
        for figure in figures
        if row.get(figure) is not None
    ]


def _compared(name: str, figure: str, before: Any, now: Any) -> Row:
    change = now / before if isinstance(before, (int, float)) and before else None
    return {"name": name, "figure": figure, "before": before, "now": now, "change": change}
