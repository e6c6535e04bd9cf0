"""Searching a sweep's points for the best one, instead of computing all of them. Needs Optuna."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lpu_emu.errors import MissingExtraError, UsageError, did_you_mean
from lpu_emu.sweep.evaluation import ERROR, METRICS, evaluate
from lpu_emu.sweep.identity import Identities
from lpu_emu.sweep.spec import Settings, Sweep
from lpu_emu.sweep.store import Store

_LIMIT = re.compile(r"\s*([\w.]+)\s*(<=|>=|<|>)\s*([-+.\deE]+)\s*")
_HOLDS: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True, kw_only=True)
class Limit:
    """A bound that a point must keep: ``time_us < 50``."""

    metric: str
    relation: str
    bound: float

    def holds(self, row: Mapping[str, Any]) -> bool:
        """Whether a row keeps it."""
        value = row.get(self.metric)
        return value is not None and _HOLDS[self.relation](float(value), self.bound)

    def excess(self, row: Mapping[str, Any]) -> float:
        """Return by how much a row breaks it, at most zero when it does not."""
        value = row.get(self.metric)
        if value is None:
            return float("inf")
        over = float(value) - self.bound
        return over if self.relation.startswith("<") else -over


def limit_of(text: str) -> Limit:
    """Read a bound.

    Raises:
        UsageError: the text is none, or names no metric.
    """
    match = _LIMIT.fullmatch(text)
    if match is None:
        raise UsageError(f"{text!r} is no bound; write for example 'time_us<50'")
    require_metric(match[1])
    return Limit(metric=match[1], relation=match[2], bound=float(match[3]))


def require_metric(name: str) -> None:
    """Refuse what is no metric.

    Raises:
        UsageError: it is none.
    """
    if name not in METRICS:
        raise UsageError(
            f"there is no metric {name!r}{did_you_mean(name, METRICS)}; metrics: {', '.join(METRICS)}"
        )


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One point that was tried, its row, and whether it keeps all bounds."""

    settings: Settings
    row: Mapping[str, Any]
    fits: bool


def search(
    sweep: Sweep, store: Store, *, minimise: str, limits: tuple[Limit, ...], trials: int
) -> Iterator[Trial]:
    """Try points of a sweep, led by what was found so far; the same sweep gives the same trials.

    Raises:
        MissingExtraError: Optuna is not installed.
        UsageError: ``minimise`` is no metric, or an axis is alone: a search combines all of them.
        InputError: the store cannot be used.
    """
    require_metric(minimise)
    if any(axis.alone for axis in sweep.axes):
        raise UsageError(f"{sweep.name}: a search combines all axes; leave out alone = true")
    optuna = _optuna()
    study = optuna.create_study(direction="minimize", sampler=optuna.samplers.TPESampler(seed=sweep.seed))
    identities = Identities(sweep.folder)
    for _ in range(trials):
        asked = study.ask()
        settings = _settings(sweep, asked)
        row = _row(sweep, store, identities, settings)
        for limit in limits:
            asked.set_constraint(f"{limit.metric}{limit.relation}{limit.bound}", limit.excess(row))
        if row[ERROR] or row[minimise] is None:
            study.tell(asked, state=optuna.trial.TrialState.FAIL)
        else:
            study.tell(asked, float(row[minimise]))
        yield Trial(
            settings=settings, row=row, fits=not row[ERROR] and all(limit.holds(row) for limit in limits)
        )


def best_of(trials: list[Trial], minimise: str) -> Trial | None:
    """Return the trial with the smallest metric among those that keep all bounds, the first of equals."""
    fitting = [trial for trial in trials if trial.fits and trial.row[minimise] is not None]
    return min(fitting, key=lambda trial: trial.row[minimise], default=None)


def _optuna() -> Any:
    try:
        import optuna
    except ImportError as error:
        raise MissingExtraError("optuna", "optimise", "a search over a sweep") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def _settings(sweep: Sweep, asked: Any) -> Settings:
    """Let the sampler choose a value for each axis that counts."""
    settings = dict(sweep.fixed)
    for axis in sorted(sweep.axes, key=lambda axis: bool(axis.when)):
        if axis.applies_to(settings):
            settings[axis.key] = axis.values[asked.suggest_int(axis.key, 0, len(axis.values) - 1)]
    return settings


def _row(sweep: Sweep, store: Store, identities: Identities, settings: Settings) -> Mapping[str, Any]:
    digest = identities.of(settings)
    row = store.get(digest)
    if row is None:
        row = evaluate(settings, str(sweep.folder))
        store.put(digest, row)
    return row
