"""Where the cycles of a program went: as data, text, a table, a page for browsers, and traces."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lpu_emu.report.document import csv_report, json_report, text_report
    from lpu_emu.report.energy import energy_text, estimate
    from lpu_emu.report.html_page import html_report
    from lpu_emu.report.plots import plot
    from lpu_emu.report.traces import chrome_trace, perfetto_trace

__all__ = [
    "chrome_trace",
    "csv_report",
    "energy_text",
    "estimate",
    "html_report",
    "json_report",
    "perfetto_trace",
    "plot",
    "text_report",
]

_HOMES = {
    "chrome_trace": "traces",
    "csv_report": "document",
    "energy_text": "energy",
    "estimate": "energy",
    "html_report": "html_page",
    "json_report": "document",
    "perfetto_trace": "traces",
    "plot": "plots",
    "text_report": "document",
}


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
