"""What counts as equal, what as different, and the figures of a verdict."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from lpu_emu.library.checks import Tolerance, Verdict, compare

LOOSE = Tolerance(of_value=0.01, of_range=0.001)


def verdict(output: Any, wanted: Any, tolerance: Tolerance = Tolerance(), **options: bool) -> Verdict:  # noqa: B008
    return compare({"y": output}, {"y": wanted}, against="truth", tolerance=tolerance, **options)


def floats(*values: float) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.array(values, dtype=np.float32)


def test_equal_outputs_pass_exactly() -> None:
    found = verdict(floats(1, np.nan, np.inf, -np.inf), floats(1, np.nan, np.inf, -np.inf))
    assert (found.passed, found.max_abs_err, found.max_rel_err, found.mismatches) == (True, 0.0, 0.0, 0)
    assert (found.compared, found.argmax_agreement, found.details) == (4, None, ())


@pytest.mark.parametrize(
    ("output", "wanted", "mismatches"),
    [
        (floats(np.nan, 1), floats(0, 1), 1),
        (floats(0, 1), floats(np.nan, 1), 1),
        (floats(np.inf, 1), floats(-np.inf, 1), 1),
        (floats(1e9, 1), floats(np.inf, 1), 1),
        (floats(1, 1.001), floats(1, 1), 1),
        (floats(0.0, 1), floats(-0.0, 1), 1),
        (np.int64(2**60 + 1), np.int64(2**60), 1),
        (np.array([True, False]), np.array([True, True]), 1),
    ],
)
def test_without_tolerance_every_difference_counts(output: Any, wanted: Any, mismatches: int) -> None:
    assert verdict(np.asarray(output), np.asarray(wanted)).mismatches == mismatches


def test_tolerance_is_of_the_element_and_of_the_range() -> None:
    wanted = floats(100, 10, 0)
    assert verdict(floats(101.05, 10.15, 0.09), wanted, LOOSE).passed
    found = verdict(floats(101.25, 10.25, 0.125), wanted, LOOSE)
    assert found.mismatches == 3
    assert found.max_abs_err == pytest.approx(1.25)
    assert found.max_rel_err == pytest.approx(1.25)
    assert found.details == ("output 'y': 3 of 3 elements differ, first at [0]: 101.25, expected 100.0",)


def test_nan_never_passes_by_tolerance() -> None:
    found = verdict(floats(np.nan), floats(1), Tolerance(of_value=1e9))
    assert (found.passed, found.max_abs_err) == (False, np.inf)


def test_missing_outputs_and_other_shapes_are_all_wrong() -> None:
    found = compare({}, {"y": floats(1, 2)}, against="truth", tolerance=LOOSE, argmax=True)
    assert (found.mismatches, found.details) == (2, ("output 'y': expected float32[2], got nothing",))
    found = verdict(floats(1, 2, 3), floats(1, 2), argmax=True)
    assert (found.mismatches, found.argmax_agreement) == (2, 0.0)
    assert found.details == ("output 'y': expected float32[2], got float32[3]",)


def test_argmax_agreement_counts_rows() -> None:
    output = np.array([[1, 2], [3, 0], [0, 5], [1, 0]], dtype=np.float32)
    wanted = np.array([[0, 2], [0, 3], [1, 9], [7, 0]], dtype=np.float32)
    assert verdict(output, wanted, argmax=True).argmax_agreement == 0.75


def test_outputs_that_nothing_is_expected_of_are_left_out() -> None:
    found = compare({"y": floats(1), "z": floats(9)}, {"y": floats(1)}, against="t", tolerance=LOOSE)
    assert (found.passed, found.compared) == (True, 1)


def test_empty_and_scalar_tensors() -> None:
    assert verdict(np.zeros((0, 3)), np.zeros((0, 3)), argmax=True).passed
    assert verdict(np.float32(1), np.float32(1), argmax=True).argmax_agreement is None


def test_json_has_the_documented_keys() -> None:
    data = verdict(floats(1, 2), floats(1, 3), LOOSE).as_json()
    assert list(data) == [
        "against", "tolerance", "max_abs_err", "max_rel_err", "mismatches", "compared", "argmax_agreement",
        "details", "passed",
    ]  # fmt: skip
    assert json.loads(json.dumps(data))["tolerance"] == {"of_value": 0.01, "of_range": 0.001}


def test_tolerances_say_what_they_are() -> None:
    assert str(Tolerance()) == "exact"
    assert str(LOOSE) == "0.01 of the value + 0.001 of the tensor's largest magnitude"


def test_with_tolerance_the_sign_of_zero_does_not_count() -> None:
    assert verdict(floats(0.0, 1), floats(-0.0, 1), LOOSE).passed
