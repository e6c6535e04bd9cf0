"""Small rules about parsed TOML values, shared by the lints. A rule returns what is wrong, or nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, TypeGuard

from lpu_emu.errors import did_you_mean

Rule = Callable[[Any], str]
_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
_LONGEST_SHOWN = 60


def show(value: Any) -> str:
    """Return a value as an error message quotes it: short, whatever its size."""
    try:
        shown = repr(value)
    except (ValueError, RecursionError):  # an integer of thousands of digits, tables nested without end
        return f"a value ({type(value).__name__}) too large to print"
    return shown if len(shown) <= _LONGEST_SHOWN else f"{shown[:_LONGEST_SHOWN]}..."


def is_integer(value: Any) -> TypeGuard[int]:
    """Whether a value is an integer and not a truth value."""
    return isinstance(value, int) and not isinstance(value, bool)


def text(value: Any) -> str:
    """Rule: a text that is not empty."""
    return (
        ""
        if isinstance(value, str) and value.strip()
        else f"must be a text that is not empty, got {show(value)}"
    )


def boolean(value: Any) -> str:
    """Rule: true or false."""
    return "" if isinstance(value, bool) else f"must be true or false, got {show(value)}"


def identifier(value: Any) -> str:
    """Rule: a name that can be written in assembly: small letters, digits, underscores."""
    if isinstance(value, str) and _NAME.match(value):
        return ""
    return f"must be small letters, digits and underscores, a letter first, got {show(value)}"


def integer(low: int, high: int, unit: str = "") -> Rule:
    """Rule: an integer from ``low`` to ``high``."""

    def rule(value: Any) -> str:
        if not is_integer(value):
            return f"must be an integer{f' ({unit})' if unit else ''}, got {show(value)}"
        if low <= value <= high:
            return ""
        return f"{show(value)}{f' {unit}' if unit else ''} is impossible; the range is {low}..{high}"

    return rule


def one_of(names: Collection[str]) -> Rule:
    """Rule: one of some names."""

    def rule(value: Any) -> str:
        if isinstance(value, str) and value in names:
            return ""
        hint = did_you_mean(value, names) if isinstance(value, str) else ""
        return f"{show(value)} is not one of {', '.join(names)}{hint}"

    return rule


def list_of(element: Rule, *, empty: bool = True) -> Rule:
    """Rule: a list whose elements keep a rule, no element twice."""

    def rule(value: Any) -> str:
        if not isinstance(value, list) or not (value or empty):
            return f"must be a list{'' if empty else ' with at least one element'}, got {show(value)}"
        wrong = [message for message in map(element, value) if message]
        twice = [v for i, v in enumerate(value) if v in value[:i]]
        return "; ".join(wrong + [f"{show(v)} appears twice" for v in twice])

    return rule


def table_findings(table: Any, required: Mapping[str, Rule], optional: Mapping[str, Rule]) -> Iterator[str]:
    """Yield what is wrong with a table: no table, missing and unknown keys, values that break their rule."""
    if not isinstance(table, Mapping):
        yield f"must be a table, got {show(table)}"
        return
    rules = {**required, **optional}
    yield from (f"misses the key {key!r}" for key in required if key not in table)
    for key, value in table.items():
        if key not in rules:
            yield f"has the unknown key {show(key)}{did_you_mean(key, rules)}"
        elif wrong := rules[key](value):
            yield f"{key}: {wrong}"
