"""Float products: one rounding of the float64 sum in ascending k, packed and streamed, whatever the shape."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from lpu_emu.engine.kernels.codes import DONE, UNSUPPORTED
from lpu_emu.engine.kernels.float_tiles import choose
from lpu_emu.engine.kernels.matmul_float import (
    FEW,
    float_panels,
    matmul_float,
    pack_float,
    packed_float_words,
    stream_float,
)
from lpu_emu.reference.numerics.dtypes import DTYPES, to_bytes
from lpu_emu.reference.numerics.mxm import accumulate, dot_float

from .operands import Array, Bytes, code, packed, patterns, sized

SEED = 24
Ints = NDArray[np.int32]
FLOATS = ("fp16", "bf16", "fp8")
SHAPES = [(320, 320), (8, 8), (36, 20), (100, 44)]


def weight_rows(weights: Array, dtype: str) -> tuple[Bytes, Bytes]:
    """Return low and high byte rows; for a one-byte type the same rows twice."""
    rows = to_bytes(weights, dtype)
    return np.ascontiguousarray(rows[0]), np.ascontiguousarray(rows[-1])


def activation_rows(a: Array) -> Bytes:
    """Return values [rows, K] as rows of packed bytes."""
    return packed(a).reshape(len(a), -1)


def expected_rows(a: Array, weights: Array, dtype: str, before: Array, add: int) -> Array:
    """Return the result rows as the reference defines them, float32."""
    with np.errstate(all="ignore"):
        sums = [dot_float(row, np.ascontiguousarray(weights.T), dtype) for row in a]
        products = np.stack(sums) if sums else np.zeros_like(before)
        return np.asarray(accumulate(before, products, "fp32") if add else products)


def memory_of(weights: Array, dtype: str) -> tuple[Bytes, NDArray[np.int64], NDArray[np.int64]]:
    """Return flat bytes, backwards, and where in them the low and the high bytes of each row lie."""
    low, high = weight_rows(weights, dtype)
    memory = np.concatenate((high[::-1], low[::-1])).reshape(-1)
    places = (np.arange(len(low)) * low.shape[1])[::-1].astype(np.int64)
    return memory, places + low.size, places.copy()


def packed_weights(weights: Array, dtype: str, panels_at_once: int = 1000) -> Any:
    """Return weights as ``matmul_float`` wants them."""
    right = np.full(packed_float_words(*weights.shape), np.nan)
    panels = float_panels(len(weights))
    for first in range(0, panels, panels_at_once):
        number = min(panels_at_once, panels - first)
        assert (
            pack_float(code(dtype), *memory_of(weights, dtype), weights.shape[1], first, number, right)
            == DONE
        )
    return right


def check(a: Array, weights: Array, dtype: str, lanes: slice, before: Array, add: int, note: str) -> None:
    """Compare both kernels with the reference; activations are every second row of ``a``, backwards."""
    vectors = len(before)
    chosen = a[2 * vectors - 1 :: -2][:vectors]
    wanted = expected_rows(chosen[:, lanes], weights[:, lanes], dtype, before, add).view(np.int32)
    k_first, k_count = lanes.start, lanes.stop - lanes.start
    start: tuple[Any, ...] = (code(dtype), activation_rows(a), 2 * vectors - 1, -2)
    old, out = before.view(np.int32), np.full(before.shape, 7, np.int32)
    packed_kernel, streamed_kernel = cast(Any, matmul_float), cast(Any, stream_float)
    assert packed_kernel(*start, k_first, k_count, packed_weights(weights, dtype), old, 1, out, add) == DONE
    assert np.array_equal(out, wanted), f"packed, {note}"
    if vectors <= FEW:
        out, memory = np.full(before.shape, 7, np.int32), memory_of(weights, dtype)
        assert streamed_kernel(*start, k_first, k_count, *memory, old, 1, out, add) == DONE
        assert np.array_equal(out, wanted), f"streamed, {note}"


def _sample(style: str, dtype: str, shape: tuple[int, int], rng: np.random.Generator) -> Array:
    if style == "normal":
        return rng.standard_normal(shape).astype(DTYPES[dtype].numpy)
    drawn = patterns(dtype, shape[0] * shape[1], rng).reshape(shape)
    if style == "patterns":
        return drawn
    with np.errstate(all="ignore"):  # mostly finite: a NaN or an infinity here and there
        rare = rng.random(shape) < 1 / 200
        return np.where(np.isfinite(drawn.astype(np.float32)) | rare, drawn, np.ones(shape, drawn.dtype))


@pytest.mark.parametrize("add", [0, 1])
@pytest.mark.parametrize("style", ["normal", "patterns", "finite"])
@pytest.mark.parametrize("vectors", [1, 4, 5, 17, 30])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", FLOATS)
def test_products(dtype: str, shape: tuple[int, int], vectors: int, style: str, add: int) -> None:
    rng = np.random.default_rng(SEED)
    k, n = min(shape[0], sized(shape[0], 20)), min(shape[1], sized(shape[1], 12))
    vectors = min(vectors, sized(vectors, 5))
    a, weights = _sample(style, dtype, (2 * vectors, k), rng), _sample(style, dtype, (n, k), rng)
    before = patterns("fp32", vectors * n, rng).reshape(vectors, n)
    check(a, weights, dtype, slice(0, k), before, add, f"seed {SEED}")


@pytest.mark.parametrize("lanes", [slice(0, 16), slice(16, 32), slice(0, 0), slice(5, 6)])
@pytest.mark.parametrize("add", [0, 1])
def test_a_part_of_the_lanes(lanes: slice, add: int) -> None:
    rng = np.random.default_rng(SEED)
    a, weights = _sample("normal", "fp16", (12, 32), rng), _sample("normal", "fp16", (20, 32), rng)
    before = rng.standard_normal((6, 20)).astype(np.float32)
    before[0, 0] = -0.0
    check(a, weights, "fp16", lanes, before, add, f"seed {SEED}")


def _dot(dtype: str, left: list[float], right: list[float]) -> int:
    """Return the pattern of one dot product, after checking it in all places of a tile."""
    k = -(-len(left) // 4) * 4
    a, weights = (np.zeros((rows, k), DTYPES[dtype].numpy) for rows in (26, 20))
    a[:, : len(left)], weights[:, : len(right)] = left, right
    before = np.zeros((13, 20), np.float32)
    check(a, weights, dtype, slice(0, k), before, 0, f"{left} . {right}")
    return int(expected_rows(a[:1], weights, dtype, before[:1], 0).view(np.int32)[0, 0])


def _bits(value: float) -> int:
    return int(np.float32(value).view(np.int32))


def test_sums_are_in_order_and_rounded_once() -> None:
    large, small = 2.0**15, 2.0**-12
    assert _dot("fp16", [large, small, large], [large, small, -large]) == _bits(0.0)
    assert _dot("fp16", [large, large, small], [large, -large, small]) == _bits(2.0**-24)
    assert _dot("fp16", [8.0, 2.0**-9, 2.0**-24], [8.0, 2.0**-9, 2.0**-24]) == _bits(64.0)


@pytest.mark.parametrize("dtype", FLOATS)
def test_zeros_overflow_and_nan(dtype: str) -> None:
    largest = float({"fp16": 65504.0, "bf16": 255.0 * 2.0**120, "fp8": 448.0}[dtype])
    assert _dot(dtype, [-0.0, 0.0], [1.0, -1.0]) == _bits(0.0)
    assert _dot(dtype, [float("nan"), 1.0], [1.0, 1.0]) == 0x7FC00000
    assert _dot(dtype, [largest], [-largest]) == _bits(-np.inf if dtype == "bf16" else -largest * largest)
    if dtype != "fp8":
        assert _dot(dtype, [float("inf"), 1.0], [1.0, 1.0]) == _bits(np.inf)
        assert _dot(dtype, [float("inf")], [0.0]) == 0x7FC00000
        assert _dot(dtype, [float("inf"), float("-inf")], [1.0, 1.0]) == 0x7FC00000


def test_bf16_sums_become_subnormal_float32() -> None:
    assert _dot("bf16", [2.0**-100], [2.0**-45]) == 16
    assert _dot("bf16", [2.0**-100, 2.0**-100], [2.0**-50, 2.0**-51]) == 1
    assert _dot("bf16", [2.0**-133], [2.0**-133]) == 0


@pytest.mark.parametrize("special", [0.0, np.inf, np.nan])
@pytest.mark.parametrize("lanes", [slice(0, 40), slice(8, 24)])
@pytest.mark.parametrize("kept", [(17, 40), (40, 12), (9, 7), (0, 0)])
def test_weights_that_end_early(kept: tuple[int, int], lanes: slice, special: float) -> None:
    rng = np.random.default_rng(SEED)
    a, weights = _sample("normal", "fp16", (52, 40), rng), _sample("normal", "fp16", (36, 40), rng)
    weights[kept[1] :] = -0.0
    weights[:, kept[0] :] = 0.0
    a[3, 30], a[5, 20] = special, special
    before = rng.standard_normal((26, 36)).astype(np.float32)
    before[0, 0] = -0.0
    for add in (0, 1):
        check(a, weights, "fp16", lanes, before, add, f"seed {SEED}")
    check(a[:10], weights, "fp16", lanes, before[:5], 1, f"seed {SEED}")


def test_panels_may_be_packed_one_by_one() -> None:
    weights = _sample("normal", "fp16", (100, 40), np.random.default_rng(SEED))
    assert np.array_equal(packed_weights(weights, "fp16"), packed_weights(weights, "fp16", 1))


def test_no_vectors_give_no_rows() -> None:
    a, weights = np.ones((1, 8), np.float16), np.ones((8, 8), np.float16)
    out = np.zeros((0, 8), np.int32)
    right = packed_weights(weights, "fp16")
    assert matmul_float(code("fp16"), activation_rows(a), 0, 1, 0, 8, right, out, 1, out, 1) == DONE


def test_rows_that_are_too_long_are_refused() -> None:
    k = 100_000
    a, low, out = np.zeros((1, 2 * k), np.uint8), np.zeros(4 * k, np.uint8), np.zeros((1, 4), np.int32)
    right, rows = np.zeros(16), np.arange(4) * k
    assert pack_float(code("fp16"), low, rows, rows, k, 0, 1, right) == UNSUPPORTED
    assert matmul_float(code("fp16"), a, 0, 1, 0, k, right, out, 1, out, 0) == UNSUPPORTED
    assert stream_float(code("fp16"), a, 0, 1, 0, k, low, rows, rows, out, 1, out, 0) == UNSUPPORTED


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        (set(), (4, False)),
        ({"avx2"}, (4, False)),
        ({"avx2", "fma"}, (4, True)),
        ({"avx2", "fma", "avx512f"}, (8, True)),
        ({"neon"}, (4, True)),
    ],
)
def test_the_vectors_of_a_host_are_taken(features: set[str], expected: tuple[int, bool]) -> None:
    assert choose(frozenset(features)) == expected
