"""Where the cycles of a program went: as data, as a page of text, and as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lpu_emu.report.document import csv_report, json_report, text_report

__all__ = ["csv_report", "json_report", "text_report"]


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.document"), name)
