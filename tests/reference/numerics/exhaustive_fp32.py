"""Measure exp, tanh and rsqrt over every fp32 value; minutes, so run it by its path and with -s."""

from __future__ import annotations

import numpy as np
import pytest

from lpu_emu.reference.numerics.vxm import UNARY

from .oracles import show, ulp_errors
from .test_special import FP32_BOUND_ULP, ORACLES

BLOCK = 1 << 20


def _bits(value: float) -> int:
    return int(np.float32(value).view(np.uint32))


# Outside these ranges the result is a limit or the operand, which test_special.py holds; tanh is odd, and
# rsqrt of x * 4**n is the scaled rsqrt of x, so two binades and the subnormals are all there is.
RANGES = [
    ("exp", _bits(2.0**-30), _bits(88.75)),
    ("exp", _bits(-(2.0**-30)), _bits(-104.0)),
    ("tanh", _bits(2.0**-20), _bits(9.1)),
    ("rsqrt", _bits(1.0), _bits(4.0)),
    ("rsqrt", 1, _bits(2.0**-126)),
]


@pytest.mark.parametrize(("op", "first", "last"), RANGES)
def test_every_fp32_value(op: str, first: int, last: int) -> None:
    worst, wrong = 0.0, 0
    for start in range(first, last, BLOCK):
        x = np.arange(start, min(start + BLOCK, last), dtype=np.uint32).view(np.float32)
        found = UNARY[op](x, "fp32", False)
        exact = ORACLES[op](x)
        finite = np.isfinite(found)
        assert np.array_equal(
            finite, np.abs(exact) < 2.0**128 - 2.0**103
        )  # half a step above the largest value
        errors = ulp_errors(found[finite], exact[finite], "fp32")
        worst, wrong = max(worst, float(errors.max(initial=0))), wrong + int((errors > 0.5).sum())
    show(f"{op}: {last - first} values, worst {worst:.10f} ulp, {wrong} not correctly rounded")
    assert worst <= FP32_BOUND_ULP
