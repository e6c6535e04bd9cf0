"""Copies of the valid tables, and a way to break them."""

from __future__ import annotations

import copy
from functools import lru_cache
from pathlib import Path
from typing import Any

from lpu_emu import _resources
from lpu_emu.spec.isa import UNIT_FILES, read_isa_files, read_toml

ISA = _resources.isa_folder()
CHIPS = ("lp30", "tiny", "tsp1")
DELETE = object()
Tables = dict[str, Any]


@lru_cache(maxsize=1)
def _isa_files() -> Tables:
    return read_isa_files(ISA)


def isa_tables() -> Tables:
    """Return a copy of the parsed files of the instruction set, which a test may change."""
    return copy.deepcopy(_isa_files())


@lru_cache(maxsize=8)
def _chip_file(name: str) -> Tables:
    return read_toml(ISA / "chips" / f"{name}.toml")


def chip_table(name: str = "tsp1") -> Tables:
    """Return a copy of a parsed chip file, which a test may change."""
    return copy.deepcopy(_chip_file(name))


def change(table: Any, path: str, value: Any) -> None:
    """Set the entry at ``path`` (keys and indices joined by slashes), append with ``+``, or DELETE it."""
    *keys, last = path.split("/")
    for key in keys:
        table = table[int(key)] if isinstance(table, list) else table[key]
    if last == "+":
        table.append(value)
    elif value is DELETE:
        del table[int(last) if isinstance(table, list) else last]
    else:
        table[int(last) if isinstance(table, list) else last] = value


def copy_isa(folder: Path) -> Path:
    """Copy the data files of the instruction set and its chips into a new folder, and return it."""
    target = folder / "isa"
    (target / "chips").mkdir(parents=True)
    for name in ("lpu", "operands", "formats", "chip_keys", *UNIT_FILES):
        (target / f"{name}.toml").write_bytes((ISA / f"{name}.toml").read_bytes())
    for name in CHIPS:
        (target / "chips" / f"{name}.toml").write_bytes((ISA / "chips" / f"{name}.toml").read_bytes())
    (target / "REFERENCE.md").write_bytes((ISA / "REFERENCE.md").read_bytes())
    return target
