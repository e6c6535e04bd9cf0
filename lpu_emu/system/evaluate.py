"""A scenario worked out: every batch, the curve of speed against efficiency, the point at the target, and what bounds it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lpu_emu.system.cycles import Cycles
from lpu_emu.system.pipelines import Step, first_token, steps
from lpu_emu.system.racks import KNOBS
from lpu_emu.system.scenario import Scenario

MEGAWATT = 1e6


@dataclass(frozen=True, kw_only=True)
class Bound:
    """How much quicker a step gets when one thing takes half its time."""

    knob: str
    gain: float

    @property
    def text(self) -> str:
        """What it is."""
        return KNOBS[self.knob]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Results of a scenario.

    ``points`` are the best steps that fit, one per batch, by batch. ``chosen`` gives most tokens per second
    among those that keep the target, or None. ``bounds`` are of the chosen point (of the quickest, if no point
    keeps the target), largest gain first.
    """

    scenario: Scenario
    points: tuple[Step, ...]
    chosen: Step | None
    bounds: tuple[Bound, ...]
    first_token: Mapping[str, float]
    too_large: tuple[str, ...]

    @property
    def shown(self) -> Step | None:
        """The chosen point, or the quickest if no point keeps the target."""
        return self.chosen or max(self.points, key=lambda step: step.per_user, default=None)

    def per_megawatt(self, step: Step, which: str = "watts") -> float:
        """Return tokens per second and megawatt."""
        return step.rate * MEGAWATT / self.scenario.site.watts(which)


def evaluate(scenario: Scenario, cycles: Cycles, *, bounds: bool = True) -> Outcome:
    """Work out a scenario.

    Raises:
        CompileError: a shard does not fit its chip.
    """
    points: list[Step] = []
    too_large: dict[str, None] = {}
    for users in scenario.batches:
        found = list(steps(scenario, users, cycles))
        fitting = [step for step in found if step.fits]
        if fitting:
            points.append(min(fitting, key=lambda step: step.seconds))
        else:
            too_large |= {use.where: None for step in found for use in step.uses if not use.fits}
    enough = [step for step in points if step.per_user >= scenario.target]
    chosen = max(enough, key=lambda step: step.rate, default=None)
    outcome = Outcome(
        scenario=scenario,
        points=tuple(points),
        chosen=chosen,
        bounds=(),
        first_token=first_token(scenario),
        too_large=tuple(too_large),
    )
    return replace(outcome, bounds=_bounds(outcome, cycles)) if bounds and outcome.shown else outcome


def _bounds(outcome: Outcome, cycles: Cycles) -> tuple[Bound, ...]:
    here = outcome.shown
    assert here is not None
    scenario = outcome.scenario
    found = []
    for knob in KNOBS:
        site = scenario.site.turned(knob, 0.5)
        quicker = [step for step in steps(scenario.at(site), here.users, cycles) if step.how == here.how]
        found.append(Bound(knob=knob, gain=here.seconds / quicker[0].seconds - 1))
    return tuple(sorted((b for b in found if b.gain > 0.001), key=lambda b: -b.gain))


def curve(points: Sequence[Step]) -> list[Step]:
    """Return the points that no other one beats in both tokens per user and tokens in all, quickest first."""
    best = 0.0
    front = []
    for step in sorted(points, key=lambda s: (-s.per_user, -s.rate)):
        if step.rate > best:
            best = step.rate
            front.append(step)
    return front


def document(outcome: Outcome) -> dict[str, Any]:
    """Return an outcome as plain data."""
    scenario, site = outcome.scenario, outcome.scenario.site
    return {
        "name": scenario.name,
        "title": scenario.title,
        "mode": scenario.mode,
        "model": scenario.model.name,
        "context": scenario.context,
        "target": scenario.target,
        "gpus": site.gpus,
        "lpus": site.lpus,
        "watts": {name: site.watts(name) for name in ("watts_low", "watts", "watts_high")},
        "ethernet_s": scenario.network_s,
        "first_token_s": dict(outcome.first_token),
        "points": [_point(outcome, step) for step in outcome.points],
        "chosen": _point(outcome, outcome.chosen) if outcome.chosen else None,
        "quickest": _point(outcome, outcome.shown) if outcome.shown else None,
        "bounds": [{"knob": b.knob, "what": b.text, "gain": b.gain} for b in outcome.bounds],
        "too_large": list(outcome.too_large),
    }


def _point(outcome: Outcome, step: Step) -> dict[str, Any]:
    return {
        "users": step.users,
        "tokens_per_s_user": step.per_user,
        "tokens_per_s": step.rate,
        "tokens_per_s_mw": outcome.per_megawatt(step),
        "step_s": step.seconds,
        "tokens_per_step": step.tokens,
        "layout": step.how,
        "budget_s": dict(step.budget),
        "memory": [{"where": u.where, "needed": u.needed, "there": u.there} for u in step.uses],
    }
