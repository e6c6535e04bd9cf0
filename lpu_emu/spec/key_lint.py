"""Rules that ``chip_keys.toml``, the list of what a chip file must say, must itself keep."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lpu_emu.spec.checks import Rule, boolean, is_integer, show, table_findings, text


def _range(value: Any) -> str:
    if isinstance(value, list) and len(value) == 2 and all(map(is_integer, value)) and value[0] <= value[1]:
        return ""
    return f"must be [lowest, highest], got {show(value)}"


_REQUIRED: dict[str, Rule] = {"unit": text, "meaning": text}
_OPTIONAL: dict[str, Rule] = {"range": _range, "names": boolean, "list": boolean}


def findings(keys: Mapping[str, Any]) -> list[str]:
    """Return every broken rule of a parsed ``chip_keys.toml``."""
    found = [] if "timing" in keys else ["[timing] is missing"]
    for section, entries in keys.items():
        if not isinstance(entries, Mapping):
            found.append(f"[{section}] must be a table, got {show(entries)}")
            continue
        check = _timing_key if section == "timing" else _key
        found += [f"[{section}.{key}] {message}" for key, rule in entries.items() for message in check(rule)]
    return found


def _timing_key(meaning: Any) -> Iterator[str]:
    if wrong := text(meaning):
        yield wrong


def _key(rule: Any) -> Iterator[str]:
    yield from table_findings(rule, _REQUIRED, _OPTIONAL)
    if isinstance(rule, Mapping) and ("range" in rule) == (rule.get("names") is True):
        yield "a number has a range, and names have none"
