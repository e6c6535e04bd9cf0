"""Factors in the place of divisions: over every value that 8-bit operands can give."""

from __future__ import annotations

import numpy as np

from lpu_emu.compiler.lower import expression as ex
from lpu_emu.compiler.lower.exact import factor_of, values_of

SCALES = 400


def residual(first: float, second: float) -> ex.Expr:
    """Return relu(a * first + b * second) of two int8 tensors."""
    terms = [
        ex.op(
            "mul", ex.convert(ex.Leaf(tensor=name, dtype="int8", pad=0.0), "fp32"), ex.scalar(scale, "fp32")
        )
        for name, scale in (("a", first), ("b", second))
    ]
    return ex.op("relu", ex.op("add", *terms))


def quantised(values: np.ndarray) -> np.ndarray:
    rounded: np.ndarray = np.clip(np.rint(values), -128, 127)
    return rounded


def test_values_are_those_of_all_operands() -> None:
    values = values_of(residual(0.5, 0.25))
    assert values is not None
    assert values.shape == (256, 256)
    assert values[128 + 3, 128 + 5] == np.float32(3 * 0.5 + 5 * 0.25)
    assert values[0, 0] == 0


def test_factors_round_as_divisions_do_almost_always() -> None:
    seed = 4
    rng = np.random.default_rng(seed)
    before = after = 0
    for _ in range(SCALES):
        first, second, out = rng.uniform(0.005, 0.1, 3).astype(np.float32)
        x = residual(float(first), float(second))
        values = values_of(x)
        assert values is not None
        wanted = quantised(values / out)
        factor = factor_of(x, out, "int8")
        before += int((quantised(values * (np.float32(1) / out)) != wanted).sum())
        after += int((quantised(values * factor) != wanted).sum())
    assert before > 0, f"seed {seed}: nothing to repair"
    assert after * 4 <= before, f"seed {seed}: {before} differ with the reciprocal, {after} with the factor"


def test_other_expressions_keep_the_reciprocal() -> None:
    x = ex.Leaf(tensor="a", dtype="fp32", pad=0.0)
    assert values_of(x) is None
    assert factor_of(x, np.float32(0.3), "int8") == np.float32(1) / np.float32(0.3)
