"""A published figure, how the emulator measures it, and what came out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypedDict

from lpu_emu.bench.micro.lab import Lab
from lpu_emu.bench.micro.measured import Measured

PASSED, FAILED, WAITING, OUT_OF_REACH = "passed", "failed", "waiting", "out of reach"
NOT_MEASURED = "not measured"
STATUSES = (PASSED, FAILED, WAITING, NOT_MEASURED, OUT_OF_REACH)
EQUAL, AT_MOST, AT_LEAST = "", "at most", "at least"
GROUPS = ("unit", "path", "kernel", "network")
NETWORK = GROUPS[-1]
TAGS = {
    "S20": "published", "S22": "published", "PB": "published", "NV-LPX": "published", "R20": "secondary",
    "MO": "secondary", "MPR": "secondary", "AF": "secondary", "D20": "secondary", "TOMS": "secondary", "SEC": "secondary",
}  # fmt: skip
EXACT = 0.0


class Optional(TypedDict, total=False):
    """What a claim may say besides the figure; see :class:`Claim`."""

    scale: float
    at_clock: bool
    bound: str
    tolerance: float
    reason: str
    tag: str
    obstacle: str


Measure = Callable[[Lab], Measured]


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One published figure.

    ``measure`` reads a number off verified programs; ``scale`` only turns its unit into the published one (cycles to
    time at a clock, multiply-accumulates to operations). A claim without ``measure``, or with an ``obstacle``,
    is out of reach for that reason, or waiting if ``waits``. ``bound`` says how ``published`` is meant; ``tag`` is
    the source's unless the figure is arithmetic on it. A ``slow`` claim takes a minute or more, and is measured only when
    it is asked for. ``failure`` is what a row that fails is waiting for.
    """

    id: str
    what: str
    group: str
    source: str
    published: float
    unit: str
    measure: Measure | None = None
    scale: float = 1.0
    at_clock: bool = False
    bound: str = EQUAL
    tolerance: float = EXACT
    reason: str = "a count of cycles, or of what moves in one"
    tag: str = ""
    chip: str = "tsp1"
    obstacle: str = ""
    waits: bool = False
    slow: bool = False
    failure: str = ""

    @property
    def weight(self) -> str:
        """The tag of the figure."""
        return self.tag or TAGS[self.source]

    def value(self, lab: Lab, found: Measured) -> float:
        """Return a measured number in the published unit."""
        return self.number(lab, found.value)

    def number(self, lab: Lab, value: float) -> float:
        """Return any number of the measurement in the published unit."""
        return value * self.scale * (lab.machine.chip.clock_hz if self.at_clock else 1)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A claim beside what the emulator does. ``low`` and ``high`` are error bars, where there are any."""

    claim: Claim
    status: str
    emulated: float | None
    programs: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Emulated to published."""
        return None if self.emulated is None else self.emulated / self.claim.published

    @property
    def how(self) -> str:
        """The command that reproduces this row."""
        return f"lpu-emu validate --only {self.claim.id}"

    def as_row(self) -> dict[str, Any]:
        """Return the row of ``lpu-emu validate --json``."""
        claim = self.claim
        return {
            "id": claim.id,
            "what": claim.what,
            "group": claim.group,
            "chip": claim.chip,
            "source": claim.source,
            "tag": claim.weight,
            "published": claim.published,
            "bound": claim.bound or "equal",
            "emulated": self.emulated,
            "unit": claim.unit,
            "ratio": self.ratio,
            "low": self.low,
            "high": self.high,
            "tolerance": claim.tolerance,
            "reason": self.note or claim.reason,
            "status": self.status,
            "passed": self.status == PASSED,
            "programs": list(self.programs),
            "how": self.how,
        }


def judged(claim: Claim, emulated: float) -> bool:
    """Return whether a number is what was published, within the claim's tolerance."""
    ratio = emulated / claim.published
    if claim.bound == AT_MOST:
        return ratio <= 1
    if claim.bound == AT_LEAST:
        return ratio >= 1
    return abs(ratio - 1) <= claim.tolerance + 1e-9
