"""Sweeps that ship with the package."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lpu_emu.errors import InputError, did_you_mean

FOLDER = Path(__file__).parent / "specs"


def bundled() -> Mapping[str, Path]:
    """Return the files of all bundled sweeps by name."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.toml"))}


def find(spec: Path) -> Path:
    """Return the file of a sweep: a path, or the name of a bundled one.

    Raises:
        InputError: there is no such file and none of that name.
    """
    if spec.exists():
        return spec
    known = bundled()
    if str(spec) not in known:
        hint = did_you_mean(str(spec), known)
        raise InputError(
            f"{spec}: cannot be read as a sweep file: there is no such file, and no bundled sweep of that name{hint}"
        )
    return known[str(spec)]
