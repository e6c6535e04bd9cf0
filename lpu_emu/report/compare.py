"""Two cycle reports side by side: what changed, operator by operator, and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lpu_emu.errors import InputError

Report = Mapping[str, Any]

SCHEMA = "lpu-emu/compare/1"
METRICS: Mapping[str, Callable[[Report], float]] = {
    "cycles": lambda r: r["cycles"],
    "time_us": lambda r: r["time_us"],
    "instructions": lambda r: r["program"]["instructions"],
    "text_bytes": lambda r: r["program"]["text_bytes"],
    "sram_bytes": lambda r: r["memory"]["sram_bytes_used"],
    "live_bytes": lambda r: r["memory"]["peak_live_bytes"],
    "streams": lambda r: r["streams"]["peak_live"],
}


@dataclass(frozen=True, kw_only=True)
class Change:
    """A figure before and after; an operator that is in one report only has None in the other."""

    name: str
    before: float | None
    after: float | None
    cause: str = ""

    @property
    def difference(self) -> float:
        """How much more there is after."""
        return (self.after or 0) - (self.before or 0)

    @property
    def percent(self) -> float | None:
        """The difference in percent of what was before, None when there was nothing."""
        return 100 * self.difference / self.before if self.before else None

    def as_json(self) -> dict[str, Any]:
        """Return the change as JSON-like data."""
        return {
            "name": self.name,
            "before": self.before,
            "after": self.after,
            "difference": self.difference,
            "percent": self.percent,
            "cause": self.cause,
        }


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Figures of the whole program, and the operators whose cycles changed, the largest change first."""

    figures: tuple[Change, ...]
    operators: tuple[Change, ...]
    unchanged: int

    def figure(self, name: str) -> Change:
        """Return a figure of the whole program by name."""
        return next(change for change in self.figures if change.name == name)


def compare(before: Report, after: Report) -> Comparison:
    """Compare two documents of ``lpu-emu report --json``.

    Raises:
        InputError: a document lacks what a report has.
    """
    try:
        figures = tuple(Change(name=n, before=of(before), after=of(after)) for n, of in METRICS.items())
        operators = _operators(before["ops"], after["ops"])
    except (KeyError, TypeError) as error:
        raise InputError(f"not a report as lpu-emu report --json writes it: it lacks {error}") from error
    changed = [change for change in operators if change.difference or change.cause]
    changed.sort(key=lambda change: -abs(change.difference))
    return Comparison(figures=figures, operators=tuple(changed), unchanged=len(operators) - len(changed))


def _operators(before: list[Report], after: list[Report]) -> list[Change]:
    """Match operators by name; those of one name in order."""
    old, new = _numbered(before), _numbered(after)
    return [_operator(name, old.get(name), new.get(name)) for name in dict.fromkeys((*old, *new))]


def _numbered(operators: list[Report]) -> dict[str, Report]:
    found: dict[str, Report] = {}
    for operator in operators:
        name, count = str(operator["name"]), 1
        while name in found:
            count += 1
            name = f"{operator['name']} #{count}"
        found[name] = operator
    return found


def _operator(name: str, before: Report | None, after: Report | None) -> Change:
    return Change(
        name=name,
        before=None if before is None else before["added_cycles"],
        after=None if after is None else after["added_cycles"],
        cause=_cause(before, after),
    )


def _cause(before: Report | None, after: Report | None) -> str:
    """Say what of an operator changed beside its cycles."""
    if before is None or after is None:
        return "new" if before is None else "gone"
    causes = []
    if before["bound_by"] != after["bound_by"]:
        causes.append(f"bound by {before['bound_by']} -> {after['bound_by']}")
    for unit in dict.fromkeys((*before["loads"], *after["loads"])):
        old, new = before["loads"].get(unit, 0), after["loads"].get(unit, 0)
        if old != new:
            causes.append(f"{unit} {old:,} -> {new:,}")
    return ", ".join(causes)
