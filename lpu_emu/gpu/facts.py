"""Files of tagged numbers beside the chips: GPUs, models, racks, each with a file that says which keys there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from lpu_emu import _resources
from lpu_emu.errors import SpecError, did_you_mean
from lpu_emu.spec.chip import Fact, flatten
from lpu_emu.spec.chip_lint import TAGS
from lpu_emu.spec.isa import read_toml


@dataclass(frozen=True, kw_only=True)
class Described:
    """Something that a file describes: all its facts by dotted key (``"hbm.rate"``)."""

    name: str
    title: str
    facts: Mapping[str, Fact]

    def __getitem__(self, key: str) -> Any:
        """Return the value of a dotted key."""
        return self.facts[key].value


LISTS = ("tensor.tiles", "ladder.bytes", "ladder.seconds")


def names(kind: str) -> list[str]:
    """Return the names of the files that ship with the package, sorted; ``kind``: ``"gpu"``, ``"model"``, ``"rack"``."""
    return sorted(path.stem for path in _folder(kind).glob("*.toml"))


def table_of(kind: str, name_or_path: str | Path) -> Mapping[str, Any]:
    """Return a file as parsed: a bundled one by name, or any by path (with a ``.toml`` ending).

    Raises:
        SpecError: there is none, or the file breaks a rule; every finding is listed.
    """
    text = str(name_or_path)
    known = names(kind)
    if not text.endswith(".toml") and text not in known:
        raise SpecError([f"no {kind} named {text!r}; known: {', '.join(known)}{did_you_mean(text, known)}"])
    path = Path(text) if text.endswith(".toml") else _folder(kind) / f"{text}.toml"
    table = read_toml(path)
    if found := list(findings(kind, table)):
        raise SpecError([f"{path}: {finding}" for finding in found])
    return table


def facts_of(kind: str, name_or_path: str | Path) -> tuple[str, str, Mapping[str, Fact]]:
    """Return name, title and numbers of a file. Raises SpecError as :func:`table_of` does."""
    table = table_of(kind, name_or_path)
    return table["name"], table["title"], flatten(table)


def changed(facts: Mapping[str, Fact], values: Mapping[str, Any], what: str) -> Mapping[str, Fact]:
    """Return facts with other values for some dotted keys, which become choices.

    Raises:
        SpecError: there is no such key.
    """
    for key in values:
        if key not in facts:
            raise SpecError([f"{what} has no parameter {key!r}{did_you_mean(key, facts)}"])
    new = {
        k: Fact(value=v, tag="choice", source=f"set instead of {facts[k].value}") for k, v in values.items()
    }
    return {**facts, **new}


@lru_cache(maxsize=8)
def keys(kind: str) -> Mapping[str, Mapping[str, str]]:
    """Return unit and meaning of every key of a kind of file, by dotted key."""
    table = read_toml(_resources.isa_folder() / f"{kind}_keys.toml")
    return {f"{section}.{key}": entry for section, found in table.items() for key, entry in found.items()}


def findings(kind: str, table: Mapping[str, Any]) -> Iterator[str]:
    """Yield every broken rule of a parsed file: missing, unknown, untagged, impossible."""
    for key in ("name", "title"):
        if not isinstance(table.get(key), str):
            yield f"{key}: missing, or no text"
    entries = _entries(table)
    yield from (
        f"{key}: unknown key{did_you_mean(key, keys(kind))}" for key in entries if key not in keys(kind)
    )
    for key, rule in keys(kind).items():
        if key not in entries:
            yield f"{key}: missing; it is: {rule['meaning']}"
        else:
            yield from (f"{key}: {wrong}" for wrong in _entry(key, entries[key]))


def _folder(kind: str) -> Path:
    return _resources.isa_folder() / f"{kind}s"


def _entries(table: Mapping[str, Any]) -> dict[str, Any]:
    sections = {name: content for name, content in table.items() if isinstance(content, Mapping)}
    return {f"{name}.{key}": entry for name, content in sections.items() for key, entry in content.items()}


def _entry(key: str, entry: Any) -> Iterator[str]:
    if not isinstance(entry, Mapping) or set(entry) != {"value", "tag", "source"}:
        yield "untagged; write { value = ..., tag = ..., source = ... }"
        return
    if entry["tag"] not in TAGS:
        yield f"tag {entry['tag']!r} is none of {', '.join(TAGS)}"
    if not isinstance(entry["source"], str) or not entry["source"]:
        yield "has no source"
    yield from _value(key, entry["value"])


def _value(key: str, value: Any) -> Iterator[str]:
    if isinstance(value, str) and key.endswith("name"):
        return
    found = value if key in LISTS else [value]
    if not isinstance(found, list) or not found or not all(map(_is_number, found)):
        yield f"value {value!r} is no number of at least 0"
    elif key == "tensor.tiles" and (len(found) % 2 or min(found) < 1):
        yield "value: tile shapes are pairs of numbers, M and N"
    elif key.endswith(("efficiency", "overlap")) and not 0 <= value <= 1:
        yield f"value {value} is no share between 0 and 1"


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0
