"""Measures claims, each on its chip, and judges them."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from lpu_emu.bench.micro.lab import Lab
from lpu_emu.bench.validate.beyond import BEYOND
from lpu_emu.bench.validate.claim import (
    FAILED,
    NETWORK,
    NOT_MEASURED,
    OUT_OF_REACH,
    PASSED,
    STATUSES,
    WAITING,
    Claim,
    Outcome,
    judged,
)
from lpu_emu.bench.validate.lp30 import LP30
from lpu_emu.bench.validate.networks import NETWORKS
from lpu_emu.bench.validate.products import PRODUCTS
from lpu_emu.bench.validate.units import UNITS
from lpu_emu.errors import LpuError, MissingExtraError, UsageError, did_you_mean
from lpu_emu.spec.machine import load_machine

Progress = Callable[[str, float], None]


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Counts by status, and how far ratios of measured rows lie from 1 (median, largest with its id).

    Whole networks are counted on their own, and their ratios are not among the others.
    """

    counts: Mapping[str, int]
    networks: Mapping[str, int]
    median_error: float
    largest_error: float
    largest_id: str

    @property
    def passed(self) -> bool:
        """Whether no row failed."""
        return not self.counts[FAILED] and not self.networks[FAILED]


def claims() -> tuple[Claim, ...]:
    """Return every claim in the order of the table."""
    return (*UNITS, *PRODUCTS, *LP30, *NETWORKS, *BEYOND)


def chosen(only: Sequence[str]) -> list[Claim]:
    """Return the claims whose ids fit a name or a pattern, all when there is none.

    Raises:
        UsageError: a name or pattern fits no claim.
    """
    every = claims()
    ids = [claim.id for claim in every]
    for pattern in only:
        if not any(fnmatchcase(id, pattern) for id in ids):
            raise UsageError(f"no row {pattern!r}{did_you_mean(pattern, ids)}; rows: {', '.join(ids)}")
    return [c for c in every if not only or any(fnmatchcase(c.id, p) for p in only)]


def laboratories(wanted: Iterable[Claim], *, values: bool) -> dict[str, Lab]:
    """Return a lab for each chip that claims are about."""
    names = dict.fromkeys(claim.chip for claim in wanted)
    return {name: Lab(load_machine(name), values=values) for name in names}


def evaluate(
    wanted: Sequence[Claim], labs: Mapping[str, Lab], progress: Progress, *, slow: bool = True
) -> list[Outcome]:
    """Measure claims in the labs of their chips, slow ones only if they are asked for."""
    outcomes = []
    for number, claim in enumerate(wanted):
        progress(claim.id, number / len(wanted))
        left_out = claim.slow and not slow
        outcomes.append(not_measured(claim) if left_out else outcome(claim, labs[claim.chip]))
    return outcomes


def not_measured(claim: Claim) -> Outcome:
    """Return the row of a claim that was not asked for."""
    note = "takes a minute or more; --networks measures it, and so does --only with its name"
    return Outcome(claim=claim, status=NOT_MEASURED, emulated=None, note=note)


def outcome(claim: Claim, lab: Lab) -> Outcome:
    """Measure and judge one claim. What cannot be measured fails with the reason; without its extra it is out of reach."""
    if claim.measure is None or (claim.waits and claim.obstacle):
        status = WAITING if claim.waits else OUT_OF_REACH
        return Outcome(claim=claim, status=status, emulated=None, note=claim.obstacle)
    try:
        found = lab.once(claim.measure)
    except LpuError as error:
        beyond = claim.obstacle or isinstance(error, MissingExtraError)
        status = OUT_OF_REACH if beyond else FAILED
        return Outcome(claim=claim, status=status, emulated=None, note=str(error).splitlines()[0])
    emulated = claim.value(lab, found)
    status = PASSED if judged(claim, emulated) else FAILED
    return Outcome(
        claim=claim,
        status=OUT_OF_REACH if claim.obstacle else status,
        emulated=emulated,
        programs=found.programs,
        low=None if found.low is None else claim.number(lab, found.low),
        high=None if found.high is None else claim.number(lab, found.high),
        note=claim.obstacle
        or (f"{claim.reason}; {claim.failure}" if status == FAILED and claim.failure else ""),
    )


def summary(outcomes: Sequence[Outcome]) -> Summary:
    """Return what the table amounts to. Rows that are not measured or out of reach do not count for the errors."""
    counts, networks = dict.fromkeys(STATUSES, 0), dict.fromkeys(STATUSES, 0)
    for found in outcomes:
        (networks if found.claim.group == NETWORK else counts)[found.status] += 1
    errors = [
        (abs(o.ratio - 1), o.claim.id)
        for o in outcomes
        if o.ratio is not None
        and o.status in (PASSED, FAILED)
        and not o.claim.bound
        and o.claim.group != NETWORK
    ]
    largest = max(errors, default=(0.0, ""))
    return Summary(
        counts=counts,
        networks=networks,
        median_error=statistics.median([e for e, _ in errors]) if errors else 0.0,
        largest_error=largest[0],
        largest_id=largest[1],
    )
