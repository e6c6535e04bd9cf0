"""The report as one HTML file that needs nothing else: no network, no second file, no server."""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from lpu_emu.analysis import Analysis
from lpu_emu.program.model import Program
from lpu_emu.report.document import json_report
from lpu_emu.report.picture.document import picture_of
from lpu_emu.report.picture.pack import pack

_ASSETS = Path(__file__).parent / "html"
_LEVEL = 9
# One script in this order: what is used while a later part is read must stand before it.
SCRIPTS = (
    "data", "words", "model", "state", "paint", "timepanel", "floorplan", "queuepanel", "spacetime", "gantt", "memory",
    "charts", "operators", "source", "search", "transport", "main",
)  # fmt: skip
LONGEST_SOURCE_LINE = 160


def html_report(program: Program, analysis: Analysis, *, version: str = "") -> str:
    """Return a page with everything that a schedule says, drawn by the browser that opens it.

    Args:
        program: any program that fits its chip.
        analysis: what ``analyse(program)`` returned.
        version: of this package, for the page's last line.
    """
    picture = picture_of(program, analysis)
    header, packed = pack(picture.tables)
    document = {
        "figures": json_report(program, analysis),
        "facts": {**picture.facts, "source": _source(program)},
        "tables": header,
    }
    return _filled(
        _asset("page.html"),
        {
            "title": escape(f"{program.name} on {program.machine.chip.name}"),
            "maker": escape(f"lpu-emu {version}".strip()),
            "style": _asset("style.css"),
            "script": "\n".join(_asset(f"{name}.js") for name in SCRIPTS),
            "document": _deflated(document),
            "tables": packed,
        },
    )


def _asset(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")


def _filled(template: str, parts: Mapping[str, str]) -> str:
    """Put parts into the places of a template; what a part contains is never taken for a place."""
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], template)


def _deflated(document: Mapping[str, Any]) -> str:
    data = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode("utf-8")
    return base64.b64encode(zlib.compress(data, _LEVEL)).decode("ascii")


def _source(program: Program) -> dict[str, str]:
    """Return name and text of the source; very long lines, such as those of data, are cut."""
    lines = (
        line if len(line) <= LONGEST_SOURCE_LINE else line[: LONGEST_SOURCE_LINE - 1] + "…"
        for line in program.source.text.splitlines()
    )
    return {"name": program.source.name, "text": "\n".join(lines)}
