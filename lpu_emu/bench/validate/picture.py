"""The table as a picture: a dot for each ratio, its tolerance as a band, its range as a bar. Plain SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

from lpu_emu.bench.validate.claim import FAILED, PASSED

LOW, HIGH = 0.7, 1.3
LEFT, WIDTH, RIGHT = 190, 520, 350
LINE, TOP, BOTTOM = 18, 56, 34
COLOURS = {PASSED: "#1a7f5a", FAILED: "#c0392b"}
OTHER = "#8a8f98"


def picture(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return an SVG of every row that has a ratio."""
    shown = [row for row in rows if row["ratio"] is not None]
    height = TOP + LINE * len(shown) + BOTTOM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + RIGHT}" height="{height}" '
        f'viewBox="0 0 {LEFT + WIDTH + RIGHT} {height}" font-family="sans-serif" font-size="11">',
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        _label(12, 22, "Emulated to published", size=15),
        _label(
            12, 40, "band: tolerance; bar: range when numbers that nobody published are changed by a fifth; "
            "grey: out of reach", colour=OTHER,
        ),
        *_axis(height),
    ]  # fmt: skip
    for number, row in enumerate(shown):
        parts += _row(row, TOP + LINE * number + LINE // 2)
    return "\n".join([*parts, "</svg>", ""])


def _x(ratio: float) -> float:
    """Return the place of a ratio; what lies outside the axis stands at its end."""
    return LEFT + WIDTH * (min(max(ratio, LOW), HIGH) - LOW) / (HIGH - LOW)


def _label(
    x: float, y: float, text: str, *, anchor: str = "start", colour: str = "#222222", size: int = 11
) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" font-size="{size}">{escape(text)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, width: float = 1) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" stroke-width="{width}"/>'


def _axis(height: int) -> list[str]:
    parts = []
    for tenth in range(round(LOW * 10), round(HIGH * 10) + 1):
        x = _x(tenth / 10)
        parts.append(_line(x, TOP - 4, x, height - BOTTOM + 4, "#222222" if tenth == 10 else "#e3e5e8"))
        parts.append(_label(x, height - BOTTOM + 18, f"{tenth / 10:.1f}", anchor="middle", colour=OTHER))
    return parts


def _row(row: Mapping[str, Any], y: int) -> list[str]:
    colour = COLOURS.get(row["status"], OTHER)
    parts = [_label(LEFT - 8, y + 4, row["id"], anchor="end")]
    if row["status"] in COLOURS and row["bound"] == "equal" and row["tolerance"]:
        left, right = _x(1 - row["tolerance"]), _x(1 + row["tolerance"])
        parts.append(
            f'<rect x="{left:.1f}" y="{y - 6}" width="{right - left:.1f}" height="12" fill="#d9ede4"/>'
        )
    parts += _bar(row, y, colour)
    if LOW <= row["ratio"] <= HIGH:
        parts.append(f'<circle cx="{_x(row["ratio"]):.1f}" cy="{y}" r="4" fill="{colour}"/>')
    else:
        parts.append(_end(row["ratio"], _x(row["ratio"]), y, colour))
    said = f"{row['ratio']:.3f}  {row['what']}"
    parts.append(
        _label(LEFT + WIDTH + 10, y + 4, said if len(said) <= 64 else f"{said[:63]}…", colour="#444444")
    )
    return parts


def _bar(row: Mapping[str, Any], y: int, colour: str) -> list[str]:
    low, high = row.get("spread_low"), row.get("spread_high")
    if low is None or high is None or low == high:
        return []
    ratios = (low / row["published"], high / row["published"])
    left, right = (_x(ratio) for ratio in ratios)
    ends = [_end(ratio, x, y, colour) for ratio, x in zip(ratios, (left, right), strict=True)]
    return [_line(left, y, right, y, colour, 1.5), *ends]


def _end(ratio: float, x: float, y: int, colour: str) -> str:
    """Return the end of a bar: a stroke, or the head of an arrow where it goes on beyond the axis."""
    if LOW <= ratio <= HIGH:
        return _line(x, y - 4, x, y + 4, colour, 1.5)
    back = 6 if ratio < LOW else -6
    return f'<path d="M {x + back:.1f} {y - 4} L {x:.1f} {y} L {x + back:.1f} {y + 4} z" fill="{colour}"/>'
