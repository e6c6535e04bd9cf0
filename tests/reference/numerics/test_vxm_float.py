"""Float operations: one exact rounding, NaN, signed zero, infinities, subnormals."""

from __future__ import annotations

import operator
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from lpu_emu.errors import InputError, ProgramError
from lpu_emu.reference.numerics.dtypes import DTYPES, to_bits
from lpu_emu.reference.numerics.vxm import BINARY, SUPPORTED, UNARY

from .oracles import FLOAT_NAMES, FORMS, NANS, Array, assert_same, every_pattern, round_fraction, samples

EXACT: dict[str, Callable[[Any, Any], Any]] = {"add": operator.add, "sub": operator.sub, "mul": operator.mul}
COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}


def _pairs(dtype: str, seed: int) -> tuple[Array, Array]:
    """All pairs of fp8; else seeded patterns, every special against every special, and near equals."""
    if dtype == "fp8":
        x, y = np.meshgrid(every_pattern(dtype), every_pattern(dtype))
        return x.ravel(), y.ravel()
    rng = np.random.default_rng(seed)
    pool = samples(dtype, seed)
    x, y = rng.choice(pool, 30_000), rng.choice(pool, 30_000)
    x[:10_000] = (y[:10_000].astype(np.float32) * rng.uniform(-2, 2, 10_000).astype(np.float32)).astype(
        x.dtype
    )
    special = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, FORMS[dtype][2], 1.0, -1.0]).astype(x.dtype)
    grid = np.array(np.meshgrid(special, special)).reshape(2, -1)
    return np.concatenate([x, grid[0]]), np.concatenate([y, grid[1]])


@pytest.mark.parametrize("op", EXACT)
@pytest.mark.parametrize("dtype", FLOAT_NAMES)
def test_arithmetic_is_the_exact_result_rounded_once(dtype: str, op: str) -> None:
    x, y = _pairs(dtype, seed=31)
    ieee = EXACT[op](x.astype(np.float64), y.astype(np.float64))
    finite = np.isfinite(x) & np.isfinite(y)
    left, right = (v[finite].astype(np.float64).tolist() for v in (x, y))
    exact = [
        round_fraction(EXACT[op](Fraction(a), Fraction(b)), dtype) for a, b in zip(left, right, strict=True)
    ]
    expected = ieee.copy()  # right for every non-finite operand, and for the sign of zero
    expected[finite] = np.where(np.isnan(exact), exact, np.copysign(exact, ieee[finite]))
    as_type = expected.astype(np.float32).astype(x.dtype)
    assert_same(BINARY[op](x, y, dtype, False), as_type, dtype, "seed 31")


@pytest.mark.parametrize("op", EXACT)
@pytest.mark.parametrize("dtype", FLOAT_NAMES)
def test_saturating_arithmetic_differs_only_in_infinities(dtype: str, op: str) -> None:
    x, y = _pairs(dtype, seed=32)
    exact = EXACT[op](x.astype(np.float64), y.astype(np.float64))
    plain = BINARY[op](x, y, dtype, False)
    over = ~np.isfinite(plain) & ~np.isnan(exact)
    expected = np.where(over, np.copysign(FORMS[dtype][2], exact).astype(x.dtype), plain)
    assert over.any()
    assert_same(BINARY[op](x, y, dtype, True), expected, dtype, "seed 32")


@pytest.mark.parametrize("op", COMPARE)
@pytest.mark.parametrize("dtype", FLOAT_NAMES)
def test_comparisons_give_one_or_zero(dtype: str, op: str) -> None:
    x, y = _pairs(dtype, seed=33)
    expected = COMPARE[op](x.astype(np.float64), y.astype(np.float64)).astype(np.float32).astype(x.dtype)
    assert_same(BINARY[op](x, y, dtype, False), expected, dtype, "seed 33")


def _sort_key(values: Array, dtype: str) -> Array:
    """Integers in the order of the values, -0 below +0."""
    bits = to_bits(values, dtype).astype(np.int64)
    top = np.int64(1 << (DTYPES[dtype].bits - 1))
    return np.where(bits & top, -1 - (bits ^ top), bits)


@pytest.mark.parametrize("dtype", FLOAT_NAMES)
def test_max_and_min_order_zeros_and_pass_nan_on(dtype: str) -> None:
    x, y = _pairs(dtype, seed=34)
    nan = np.isnan(x) | np.isnan(y)
    larger = _sort_key(x, dtype) > _sort_key(y, dtype)
    quiet = np.array(np.nan).astype(x.dtype)
    assert_same(
        BINARY["max"](x, y, dtype, False), np.where(nan, quiet, np.where(larger, x, y)), dtype, "seed 34"
    )
    assert_same(
        BINARY["min"](x, y, dtype, False), np.where(nan, quiet, np.where(larger, y, x)), dtype, "seed 34"
    )


@pytest.mark.parametrize("dtype", FLOAT_NAMES)
def test_neg_abs_and_relu_on_every_pattern(dtype: str) -> None:
    x = samples(dtype, seed=35)
    bits, top = to_bits(x, dtype), DTYPES[dtype].unsigned.type(1 << (DTYPES[dtype].bits - 1))
    nan = np.isnan(x)
    for op, plain in (("neg", bits ^ top), ("abs", bits & ~top), ("relu", np.where(bits & top, 0, bits))):
        expected = np.where(nan, NANS[dtype], plain)
        assert np.array_equal(to_bits(UNARY[op](x, dtype, False), dtype), expected), f"{op} {dtype} seed 35"


@pytest.mark.parametrize("dtype", FLOAT_NAMES)
def test_copy_and_mask_move_bits_untouched(dtype: str) -> None:
    x = samples(dtype, seed=36)
    y = np.random.default_rng(36).permutation(x)
    bits = to_bits(x, dtype)
    assert np.array_equal(to_bits(UNARY["copy"](x, dtype, True), dtype), bits)
    expected = np.where(to_bits(y, dtype) & 0xFF, bits, 0)
    assert np.array_equal(to_bits(BINARY["mask"](x, y, dtype, True), dtype), expected), "seed 36"


def test_a_float_one_has_a_zero_low_byte_in_fp16_and_fp32() -> None:
    """The trap of masking by a float comparison, as docs/numerics.md tells it."""
    kept = {}
    for dtype in FLOAT_NAMES:
        one = np.array([1.0]).astype(DTYPES[dtype].numpy)
        kept[dtype] = float(BINARY["mask"](one, one, dtype, False)[0])
    assert kept == {"fp16": 0.0, "fp32": 0.0, "bf16": 1.0, "fp8": 1.0}


def test_infinite_operands_saturate_too() -> None:
    big = float(np.finfo(np.float32).max)
    x = np.array([np.inf, -np.inf], np.float32)
    for op in ("neg", "abs", "relu"):
        assert np.isfinite(UNARY[op](x, "fp32", True)).all()
    assert BINARY["max"](x, -x, "fp32", True).tolist() == [big, big]


def test_an_operation_a_type_does_not_have_is_refused() -> None:
    x = np.zeros(4, np.float32)
    with pytest.raises(
        ProgramError, match=r"xor does not exist for fp32, expected one of int16, int32, int8, uint8"
    ):
        BINARY["xor"](x, x, "fp32", False)
    with pytest.raises(ProgramError, match="exp does not exist for int8"):
        UNARY["exp"](x.astype(np.int8), "int8", False)


def test_operands_of_another_type_are_refused() -> None:
    x = np.zeros(4, np.float32)
    with pytest.raises(InputError, match=r"values are float64, expected float32"):
        BINARY["add"](x, x.astype(np.float64), "fp32", False)


def test_supported_lists_every_operation_once() -> None:
    assert set(SUPPORTED) == set(UNARY) | set(BINARY)
    assert not set(UNARY) & set(BINARY)
    ints, floats = {"int8", "uint8", "int16", "int32"}, {"fp16", "fp32", "bf16", "fp8"}
    only = {"exp": floats, "tanh": floats, "rsqrt": floats} | dict.fromkeys(
        ("and", "or", "xor", "not", "shl", "shr"), ints
    )
    for op, types in SUPPORTED.items():
        assert types == only.get(op, ints | floats), op
