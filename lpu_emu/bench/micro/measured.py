"""What a measurement is, and the ways to get one number from several programs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lpu_emu.bench.micro.lab import Lab, Trial
from lpu_emu.bench.micro.script import Script


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A number read off programs: their names, and the cycles of the last.

    ``low`` and ``high`` bound it where it depends on a place that the question leaves open. ``note`` says what else
    the programs showed.
    """

    value: float
    programs: tuple[str, ...]
    cycles: int
    low: float | None = None
    high: float | None = None
    note: str = ""


def from_trial(value: float, *trials: Trial, note: str = "") -> Measured:
    """Return a number read off programs."""
    return Measured(
        value=value, programs=tuple(t.program.name for t in trials), cycles=trials[-1].cycles, note=note
    )


def slope(
    lab: Lab, make: Callable[[int], Script], sizes: tuple[int, int], amount: Callable[[Trial], float]
) -> Measured:
    """Return how much of ``amount`` a program does in a cycle once it is under way: from a short and a long one."""
    short, long = (lab.trial(make(size)) for size in sizes)
    return from_trial((amount(long) - amount(short)) / (long.cycles - short.cycles), short, long)


def mean(parts: list[Measured]) -> Measured:
    """Return the mean over places that the question leaves open, with the smallest and the largest."""
    values = [part.value for part in parts]
    return Measured(
        value=sum(values) / len(values),
        programs=tuple(name for part in parts for name in part.programs),
        cycles=parts[-1].cycles,
        low=min(values),
        high=max(values),
    )
