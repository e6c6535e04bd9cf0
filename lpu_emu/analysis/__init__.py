"""Static analysis: cycles, hazards, producers and accounts of a program, without executing values."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lpu_emu.analysis.core import Analysis, analyse
    from lpu_emu.analysis.suspects import Suspect, suspect_of
    from lpu_emu.analysis.wording import describe, require_no_hazards

__all__ = ["Analysis", "Suspect", "analyse", "describe", "require_no_hazards", "suspect_of"]

_HOMES = {
    "Analysis": "core",
    "Suspect": "suspects",
    "analyse": "core",
    "describe": "wording",
    "require_no_hazards": "wording",
    "suspect_of": "suspects",
}


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
