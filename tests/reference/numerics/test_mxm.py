"""Dot products against exact sums, and accumulation."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from lpu_emu.errors import InputError, ProgramError
from lpu_emu.reference.numerics.dtypes import DTYPES
from lpu_emu.reference.numerics.mxm import MAX_EXACT_ROWS, accumulate, dot_float, dot_int

from .oracles import Array, assert_same, every_pattern, round_fraction, show

SCALE = {"fp16": 24, "bf16": 133, "fp8": 9}  # every finite value is an integer times 2**-SCALE


@pytest.mark.parametrize("kind", [np.int8, np.uint8])
def test_dot_int_is_exact(kind: type[np.int8 | np.uint8]) -> None:
    rng = np.random.default_rng(61)
    info = np.iinfo(kind)
    for rows in (0, 1, 7, 160, 320):
        a = rng.integers(info.min, info.max + 1, rows).astype(kind)
        w = rng.integers(-128, 128, (rows, 33)).astype(np.int8)
        found = dot_int(a, w)
        assert found.dtype == np.int32
        exact = [sum(x * y for x, y in zip(a.tolist(), column, strict=True)) for column in w.T.tolist()]
        assert found.tolist() == (exact or [0] * 33), "seed 61"


def test_dot_int_largest_magnitudes_do_not_wrap() -> None:
    w = np.full((320, 2), -128, np.int8)
    assert dot_int(np.full(320, 255, np.uint8), w).tolist() == [-10_444_800] * 2
    assert dot_int(np.full(320, -128, np.int8), w).tolist() == [5_242_880] * 2
    a, w = np.full(MAX_EXACT_ROWS, 255, np.uint8), np.full((MAX_EXACT_ROWS, 1), -128, np.int8)
    assert dot_int(a, w).tolist() == [-255 * 128 * MAX_EXACT_ROWS]
    with pytest.raises(InputError, match="expected at most 65793"):
        dot_int(np.append(a, a[:1]), np.append(w, w[:1], axis=0))


def _as(values: Array, dtype: str) -> Array:
    return values.astype(np.float32).astype(DTYPES[dtype].numpy)


def _data(kind: str, dtype: str, rows: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """One dot product's operands, [rows] and [rows, 20], finite."""
    shape = (rows, 21)
    if kind == "normal":
        values = rng.standard_normal(shape)
    elif kind == "subnormal":
        smallest = {"fp16": -24, "bf16": -133, "fp8": -9}[dtype]
        values = np.ldexp(rng.integers(-9, 10, shape).astype(np.float64), smallest)
        values[:, 0] *= np.ldexp(1.0, rng.integers(0, 12, rows))
    elif kind == "wide":
        values = rng.choice(every_pattern(dtype), shape).astype(np.float64)
        values = np.where(np.abs(values) < 2.0**60, values, 1.0)  # NaN and what would overflow
    else:  # every positive product meets its negative, one small rest stays
        values = rng.standard_normal(shape)
        half = rows // 2
        values[half : 2 * half] = values[:half]
        values[half : 2 * half, 0] *= -1
        values[-1] *= 2.0**-5
    typed = _as(values, dtype)
    return typed[:, 0], typed[:, 1:]


def _integers(values: Array, dtype: str) -> list[int]:
    return [int(Fraction(v) * 2 ** SCALE[dtype]) for v in values.astype(np.float64).tolist()]


def _exact(a: Array, w: Array, dtype: str) -> Array:
    """The exact sums, rounded once to fp32."""
    left = _integers(a, dtype)
    columns = [_integers(w[:, n], dtype) for n in range(w.shape[1])]
    sums = [Fraction(sum(x * y for x, y in zip(left, c, strict=True)), 4 ** SCALE[dtype]) for c in columns]
    return np.array([round_fraction(value, "fp32") for value in sums], np.float32)


@pytest.mark.parametrize("kind", ["normal", "subnormal", "wide", "cancelling"])
@pytest.mark.parametrize("dtype", SCALE)
def test_dot_float_equals_the_exact_sum_rounded_once(dtype: str, kind: str) -> None:
    """1,000 dots for each type and kind of data, 12,000 in all, of 1 to 320 rows.

    Only bf16 patterns spread over hundreds of binades meet a tie whose breaker float64 cannot hold; then
    the result is the other neighbour of the exact sum.
    """
    rng = np.random.default_rng(62)
    pairs = []
    for _ in range(50):
        a, w = _data(kind, dtype, int(rng.integers(1, 321)), rng)
        pairs += list(zip(dot_float(a, w, dtype), _exact(a, w, dtype), strict=True))
    different = [(found, exact) for found, exact in pairs if found != exact]
    show(f"{dtype} {kind}: {len(different)} of {len(pairs)} differ from the exact sum rounded once")
    assert len(different) <= (10 if (dtype, kind) == ("bf16", "wide") else 0), "seed 62"
    assert all(np.nextafter(found, exact) == exact for found, exact in different), "seed 62"


def _dot(a: list[float], w: list[float], dtype: str) -> tuple[float, float]:
    left, right = _as(np.array(a), dtype), _as(np.array(w)[:, None], dtype)
    return float(dot_float(left, right, dtype)[0]), float(_exact(left, right, dtype)[0])


def test_dot_float_loses_what_float64_loses_under_cancellation() -> None:
    """2**30 + 2**-24 needs 55 bits: the small product is gone before the big ones cancel."""
    assert _dot([2.0**15, 2.0**-12, 2.0**15], [2.0**15, 2.0**-12, -(2.0**15)], "fp16") == (0.0, 2.0**-24)


def test_dot_float_order_is_ascending() -> None:
    """The same three products, with the cancelling pair first: nothing is lost."""
    assert _dot([2.0**15, 2.0**15, 2.0**-12], [2.0**15, -(2.0**15), 2.0**-12], "fp16") == (2.0**-24, 2.0**-24)


def test_dot_float_can_round_twice_beside_a_tie() -> None:
    """64 + 2**-18 is a tie in fp32; 2**-48 would break it upward but is below the last place of float64."""
    found, exact = _dot([64.0, 2.0**-9, 2.0**-24], [1.0, 2.0**-9, 2.0**-24], "fp16")
    assert (found, exact) == (64.0, 64.0 + 2.0**-17)


def test_bf16_products_may_leave_the_range_of_fp32_on_the_way() -> None:
    assert _dot([2.0**100, 2.0**100, 1.0], [2.0**100, -(2.0**100), 1.0], "bf16") == (1.0, 1.0)
    assert _dot([2.0**-80, 2.0**-80], [2.0**-70, 2.0**-70], "bf16") == (2.0**-149, 2.0**-149)


def test_fp8_dot_products_are_always_exact() -> None:
    """320 of the largest products and one of the smallest: 2**26 down to 2**-18 fit float64."""
    a, w = [2.0**-9] + [448.0] * 319, [2.0**-9] + [448.0] * 319
    found, exact = _dot(a, w, "fp8")
    assert found == exact
    wide = np.float64(2.0**-18) + 319 * np.float64(448.0**2)
    assert Fraction(float(wide)) == Fraction(1, 2**18) + 319 * 448**2


@pytest.mark.parametrize("dtype", SCALE)
def test_no_rows_and_zero_rows(dtype: str) -> None:
    none = dot_float(_as(np.zeros(0), dtype), _as(np.zeros((0, 5)), dtype), dtype)
    assert_same(none, np.zeros(5, np.float32), "fp32")
    minus = dot_float(_as(np.full(4, -0.0), dtype), _as(np.ones((4, 5)), dtype), dtype)
    assert_same(minus, np.zeros(5, np.float32), "fp32")  # +0 + -0 is +0
    rng = np.random.default_rng(63)
    a, w = _data("normal", dtype, 32, rng)
    padded = np.concatenate([a, np.zeros(8, a.dtype)]), np.concatenate([w, np.zeros((8, 20), w.dtype)])
    assert_same(dot_float(*padded, dtype), dot_float(a, w, dtype), "fp32", "seed 63")


@pytest.mark.parametrize("dtype", ["fp16", "bf16"])
def test_infinities_nan_and_overflow(dtype: str) -> None:
    info = DTYPES[dtype].numpy
    a = np.array([np.inf, 1.0, 1.0]).astype(info)
    w = np.array([[1, 0, 1, -1], [1, 1, -np.inf, 1], [1, 1, 1, 1]]).astype(info)
    assert_same(dot_float(a, w, dtype), np.array([np.inf, np.nan, np.nan, -np.inf], np.float32), "fp32")
    big = np.array([2.0**100]).astype(np.float32).astype(info)
    if dtype == "bf16":
        assert dot_float(big, big[:, None], dtype).tolist() == [np.inf]


def test_accumulate_wraps_integers_and_adds_floats() -> None:
    x = np.array([2**31 - 1, -(2**31), 5], np.int32)
    y = np.array([1, -1, 6], np.int32)
    assert accumulate(x, y, "int32").tolist() == [-(2**31), 2**31 - 1, 11]
    f = np.array([1.0, np.inf, 3.4e38], np.float32)
    g = np.array([2.0**-24, -np.inf, 3.4e38], np.float32)
    assert_same(accumulate(f, g, "fp32"), np.array([1.0, np.nan, np.inf], np.float32), "fp32")


def test_foreign_types_and_shapes_are_refused() -> None:
    a, w = np.zeros(4, np.int8), np.zeros((5, 3), np.int8)
    with pytest.raises(InputError, match=r"activations have shape \[4\] and weights \[5, 3\]"):
        dot_int(a, w)
    with pytest.raises(InputError, match="expected int8"):
        dot_int(a, w[:4].astype(np.uint8))
    with pytest.raises(InputError, match="expected float16"):
        dot_float(a, w[:4], "fp16")
    with pytest.raises(ProgramError, match="no float dot product of fp32, expected one of fp16, bf16, fp8"):
        dot_float(a, w, "fp32")
    with pytest.raises(ProgramError, match="no accumulator of fp16"):
        accumulate(a, a, "fp16")
