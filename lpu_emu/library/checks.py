"""Comparing outputs with independent results, within a stated tolerance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lpu_emu.library.tensors import Array

# Below this part of a tensor's largest magnitude an element counts as that large in max_rel_err.
_FLOOR_OF_RANGE = 1e-3


@dataclass(frozen=True, kw_only=True)
class Tolerance:
    """What may differ: ``of_value`` times the expected element plus ``of_range`` times the largest one."""

    of_value: float = 0.0
    of_range: float = 0.0

    def __str__(self) -> str:
        """Return the tolerance in words."""
        parts = {"value": self.of_value, "tensor's largest magnitude": self.of_range}
        return " + ".join(f"{share:g} of the {what}" for what, share in parts.items() if share) or "exact"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Result of a check over all outputs.

    ``max_rel_err`` is relative to the expected element, or to a thousandth of its tensor's largest magnitude
    where that is larger. ``mismatches`` counts elements out of tolerance, ``compared`` all elements.
    ``expected`` are the independent outputs. ``argmax_agreement`` is the share of rows (last axis) whose
    largest element is at the same place. ``note`` says why it was not the preferred independent result.
    """

    against: str
    tolerance: Tolerance
    max_abs_err: float
    max_rel_err: float
    mismatches: int
    compared: int
    argmax_agreement: float | None = None
    details: tuple[str, ...] = ()
    note: str = ""
    expected: Mapping[str, Array] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether nothing is out of tolerance."""
        return self.mismatches == 0

    def as_json(self) -> dict[str, Any]:
        """Return the ``check`` object of ``run --json``."""
        return {
            "against": self.against,
            "tolerance": {"of_value": self.tolerance.of_value, "of_range": self.tolerance.of_range},
            "max_abs_err": self.max_abs_err,
            "max_rel_err": self.max_rel_err,
            "mismatches": self.mismatches,
            "compared": self.compared,
            "argmax_agreement": self.argmax_agreement,
            "details": list(self.details),
            "passed": self.passed,
        }


@dataclass(frozen=True, kw_only=True)
class _Difference:
    max_abs_err: float
    max_rel_err: float
    mismatches: int
    where: str


def compare(
    outputs: Mapping[str, Array],
    expected: Mapping[str, Array],
    *,
    against: str,
    tolerance: Tolerance,
    argmax: bool = False,
) -> Verdict:
    """Compare outputs with expected ones.

    NaN equals NaN; an infinity equals itself; without tolerance 0.0 is not -0.0. An output that is missing or has
    another shape is all wrong.
    """
    found = {name: _against(outputs.get(name), wanted, tolerance) for name, wanted in expected.items()}
    agreement = [_agreeing_rows(outputs.get(name), wanted) for name, wanted in expected.items() if argmax]
    rows = sum(total for _, total in agreement)
    return Verdict(
        against=against,
        tolerance=tolerance,
        max_abs_err=max((d.max_abs_err for d in found.values()), default=0.0),
        max_rel_err=max((d.max_rel_err for d in found.values()), default=0.0),
        mismatches=sum(d.mismatches for d in found.values()),
        compared=sum(e.size for e in expected.values()),
        argmax_agreement=sum(same for same, _ in agreement) / rows if rows else None,
        details=tuple(f"output {name!r}: {d.where}" for name, d in found.items() if d.mismatches),
        expected=expected,
    )


def _against(output: Array | None, wanted: Array, tolerance: Tolerance) -> _Difference:
    if output is not None and output.shape == wanted.shape:
        return _difference(output, wanted, tolerance)
    where = f"expected {_shape(wanted)}, got {'nothing' if output is None else _shape(output)}"
    return _Difference(max_abs_err=np.inf, max_rel_err=np.inf, mismatches=max(wanted.size, 1), where=where)


def _shape(array: Array) -> str:
    return f"{array.dtype.name}[{'x'.join(str(d) for d in array.shape)}]"


def _difference(output: Array, wanted: Array, tolerance: Tolerance) -> _Difference:
    got, want = output.astype(np.float64), wanted.astype(np.float64)
    same = _same(output, wanted)
    finite = np.abs(want[np.isfinite(want)])
    largest = float(finite.max()) if finite.size else 0.0
    with np.errstate(invalid="ignore", over="ignore"):
        error = np.where(same, 0.0, np.abs(got - want))
    error = np.where(np.isnan(error), np.inf, error)
    magnitude = np.where(np.isfinite(want), np.abs(want), largest)
    allowed = tolerance.of_value * magnitude + tolerance.of_range * largest
    wrong = ~same & ((error > allowed) | (tolerance == Tolerance()))
    scale = np.maximum(magnitude, largest * _FLOOR_OF_RANGE)
    relative = np.divide(error, scale, out=np.where(error > 0, np.inf, 0.0), where=scale > 0)
    return _Difference(
        max_abs_err=float(error.max(initial=0.0)),
        max_rel_err=float(relative.max(initial=0.0)),
        mismatches=int(wrong.sum()),
        where=_first_wrong(wrong, output, wanted),
    )


def _same(output: Array, wanted: Array) -> NDArray[np.bool_]:
    """Return where elements are equal; zeros have a sign, not-a-numbers are all alike."""
    if output.dtype.kind in "iub" and wanted.dtype.kind in "iub":
        return np.asarray(output == wanted)
    got, want = output.astype(np.float64), wanted.astype(np.float64)
    equal = (got == want) & (np.signbit(got) == np.signbit(want))
    return np.asarray(equal | (np.isnan(got) & np.isnan(want)))


def _first_wrong(wrong: NDArray[np.bool_], output: Array, wanted: Array) -> str:
    if not wrong.any():
        return ""
    place = tuple(int(i) for i in np.argwhere(wrong)[0])
    at = ", ".join(str(i) for i in place)
    count = f"{int(wrong.sum())} of {wrong.size} elements differ"
    return f"{count}, first at [{at}]: {output[place]}, expected {wanted[place]}"


def _agreeing_rows(output: Array | None, wanted: Array) -> tuple[int, int]:
    """Return how many rows have their largest element at the same place, and how many there are."""
    if not wanted.size or not wanted.ndim or wanted.shape[-1] < 2:
        return 0, 0
    rows = wanted.size // wanted.shape[-1]
    if output is None or output.shape != wanted.shape:
        return 0, rows
    same = output.astype(np.float64).argmax(axis=-1) == wanted.astype(np.float64).argmax(axis=-1)
    return int(np.sum(same)), rows
