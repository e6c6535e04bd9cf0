"""Accumulator rows: in order, also when rows repeat; what leaves is the row after each product."""

from __future__ import annotations

import numpy as np
import pytest

from lpu_emu.engine.kernels.accumulate import accumulate
from lpu_emu.reference.numerics.mxm import accumulate as reference

from .operands import patterns

SEED = 27


@pytest.mark.parametrize("step", [1, 0, -1, 2])
@pytest.mark.parametrize("add", [0, 1])
@pytest.mark.parametrize("dtype", ["int32", "fp32"])
def test_accumulate(dtype: str, add: int, step: int) -> None:
    rng = np.random.default_rng(SEED)
    products = patterns(dtype, 6 * 20, rng).reshape(6, 20)
    rows = patterns(dtype, 16 * 20, rng).reshape(16, 20)
    expected, driven = rows.copy(), []
    for i, product in enumerate(products):
        place = 5 + i * step
        with np.errstate(all="ignore"):
            expected[place] = reference(expected[place], product, dtype) if add else product
        driven.append(expected[place].copy())
    found, left = rows.view(np.int32).copy(), products.view(np.int32).copy()
    accumulate(int(dtype == "fp32"), add, left, found, 5, step)
    assert np.array_equal(found, expected.view(np.int32)), f"seed {SEED}"
    assert np.array_equal(left, np.stack(driven).view(np.int32)), f"seed {SEED}"
