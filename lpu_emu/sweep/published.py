"""Rows of ``lpu-emu validate`` as targets of a sweep: what a published figure is on another chip."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from threading import get_ident
from typing import TYPE_CHECKING, Any

from lpu_emu.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from lpu_emu.bench.micro.lab import Lab
    from lpu_emu.bench.validate.claim import Claim
    from lpu_emu.spec.chip import Chip

PREFIX = "validate:"
ALLOWED = ("target", "chip", "seed")


def is_row(target: str) -> bool:
    """Whether a target is a row of ``lpu-emu validate``: ``validate:path.alu``."""
    return target.startswith(PREFIX)


def measured(settings: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Measure the row of a point on its chip, which is the row's own unless the point has one.

    Programs are made for the chip and verified, but not run. ``cycles`` are those of the last one, ``emulated`` is the
    number in the unit of the published one.

    Raises:
        UsageError: there is no such row, nothing measures it, or a setting does not go with it.
        LpuError: the chip breaks a rule, or a program is not possible on it.
    """
    from lpu_emu.sweep.evaluation import chip_of

    claim = _claim(str(settings["target"]))
    _require_plain(settings, claim)
    lab = _laboratory(chip_of(settings, folder, default=claim.chip))
    if claim.measure is None:
        raise UsageError(f"{PREFIX}{claim.id}: nothing measures it: {claim.obstacle}")
    found = lab.once(claim.measure)
    clock = lab.machine.chip.clock_hz
    return {
        "cycles": found.cycles,
        "time_us": found.cycles * 1e6 / clock,
        "emulated": claim.value(lab, found),
    }


def _claim(target: str) -> Claim:
    from lpu_emu.bench.validate.evaluate import claims

    known = {claim.id: claim for claim in claims()}
    name = target.removeprefix(PREFIX)
    if name not in known:
        raise UsageError(
            f"{target}: there is no row {name!r}{did_you_mean(name, known)}; lpu-emu validate lists them"
        )
    return known[name]


def _require_plain(settings: Mapping[str, Any], claim: Claim) -> None:
    other = [key for key in settings if key not in ALLOWED and not key.startswith("chip.")]
    if other:
        raise UsageError(f"{PREFIX}{claim.id}: {other[0]} does not go with a row; only chips are varied")


_KEPT: dict[tuple[int, str], Lab] = {}


def _laboratory(chip: Chip) -> Lab:
    """Return the lab of a chip, the last one again: rows share measurements, and points with one chip are neighbours."""
    from lpu_emu.bench.micro.lab import Lab
    from lpu_emu.spec.machine import load_machine

    key = (get_ident(), chip.digest)
    lab = _KEPT.get(key)
    if lab is None:
        _KEPT.clear()
        lab = _KEPT[key] = Lab(load_machine(chip), values=False)
    return lab
