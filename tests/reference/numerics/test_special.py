"""exp, tanh and rsqrt: measured against long double, special values, and the bits themselves."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
import pytest

from lpu_emu.reference.numerics import special
from lpu_emu.reference.numerics.dtypes import DTYPES, to_bits
from lpu_emu.reference.numerics.vxm import UNARY

from .oracles import FLOAT_NAMES, FORMS, NANS, Array, dense_fp32, every_pattern, show, ulp_errors

FP32_BOUND_ULP = 0.5000002
OPS = ("exp", "tanh", "rsqrt")

ORACLES: dict[str, Callable[[Array], Array]] = {
    "exp": lambda x: np.asarray(np.exp(x.astype(np.longdouble))),
    "tanh": lambda x: np.asarray(np.tanh(x.astype(np.longdouble))),
    "rsqrt": lambda x: np.asarray(1 / np.sqrt(x.astype(np.longdouble))),
}


def _check(op: str, dtype: str, x: Array) -> float:
    """Compare special values exactly and return the largest error of the finite ones, in ulp."""
    found = UNARY[op](x, dtype, False)
    exact = ORACLES[op](x)
    wide = found.astype(np.longdouble)
    fraction_bits, _, maximum = FORMS[dtype]
    half_step = np.ldexp(1.0, int(np.frexp(maximum)[1]) - fraction_bits - 2)
    over = np.abs(exact) > maximum + half_step  # no result lies on the tie itself
    nan = np.isnan(exact) | (over if dtype == "fp8" else False)
    assert np.array_equal(np.isnan(wide), nan)
    assert set(to_bits(found[nan], dtype).tolist()) <= {NANS[dtype]}
    infinite = over & ~nan
    assert np.array_equal(wide[infinite], np.copysign(np.inf, exact[infinite]))
    finite = ~over & ~nan
    assert np.array_equal(np.signbit(wide[~nan]), np.signbit(exact[~nan]))
    return float(ulp_errors(found[finite], exact[finite], dtype).max())


@pytest.mark.parametrize("dtype", ["fp16", "bf16", "fp8"])
@pytest.mark.parametrize("op", OPS)
def test_every_value_of_a_narrow_type_is_correctly_rounded(op: str, dtype: str) -> None:
    worst = _check(op, dtype, every_pattern(dtype))
    show(f"{op} {dtype}: worst {worst:.6f} ulp over all {1 << DTYPES[dtype].bits} values")
    assert worst <= 0.5


@pytest.mark.parametrize("op", OPS)
def test_dense_fp32_sample_is_within_the_stated_bound(op: str) -> None:
    x = dense_fp32(2048, seed=51)
    worst = _check(op, "fp32", x)
    show(f"{op} fp32: worst {worst:.9f} ulp over {x.size} values (seed 51)")
    assert worst <= FP32_BOUND_ULP, "seed 51"


@pytest.mark.parametrize(
    ("op", "low", "high"), [("exp", -104.0, 89.0), ("tanh", -9.5, 9.5), ("rsqrt", 0.25, 4.0)]
)
def test_uniform_fp32_sample_is_within_the_stated_bound(op: str, low: float, high: float) -> None:
    x = np.random.default_rng(52).uniform(low, high, 300_000).astype(np.float32)
    worst = _check(op, "fp32", x)
    show(f"{op} fp32: worst {worst:.9f} ulp over {x.size} uniform values (seed 52)")
    assert worst <= FP32_BOUND_ULP, "seed 52"


@pytest.mark.parametrize("dtype", FLOAT_NAMES)
def test_special_values(dtype: str) -> None:
    info = DTYPES[dtype].numpy
    infinity, nan = (np.nan, np.nan) if dtype == "fp8" else (np.inf, np.nan)
    x = np.array([0.0, -0.0, 1.0, 4.0, -1.0, np.nan]).astype(info)
    expected = {
        "exp": [1.0, 1.0],
        "tanh": [0.0, -0.0],
        "rsqrt": [infinity, -infinity, 1.0, 0.5, nan, nan],
    }
    for op, values in expected.items():
        found = UNARY[op](x, dtype, False).astype(np.float64)
        assert np.array_equal(found[: len(values)], values, equal_nan=True), op
        assert np.isnan(found[-1])
    assert np.signbit(UNARY["tanh"](x, dtype, False).astype(np.float64)[:2]).tolist() == [False, True]


@pytest.mark.parametrize("dtype", ["fp16", "fp32", "bf16"])
def test_infinities_and_limits(dtype: str) -> None:
    x = np.array([np.inf, -np.inf, 300.0, -300.0]).astype(DTYPES[dtype].numpy)
    assert UNARY["exp"](x, dtype, False).astype(np.float64).tolist() == [np.inf, 0.0, np.inf, 0.0]
    assert UNARY["tanh"](x, dtype, False).astype(np.float64).tolist() == [1.0, -1.0, 1.0, -1.0]
    rsqrt = UNARY["rsqrt"](x, dtype, False).astype(np.float64)
    assert rsqrt[0] == 0.0
    assert np.isnan(rsqrt[[1, 3]]).all()


@pytest.mark.parametrize("dtype", FLOAT_NAMES)
def test_saturating_overflow_gives_the_largest_value(dtype: str) -> None:
    limit = FORMS[dtype][2]
    x = np.array([200.0, 0.0, -0.0]).astype(DTYPES[dtype].numpy)
    assert float(UNARY["exp"](x, dtype, True)[0]) == limit
    assert UNARY["rsqrt"](x, dtype, True).astype(np.float64).tolist()[1:] == [limit, -limit]


def test_exp_reaches_the_subnormals() -> None:
    x = np.array([-87.4, -103.9, -103.98, 88.72, 88.73], np.float32)
    found = UNARY["exp"](x, "fp32", False)
    assert 0 < found[0] < np.finfo(np.float32).tiny
    assert found[1] == np.float32(2.0**-149)
    assert found[2] == 0
    assert np.isfinite(found[3])
    assert found[4] == np.inf


def test_tanh_is_odd_and_the_identity_for_tiny_values() -> None:
    x = dense_fp32(64, seed=53)
    x = x[~np.isnan(x)]
    assert np.array_equal(UNARY["tanh"](-x, "fp32", False), -UNARY["tanh"](x, "fp32", False)), "seed 53"
    tiny = x[np.abs(x) < 2.0**-13]
    assert np.array_equal(UNARY["tanh"](tiny, "fp32", False), tiny), "seed 53"


def test_constants_are_the_documented_ones() -> None:
    assert special.LN2_HIGH + special.LN2_LOW == 0.6931471805599453
    assert (special.LN2_HIGH * 2.0**42).is_integer()
    assert len(special.INVERSE_FACTORIALS) == 12
    assert special.INVERSE_FACTORIALS[-1] == 1.0 / 6227020800.0


DIGESTS = {
    ("exp", "fp16"): "ce13c890c7942157",
    ("tanh", "fp16"): "b4d37420c073d361",
    ("rsqrt", "fp16"): "1a62f7bdd7353892",
    ("exp", "fp32"): "10a8a5ff4e11acc3",
    ("tanh", "fp32"): "38075c3c3e09b240",
    ("rsqrt", "fp32"): "1ea9f812766ee0ec",
}


@pytest.mark.parametrize(("op", "dtype"), DIGESTS)
def test_bits_are_the_same_on_every_machine(op: str, dtype: str) -> None:
    """A digest of the result bits, so that a host that computes anything else is found."""
    patterns = np.arange(1 << 16, dtype=np.uint64) * (1 if dtype == "fp16" else 65537)
    x = patterns.astype(DTYPES[dtype].unsigned).view(DTYPES[dtype].numpy)
    bits = to_bits(UNARY[op](x, dtype, False), dtype).astype("<u4")
    assert hashlib.sha256(bits.tobytes()).hexdigest()[:16] == DIGESTS[op, dtype]
