"""Fixed-width text: numbers, bars and tables that fit in 100 columns of plain ASCII."""

from __future__ import annotations

from collections.abc import Sequence

WIDTH = 100
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_COUNTS = ("", "k", "M", "G", "T", "P")


def size(number: float) -> str:
    """Return a number of bytes in words: ``1,280 B``, ``12.5 KiB``."""
    if number < 10_000:
        return f"{number:,.0f} B"
    step = 0
    while number >= 1024 and step < len(_UNITS) - 1:
        number /= 1024
        step += 1
    return f"{number:,.1f} {_UNITS[step]}"


def amount(number: float) -> str:
    """Return a count in words: ``9,999``, ``102.4 k``, ``3.3 M``."""
    if number < 10_000:
        return f"{number:,.0f}"
    step = 0
    while number >= 1000 and step < len(_COUNTS) - 1:
        number /= 1000
        step += 1
    return f"{number:,.1f} {_COUNTS[step]}"


def rate(number: float) -> str:
    """Return an average per cycle: one digit behind the point below 100, none above."""
    return f"{number:,.1f}" if number < 100 else amount(number)


def percent(share: float) -> str:
    """Return a share as ``12.3%``; what is too small to show is ``<0.1%``, never zero."""
    if 0 < share < 0.0005:
        return "<0.1%"
    return f"{100 * share:.1f}%"


def bar(share: float, width: int) -> str:
    """Return a bar filled from the left; anything above zero shows at least one mark."""
    filled = min(width, max(round(share * width), 1 if share > 0 else 0))
    return "#" * filled + "." * (width - filled)


def span(start: int, end: int, total: int, width: int, mark: str = "#") -> str:
    """Return a time line of ``total`` cycles with the cycles from ``start`` to before ``end`` marked."""
    if total <= 0 or end <= start:
        return "." * width
    first = min(start * width // total, width - 1)
    last = max(first + 1, -(-end * width // total))
    return "." * first + mark * (last - first) + "." * (width - last)


def shorten(text: str, width: int) -> str:
    """Return a text of at most ``width`` characters; a long one loses its middle."""
    if len(text) <= width:
        return text
    tail = (width - 2) // 2
    return text[: width - 2 - tail] + ".." + text[len(text) - tail :]


def room(head: Sequence[str], rows: Sequence[Sequence[str]], flexible: int) -> int:
    """Return the characters that a table of these columns leaves to ``flexible`` further ones on a line."""
    fixed = sum(max(len(row[i]) for row in (head, *rows)) for i in range(len(head)))
    return WIDTH - fixed - 2 * (len(head) + flexible)


def table(head: Sequence[str], rows: Sequence[Sequence[str]], left: Sequence[int]) -> list[str]:
    """Return lines with columns as wide as needed, two spaces apart; columns in ``left`` are left-aligned."""
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]

    def line(row: Sequence[str]) -> str:
        cells = [
            cell.ljust(width) if i in left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        return ("  " + "  ".join(cells)).rstrip()

    return [line(head), *(line(row) for row in rows)]
