"""Sweep files: what is varied, what is fixed, and every point that follows from it."""

from __future__ import annotations

import itertools
import random
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lpu_emu.errors import SpecError, did_you_mean
from lpu_emu.sweep.axes import Axis, AxisError, Value, axis_from

Settings = Mapping[str, Value]
Choice = tuple[Axis, Value] | None

GRID, LIST, RANDOM = "grid", "list", "random"
MODES = (GRID, LIST, RANDOM)
PLAIN_KEYS = ("target", "chip", "precision", "size", "seed")
CHIP_PREFIX, SHAPE_PREFIX = "chip.", "shape."
_ENTRIES = frozenset({"name", "title", "mode", "samples", "seed", "fixed", "axis", "metrics"})


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """A sweep. ``folder`` is where relative paths of targets and chips begin.

    Mode ``grid`` takes all combinations, ``list`` the first values of all axes together, then the second ones, and so
    on, ``random`` a number (``samples``) of random combinations.
    """

    name: str
    title: str
    mode: str
    samples: int
    seed: int
    fixed: Settings
    axes: tuple[Axis, ...]
    metrics: tuple[str, ...]
    folder: Path = field(default_factory=Path)

    @property
    def keys(self) -> tuple[str, ...]:
        """All settings that points may have, fixed ones first."""
        return tuple(dict.fromkeys((*self.fixed, *(axis.key for axis in self.axes))))

    def points(self) -> Iterator[Settings]:
        """Yield every point once, in a fixed order."""
        seen: set[tuple[tuple[str, Value], ...]] = set()
        for settings in self._combinations():
            key = tuple(sorted(settings.items()))
            if key not in seen:
                seen.add(key)
                yield settings

    def _combinations(self) -> Iterator[Settings]:
        choices = self._choices()
        if self.mode == GRID:
            yield from map(self._settings, itertools.product(*choices))
        elif self.mode == LIST:
            yield from map(self._settings, zip(*choices, strict=True))
        else:
            generator = random.Random(self.seed)
            for _ in range(self.samples):
                yield self._settings(tuple(map(generator.choice, choices)))

    def _choices(self) -> list[list[Choice]]:
        """Return what can be chosen for each axis; all axes that are alone have one list, which begins with nothing."""
        found: list[list[Choice]] = []
        lone: list[Choice] = []
        for axis in self.axes:
            choices: list[Choice] = [(axis, value) for value in axis.values]
            if not axis.alone:
                found.append(choices)
                continue
            if not lone:
                lone.append(None)
                found.append(lone)
            lone += choices
        return found

    def _settings(self, chosen: tuple[Choice, ...]) -> Settings:
        """Return one point; conditional axes are looked at after those that they depend on."""
        settings = dict(self.fixed)
        waiting = [choice for choice in chosen if choice is not None]
        settings |= {axis.key: value for axis, value in waiting if not axis.when}
        for axis, value in waiting:
            if axis.when and axis.applies_to(settings):
                settings[axis.key] = value
        return settings


def read_sweep(path: Path) -> Sweep:
    """Read a sweep file.

    Raises:
        SpecError: the file cannot be read or breaks a rule; every finding is listed.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SpecError([f"{path}: cannot be read as a sweep file: {error}"]) from error
    return sweep_from(table, where=str(path), folder=path.parent)


def sweep_from(table: Mapping[str, Any], *, where: str, folder: Path) -> Sweep:
    """Build a sweep from the parsed content of a sweep file.

    Raises:
        SpecError: the content breaks a rule; every finding is listed.
    """
    findings: list[str] = []
    seed = table.get("seed", 0)
    axes: list[Axis] = []
    for number, entry in enumerate(table.get("axis", ()), 1):
        try:
            axes.append(axis_from(entry, seed))
        except AxisError as error:
            findings.append(f"axis {number}: {error}")
    sweep = Sweep(
        name=str(table.get("name", Path(where).stem)),
        title=str(table.get("title", "")),
        mode=str(table.get("mode", GRID)),
        samples=int(table.get("samples", 0)),
        seed=int(seed),
        fixed=dict(table.get("fixed", {})),
        axes=tuple(axes),
        metrics=tuple(table.get("metrics", ())),
        folder=folder,
    )
    findings += _findings(sweep, table)
    if findings:
        raise SpecError([f"{where}: {finding}" for finding in findings])
    return sweep


def _findings(sweep: Sweep, table: Mapping[str, Any]) -> Iterator[str]:
    for entry in sorted(set(table) - _ENTRIES):
        yield f"unknown entry {entry!r}{did_you_mean(entry, _ENTRIES)}; known: {', '.join(sorted(_ENTRIES))}"
    if sweep.mode not in MODES:
        yield f"mode {sweep.mode!r} is none of {', '.join(MODES)}"
    if sweep.mode == RANDOM and sweep.samples < 1:
        yield "mode random needs samples, a number of at least 1"
    if sweep.mode == LIST and len({len(axis.values) for axis in sweep.axes}) > 1:
        counts = ", ".join(f"{axis.key} {len(axis.values)}" for axis in sweep.axes)
        yield f"mode list takes one value of every axis per point, so all need as many: {counts}"
    if sweep.mode != GRID and any(axis.alone for axis in sweep.axes):
        yield "axes that are alone go with mode grid"
    if "target" not in sweep.keys:
        yield 'there is no target; say which model, kernel or program, in [fixed] or as an axis: target = "digits_mlp"'
    for key in sweep.keys:
        finding = _key_finding(key)
        if finding:
            yield finding


def _key_finding(key: str) -> str:
    if key in PLAIN_KEYS or key.startswith(SHAPE_PREFIX):
        return ""
    if key.startswith(CHIP_PREFIX):
        return _chip_key_finding(key.removeprefix(CHIP_PREFIX))
    known = [*PLAIN_KEYS, "chip.KEY", "shape.INPUT"]
    return f"unknown setting {key!r}{did_you_mean(key, PLAIN_KEYS)}; settings: {', '.join(known)}"


def _chip_key_finding(key: str) -> str:
    """Timing keys depend on the chip and are checked when a chip is built."""
    from lpu_emu.spec.chip import load_chip

    known = list(load_chip("tsp1").facts)
    if key in known or key.startswith("timing."):
        return ""
    return f"no chip parameter {key!r}{did_you_mean(key, known)}; lpu-emu chip show lists them"
