"""How far a result moves when one setting at a time is changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lpu_emu.errors import InputError
from lpu_emu.sweep.results import Results, settings_of

Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Effect:
    """A setting that moves the result, its value, and what the result is then."""

    key: str
    value: Any
    result: float


@dataclass(frozen=True, kw_only=True)
class Range:
    """The result of ``name`` as it is, its lowest and highest over all changes, and what moves it, strongest first."""

    name: str
    base: float
    low: float
    high: float
    effects: tuple[Effect, ...]


def ranges(results: Results, *, by: str, value: str) -> list[Range]:
    """Return a range for every value of the setting ``by``, in the order of the rows.

    Rows that failed are left out. Those whose changed settings are all absent are the base that others are compared with.

    Raises:
        UsageError: there is no column ``by`` or ``value``.
        InputError: there is no base, as in a sweep whose axes are not alone.
    """
    results.column(value)
    groups: dict[Any, list[Row]] = {}
    for name, row in zip(results.column(by), results.rows, strict=True):
        if row.get(value) is not None:
            groups.setdefault(name, []).append(row)
    settings = [name for name in settings_of(results) if name != by]
    varied = [name for name in settings if len(set(results.column(name))) > 1]
    found = [_range(str(name), rows, varied, value) for name, rows in groups.items()]
    if not found:
        raise InputError(f"no row has {value}, so there is nothing to show")
    return found


def _range(name: str, rows: Sequence[Row], varied: Sequence[str], value: str) -> Range:
    changed = [{key: row[key] for key in varied if row.get(key) is not None} for row in rows]
    bases = [row for row, settings in zip(rows, changed, strict=True) if not settings]
    if not bases:
        raise InputError(
            f"{name}: no row leaves all of {', '.join(varied)} as they are; ranges go with a sweep whose axes have "
            "alone = true"
        )
    base = float(bases[0][value])
    effects = [
        Effect(key=", ".join(settings), value=next(iter(settings.values())), result=float(row[value]))
        for row, settings in zip(rows, changed, strict=True)
        if settings and float(row[value]) != base
    ]
    reached = [base, *(effect.result for effect in effects)]
    effects.sort(key=lambda effect: (-abs(effect.result - base), effect.key, effect.value))
    return Range(name=name, base=base, low=min(reached), high=max(reached), effects=tuple(effects))
