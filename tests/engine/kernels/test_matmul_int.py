"""Integer products: packed and streamed, exact for all bytes, whatever the shape and the place of the rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lpu_emu.engine.kernels.codes import DONE, UNSUPPORTED
from lpu_emu.engine.kernels.int_tiles import WIDTH, choose
from lpu_emu.engine.kernels.matmul_int import matmul_int, matmul_int_parallel, pack_int, packed_int_words
from lpu_emu.engine.kernels.stream_int import FEW, stream_int
from lpu_emu.reference.numerics.mxm import accumulate, dot_int

from .operands import Bytes, sized, thread_count

SEED = 23
Ints = NDArray[np.int32]

# K and N: of a whole chip, of the tiny one, and such that every remainder of steps and panels occurs.
SHAPES = [(320, 320), (8, 8), (64, 36), (100, 100), (44, 4), (4, 100), (324, 68)]
VECTORS = [1, 2, 3, 5, 7, 12, 13, 49, 121]


def expected_rows(a: Bytes, weights: Bytes, signed: int, before: Ints, add: int) -> Ints:
    """Return the result rows as the reference defines them."""
    left = a.view(np.int8) if signed else a
    sums = [dot_int(row, weights.view(np.int8).T) for row in left]
    products = np.stack(sums) if sums else np.zeros_like(before)
    return np.asarray(accumulate(before, products, "int32") if add else products)


def _operands(k: int, n: int, vectors: int) -> tuple[Bytes, Bytes, Ints]:
    rng = np.random.default_rng(SEED)
    a = rng.integers(0, 256, (3 * vectors + 2, k), dtype=np.uint8)
    weights = rng.integers(0, 256, (n, k), dtype=np.uint8)
    a[:2], weights[:2] = 0x80, 0x80  # the largest product of all, in every place
    return a, weights, rng.integers(-(2**31), 2**31, (2 * vectors + 1, n)).astype(np.int32)


def _packed(weights: Bytes) -> Ints:
    packed = np.full(packed_int_words(*weights.shape), -1, np.int32)
    pack_int(weights, packed)
    return packed


def _shrink(shape: tuple[int, int]) -> tuple[int, int]:
    return (min(shape[0], sized(shape[0], 36)), min(shape[1], sized(shape[1], 20)))


@pytest.mark.parametrize("add", [0, 1])
@pytest.mark.parametrize("signed", [0, 1])
@pytest.mark.parametrize("vectors", VECTORS)
@pytest.mark.parametrize("shape", SHAPES)
def test_products_of_rows_with_steps(shape: tuple[int, int], vectors: int, signed: int, add: int) -> None:
    vectors = min(vectors, sized(vectors, 13))
    a, weights, before = _operands(*_shrink(shape), vectors)
    chosen = a[1 : 1 + 3 * vectors : 3]
    place = slice(2 * vectors, 0, -2)
    expected = before.copy()
    expected[place] = expected_rows(chosen, weights, signed, before[place], add)
    for kernel, right in ((matmul_int, _packed(weights)), (stream_int, weights)):
        if kernel is stream_int and vectors > FEW:
            continue
        out = before.copy()
        assert kernel(a, 1, 3, vectors, signed, right, out, 2 * vectors, -2, add) == DONE
        assert np.array_equal(out, expected), f"seed {SEED}, {kernel.__name__}"


@pytest.mark.parametrize("fill", [0x00, 0x7F, 0x80, 0xFF])
@pytest.mark.parametrize("signed", [0, 1])
def test_extremes(fill: int, signed: int) -> None:
    k, n, vectors = _shrink((320, 64))[0], 2 * WIDTH + 4, 6
    for weight in (0x00, 0x7F, 0x80, 0xFF):
        a, weights = np.full((vectors, k), fill, np.uint8), np.full((n, k), weight, np.uint8)
        out = np.zeros((vectors, n), np.int32)
        expected = expected_rows(a, weights, signed, out, 0)
        for kernel, right in ((matmul_int, _packed(weights)), (stream_int, weights)):
            assert kernel(a, 0, 1, vectors, signed, right, out, 0, 1, 0) == DONE
            assert np.array_equal(out, expected), (kernel.__name__, weight)


def test_one_activation_row_may_serve_all_vectors() -> None:
    a, weights, before = _operands(8, 8, 20)
    out = before.copy()
    assert matmul_int(a, 3, 0, 20, 1, _packed(weights), out, 0, 1, 0) == DONE
    assert np.array_equal(out[:20], np.repeat(expected_rows(a[3:4], weights, 1, before[:1], 0), 20, axis=0))
    assert np.array_equal(out[20:], before[20:])


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("vectors", [0, 1, 48, 49, 200])
def test_threads_do_not_change_results(vectors: int, threads: int) -> None:
    a, weights, before = _operands(*_shrink((320, 320)), min(vectors, sized(vectors, 13)))
    count, right = min(vectors, sized(vectors, 13)), _packed(weights)
    one, many = before.copy(), before.copy()
    assert matmul_int(a, 0, 2, count, 1, right, one, 1, 1, 1) == DONE
    with thread_count(threads):
        assert matmul_int_parallel(a, 0, 2, count, 1, right, many, 1, 1, 1) == DONE
    assert np.array_equal(one, many), f"seed {SEED}"


def _status(kernel: Any, k: int, n: int, vectors: int) -> int:
    a, weights, out = np.zeros((1, k), np.uint8), np.zeros((n, k), np.uint8), np.zeros((1, n), np.int32)
    right = np.zeros(64, np.int32) if kernel is matmul_int else weights
    return int(kernel(a, 0, 0, vectors, 1, right, out, 0, 0, 0))


@pytest.mark.parametrize(("k", "n"), [(6, 8), (8, 6), (200_000, 8)])
@pytest.mark.parametrize("kernel", [matmul_int, stream_int])
def test_other_shapes_are_refused(kernel: Any, k: int, n: int) -> None:
    assert _status(kernel, k, n, 1) == UNSUPPORTED


def test_streaming_is_for_few_rows() -> None:
    assert _status(stream_int, 8, 8, FEW + 1) == UNSUPPORTED


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        ({"avx2"}, "widening"),
        ({"avx2", "avx512f", "avx512bw"}, "widening"),
        ({"avx2", "avxvnni"}, "vnni256"),
        ({"avx512vnni", "avx512vl"}, "vnni256"),
        ({"avx512vnni", "avx512bw", "avx512vl"}, "vnni512"),
        (set(), "widening"),
    ],
)
def test_the_best_arithmetic_of_a_host_is_taken(features: set[str], expected: str) -> None:
    assert choose(frozenset(features)) == expected
