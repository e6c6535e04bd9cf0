"""Rows of a benchmark suite as text for a terminal and as a Markdown table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]
"""One benchmark's result: JSON-like values by key. Every row has ``name``."""

MISSING = "-"


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a printed table: the key of a row, its title, and how its value becomes text."""

    key: str
    title: str
    text: Callable[[Any], str] = str
    right: bool = False

    def cell(self, row: Row) -> str:
        """Return the text of a row in this column; a key that is missing or None gives a dash."""
        value = row.get(self.key)
        return MISSING if value is None else self.text(value)


def text_table(columns: Sequence[Column], rows: Iterable[Row]) -> str:
    """Return rows as aligned text, the titles first."""
    cells = [[column.title for column in columns], *([c.cell(row) for c in columns] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    return "\n".join(
        "  ".join(
            text.rjust(width) if column.right else text.ljust(width)
            for text, width, column in zip(line, widths, columns, strict=True)
        ).rstrip()
        for line in cells
    )


def markdown_table(columns: Sequence[Column], rows: Iterable[Row]) -> str:
    """Return rows as a Markdown table."""
    lines = [[column.title for column in columns], ["---:" if c.right else "---" for c in columns]]
    lines += [[c.cell(row).replace("|", "\\|") for c in columns] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def rate(value: float, unit: str = "") -> str:
    """Return a number with three digits and a decimal prefix: ``385 G``, ``1.25 M``, ``0.72``."""
    for size, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= 0.9995 * size:
            return f"{digits(value / size)} {prefix}{unit}"
    return f"{digits(value)} {unit}".rstrip()


def duration(seconds: float) -> str:
    """Return seconds with three digits in a fitting unit: ``6.00 ms``."""
    for size, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "us")):
        if seconds >= 0.9995 * size:
            return f"{digits(seconds / size)} {unit}"
    return f"{digits(seconds * 1e9)} ns"


def digits(value: float) -> str:
    """Return a number with three significant digits and no exponent: ``1.25``, ``36.9``, ``385``, ``12,345``."""
    size = abs(value)
    places = 0 if size >= 99.95 else 1 if size >= 9.995 else 2
    return f"{value:,.{places}f}"


def whole(value: float) -> str:
    """Return a whole number with separators: ``150,561``."""
    return f"{value:,.0f}"


def share(value: float) -> str:
    """Return a fraction as a percentage without decimals: ``18%``."""
    return f"{value:.0%}"
