"""What commands print: JSON or text on stdout, notes and progress on stderr."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

from lpu_emu import __version__

_LINE = 79


def document(schema: str, **content: Any) -> dict[str, Any]:
    """Return a JSON document: ``schema`` (``lpu-emu/run/1``), the version of this package, the content."""
    return {"schema": schema, "version": __version__, **content}


def print_json(content: Mapping[str, Any]) -> None:
    """Print a JSON document."""
    click.echo(json_text(content))


def json_text(content: Mapping[str, Any]) -> str:
    """Return a document as JSON text; numbers that JSON lacks (NaN, infinities) become null."""
    return json.dumps(_plain(content), indent=2, allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value


def note(text: str) -> None:
    """Print a line for people on stderr."""
    click.echo(text, err=True)


def table(header: Sequence[str], rows: Iterable[Sequence[object]], right: str = "") -> str:
    """Return rows as aligned text; columns named in ``right`` (by letter a, b, ...) are right-aligned."""
    cells = [[str(cell) for cell in row] for row in (header, *rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    aligned = {ord(letter) - ord("a") for letter in right}
    return "\n".join(
        "  ".join(
            cell.rjust(width) if i in aligned else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    )


class Progress:
    """One line on stderr that is rewritten as work goes on; silent unless stderr is a terminal."""

    def __call__(self, what: str, share: float | None = None) -> None:
        """Show what is being done now, and the share of it that is over."""
        if sys.stderr.isatty():
            text = what if share is None else f"{share:4.0%} {what}"
            click.echo(f"\r{text[:_LINE].ljust(_LINE)}", err=True, nl=False)

    def clear(self) -> None:
        """Remove the line."""
        clear_line()


def clear_line() -> None:
    """Remove what progress has left on a terminal."""
    if sys.stderr.isatty():
        click.echo(f"\r{' ' * _LINE}\r", err=True, nl=False)
