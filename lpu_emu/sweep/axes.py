"""Axes: one setting and the values it takes."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Value = str | int | float | bool
RANGE_KEYS = frozenset({"start", "stop", "step", "count", "log"})
RANDOM_KEYS = frozenset({"low", "high", "count", "log", "integer"})
_KEYS = frozenset({"key", "values", "range", "random", "when", "alone"})


class AxisError(Exception):
    """A finding about one axis; the reader of the file says where it stands."""


@dataclass(frozen=True, kw_only=True)
class Axis:
    """A setting (``precision``, ``chip.mxm.planes``) and its values.

    With ``when`` the axis only counts for points whose other settings have these values; elsewhere the setting is left out.
    Axes that are ``alone`` are not combined with each other: each of their values is taken with the others left out.
    """

    key: str
    values: tuple[Value, ...]
    when: Mapping[str, Value] = field(default_factory=dict)
    alone: bool = False

    def applies_to(self, settings: Mapping[str, Value]) -> bool:
        """Whether the axis counts for a point with these settings."""
        return all(settings.get(key) == value for key, value in self.when.items())


def axis_from(table: Mapping[str, Any], seed: int) -> Axis:
    """Build an axis from its table in a sweep file; random values depend on the seed and the key only.

    Raises:
        AxisError: the table breaks a rule.
    """
    key = table.get("key")
    if not isinstance(key, str) or not key:
        raise AxisError("it has no key, the name of the setting")
    unknown = sorted(set(table) - _KEYS)
    if unknown:
        raise AxisError(f"{key}: unknown entry {unknown[0]!r}; known: {', '.join(sorted(_KEYS))}")
    kinds = [kind for kind in ("values", "range", "random") if kind in table]
    if len(kinds) != 1:
        raise AxisError(
            f"{key}: give one of values, range and random, not {' and '.join(kinds) or 'nothing'}"
        )
    values = {"values": _listed, "range": _stepped, "random": _drawn}[kinds[0]](key, table[kinds[0]], seed)
    alone = table.get("alone", False)
    if not isinstance(alone, bool):
        raise AxisError(f"{key}: alone is true or false")
    return Axis(key=key, values=values, when=dict(table.get("when", {})), alone=alone)


def _listed(key: str, values: Any, seed: int) -> tuple[Value, ...]:
    if not isinstance(values, list) or not values:
        raise AxisError(f"{key}: values is a list of at least one value")
    if not all(isinstance(value, (str, int, float, bool)) for value in values):
        raise AxisError(f"{key}: each value is a text, a number or true or false")
    return tuple(dict.fromkeys(values))


def _stepped(key: str, table: Any, seed: int) -> tuple[Value, ...]:
    """Values from start to stop, both included: with a step, or a count of them, evenly or by equal factors."""
    _require(key, "range", table, RANGE_KEYS, ("start", "stop"))
    start, stop = table["start"], table["stop"]
    if "step" in table:
        if table["step"] == 0 or (stop - start) / table["step"] < 0:
            raise AxisError(f"{key}: a step of {table['step']} never leads from {start} to {stop}")
        count = math.floor((stop - start) / table["step"] + 1e-9) + 1
        return tuple(start + i * table["step"] for i in range(count))
    return _spaced(key, start, stop, table.get("count"), bool(table.get("log", False)))


def _spaced(key: str, start: float, stop: float, count: Any, log: bool) -> tuple[Value, ...]:
    if not isinstance(count, int) or count < 2:
        raise AxisError(f"{key}: range needs a step, or a count of at least 2")
    if log and min(start, stop) <= 0:
        raise AxisError(f"{key}: a range by equal factors needs positive ends")
    shares = [i / (count - 1) for i in range(count)]
    if log:
        found = [start * (stop / start) ** share for share in shares]
    else:
        found = [start + (stop - start) * share for share in shares]
    whole = isinstance(start, int) and isinstance(stop, int)
    return tuple(dict.fromkeys(round(v) if whole else v for v in found))


def _drawn(key: str, table: Any, seed: int) -> tuple[Value, ...]:
    """Random values between low and high, evenly or evenly in their logarithm."""
    _require(key, "random", table, RANDOM_KEYS, ("low", "high", "count"))
    low, high, count = table["low"], table["high"], table["count"]
    log = bool(table.get("log", False))
    if not isinstance(count, int) or count < 1 or low > high or (log and low <= 0):
        raise AxisError(
            f"{key}: random needs low <= high, a count of at least 1, and a positive low with log"
        )
    generator = random.Random(f"{seed}:{key}")
    whole = bool(table.get("integer", isinstance(low, int) and isinstance(high, int)))
    drawn = []
    for _ in range(count):
        value = (
            math.exp(generator.uniform(math.log(low), math.log(high)))
            if log
            else generator.uniform(low, high)
        )
        drawn.append(round(value) if whole else value)
    return tuple(dict.fromkeys(drawn))


def _require(key: str, kind: str, table: Any, known: frozenset[str], needed: tuple[str, ...]) -> None:
    if not isinstance(table, Mapping):
        raise AxisError(f"{key}: {kind} is a table with {', '.join(sorted(known))}")
    unknown = sorted(set(table) - known)
    if unknown:
        raise AxisError(
            f"{key}: {kind} has an unknown entry {unknown[0]!r}; known: {', '.join(sorted(known))}"
        )
    for name in needed:
        if not isinstance(table.get(name), (int, float)):
            raise AxisError(f"{key}: {kind} needs a number {name!r}")
