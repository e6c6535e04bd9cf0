"""A chip: the numbers of one machine, each with where it comes from.

A chip file is TOML. Every number is ``{ value = ..., tag = ..., source = ... }`` with a tag from
``published``, ``secondary``, ``derived``, ``choice``; ``isa/chip_keys.toml`` says which numbers there are.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from lpu_emu import _resources
from lpu_emu.errors import SpecError, did_you_mean
from lpu_emu.spec.digest import digest_of
from lpu_emu.spec.isa import Isa, load_isa, read_toml


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One value of a chip file: a number, or a list of numbers or names, with tag and source."""

    value: Any
    tag: str
    source: str


@dataclass(frozen=True, kw_only=True)
class Chip:
    """All facts of a chip by dotted key (``"mem.slices"``, ``"timing.vxm.func"``).

    ``digest`` covers the name and the values: better sources make no other chip of it.
    """

    name: str
    title: str
    facts: Mapping[str, Fact]
    sources: Mapping[str, str]
    table: Mapping[str, Any]
    digest: str

    def __getitem__(self, key: str) -> Any:
        """Return the value of a dotted key."""
        return self.facts[key].value

    @property
    def clock_hz(self) -> int:
        """Core clock in hertz."""
        return int(self["clock.hz"])

    @property
    def superlanes(self) -> int:
        """Superlanes of the chip."""
        return int(self["lanes.superlanes"])

    @property
    def lanes_per_superlane(self) -> int:
        """Lanes of a superlane."""
        return int(self["lanes.per_superlane"])

    @cached_property
    def lanes(self) -> int:
        """Lanes of the chip: the bytes of a vector."""
        return self.superlanes * self.lanes_per_superlane

    @property
    def streams(self) -> int:
        """Byte streams per direction."""
        return int(self["streams.per_direction"])

    @property
    def slices(self) -> int:
        """MEM slices per hemisphere."""
        return int(self["mem.slices"])

    @property
    def banks(self) -> int:
        """Banks per MEM slice."""
        return int(self["mem.banks"])

    @property
    def words_per_bank(self) -> int:
        """Vectors per bank."""
        return int(self["mem.words_per_bank"])

    @cached_property
    def words(self) -> int:
        """Vectors per MEM slice."""
        return self.banks * self.words_per_bank

    @property
    def planes(self) -> int:
        """MXM planes per hemisphere."""
        return int(self["mxm.planes"])

    @property
    def weight_streams(self) -> int:
        """Weight rows per load."""
        return int(self["mxm.weight_streams"])

    @cached_property
    def row_groups(self) -> int:
        """Loads that fill a plane."""
        return self.lanes // self.weight_streams

    @property
    def accumulator_rows(self) -> int:
        """Accumulator rows of a plane."""
        return int(self["mxm.accumulator_rows"])


def chip_names() -> list[str]:
    """Return the names of the chips that ship with the package, sorted."""
    return sorted(path.stem for path in (_resources.isa_folder() / "chips").glob("*.toml"))


def load_chip(name_or_path: str | Path) -> Chip:
    """Load a bundled chip by name, or a chip file by path (anything with a ``.toml`` ending or a slash).

    Raises:
        SpecError: no such chip, or the file breaks a rule; every finding is listed.
    """
    text = str(name_or_path)
    if isinstance(name_or_path, Path) or text.endswith(".toml") or "/" in text:
        return chip_from_file(Path(text))
    known = chip_names()
    if text not in known:
        hint = did_you_mean(text, known)
        raise SpecError(
            [
                f"no chip named {text!r}; known chips: {', '.join(known)}; a chip file of your own is given "
                f"by its path, ending in .toml{hint}"
            ]
        )
    return _bundled(text)


@lru_cache(maxsize=8)
def _bundled(name: str) -> Chip:
    return chip_from_file(_resources.isa_folder() / "chips" / f"{name}.toml")


def chip_from_file(path: Path) -> Chip:
    """Load a chip file.

    Raises:
        SpecError: the file cannot be read or breaks a rule.
    """
    return chip_from_table(read_toml(path), where=str(path))


def chip_from_table(
    table: Mapping[str, Any], *, where: str, isa: Isa | None = None, keys: Mapping[str, Any] | None = None
) -> Chip:
    """Build a chip from the parsed content of a chip file; ``where`` names it in errors.

    ``isa`` and ``keys`` (a parsed ``chip_keys.toml``) are the bundled ones unless given.

    Raises:
        SpecError: the table breaks a rule; every finding is listed.
    """
    from lpu_emu.spec import chip_lint

    findings = chip_lint.findings(table, keys or chip_keys(), isa or load_isa())
    if findings:
        raise SpecError([f"{where}: {finding}" for finding in findings])
    facts = flatten(table)
    return Chip(
        name=table["name"],
        title=table["title"],
        facts=facts,
        sources=table.get("sources", {}),
        table=table,
        digest=digest_of({"name": table["name"], "values": {key: fact.value for key, fact in facts.items()}}),
    )


def with_values(chip: Chip, values: Mapping[str, Any]) -> Chip:
    """Return a chip with other values for some dotted keys; they become choices, and its digest another one.

    Raises:
        SpecError: the chip has no such key, or the result breaks a rule; every finding is listed.
    """
    missing = [key for key in values if key not in chip.facts]
    if missing:
        raise SpecError(
            [f"chip {chip.name} has no parameter {key!r}{did_you_mean(key, chip.facts)}" for key in missing]
        )
    table = copy.deepcopy(dict(chip.table))
    for key, value in values.items():
        *folders, last = key.split(".")
        entry = table
        for folder in folders:
            entry = entry[folder]
        entry[last] = {"value": value, "tag": "choice", "source": f"set instead of {chip[key]}"}
    return chip_from_table(table, where=f"chip {chip.name} with {_shown(values)}")


def _shown(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} = {value}" for key, value in values.items())


@lru_cache(maxsize=1)
def chip_keys() -> Mapping[str, Any]:
    """Return the parsed ``isa/chip_keys.toml``."""
    return read_toml(_resources.isa_folder() / "chip_keys.toml")


def flatten(table: Mapping[str, Any], prefix: str = "") -> dict[str, Fact]:
    """Return the tagged values of nested tables by dotted key, in file order."""
    facts: dict[str, Fact] = {}
    for key, entry in table.items():
        if not isinstance(entry, Mapping) or (not prefix and key == "sources"):
            continue
        if "value" in entry:
            facts[prefix + key] = Fact(value=entry["value"], tag=entry["tag"], source=entry["source"])
        else:
            facts.update(flatten(entry, f"{prefix}{key}."))
    return facts
