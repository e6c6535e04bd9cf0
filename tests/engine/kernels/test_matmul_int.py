"""Integer products: packed and streamed, exact for all bytes, whatever the shape and the place of the rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lpu_emu.engine.kernels.codes import DONE, UNSUPPORTED
from lpu_emu.engine.kernels.int_tiles import WIDTH, choose
from lpu_emu.engine.kernels.matmul_int import int_panels, matmul_int, pack_int, packed_int_words
from lpu_emu.engine.kernels.stream_int import FEW, stream_int
from lpu_emu.reference.numerics.mxm import accumulate, dot_int

from .operands import Bytes, sized

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


def _places(weights: Bytes) -> NDArray[np.int64]:
    """Return where the rows of flattened weights begin, in an order that is not theirs."""
    places: NDArray[np.int64] = np.arange(len(weights), dtype=np.int64)[::-1] * weights.shape[1]
    return places


def _packed(weights: Bytes, panels_at_once: int = 1000) -> Ints:
    """Return packed weights; the rows lie backwards in memory."""
    packed = np.full(packed_int_words(*weights.shape), -1, np.int32)
    memory, places = np.ascontiguousarray(weights[::-1]).reshape(-1), _places(weights)
    panels = int_panels(len(weights))
    for first in range(0, panels, panels_at_once):
        number = min(panels_at_once, panels - first)
        assert pack_int(memory, places, weights.shape[1], first, number, packed) == DONE
    return packed


def _both(
    a: Bytes, first: int, step: int, signed: int, weights: Bytes, before: Ints, moves: int, add: int
) -> Any:
    """Yield the name and the result of every kernel that takes so many rows."""
    rows = len(before) if moves else len(before) * 2
    out = np.full((rows, len(weights)), 77, np.int32)
    assert matmul_int(a, first, step, signed, _packed(weights), before, moves, out, add) == DONE
    yield "packed", out
    if rows <= FEW:
        memory, out = np.ascontiguousarray(weights[::-1]).reshape(-1), np.full_like(out, 77)
        assert stream_int(a, first, step, signed, memory, _places(weights), before, moves, out, add) == DONE
        yield "streamed", out


def _shrink(shape: tuple[int, int]) -> tuple[int, int]:
    return (min(shape[0], sized(shape[0], 36)), min(shape[1], sized(shape[1], 20)))


@pytest.mark.parametrize("add", [0, 1])
@pytest.mark.parametrize("signed", [0, 1])
@pytest.mark.parametrize("vectors", VECTORS)
@pytest.mark.parametrize("shape", SHAPES)
def test_products_of_rows_with_steps(shape: tuple[int, int], vectors: int, signed: int, add: int) -> None:
    vectors = min(vectors, sized(vectors, 13))
    a, weights, before = _operands(*_shrink(shape), vectors)
    chosen, before = a[1 : 1 + 3 * vectors : 3], before[:vectors]
    expected = expected_rows(chosen, weights, signed, before, add)
    for name, out in _both(a, 1, 3, signed, weights, before, 1, add):
        assert np.array_equal(out, expected), f"seed {SEED}, {name}"


@pytest.mark.parametrize("fill", [0x00, 0x7F, 0x80, 0xFF])
@pytest.mark.parametrize("signed", [0, 1])
def test_extremes(fill: int, signed: int) -> None:
    k, n, vectors = _shrink((320, 64))[0], 2 * WIDTH + 4, 6
    for weight in (0x00, 0x7F, 0x80, 0xFF):
        a, weights = np.full((vectors, k), fill, np.uint8), np.full((n, k), weight, np.uint8)
        before = np.zeros((vectors, n), np.int32)
        expected = expected_rows(a, weights, signed, before, 0)
        for name, out in _both(a, 0, 1, signed, weights, before, 1, 0):
            assert np.array_equal(out, expected), (name, weight)


def test_one_row_of_activations_and_one_before_may_serve_all_vectors() -> None:
    a, weights, before = _operands(8, 8, 20)
    for name, out in _both(a, 3, 0, 1, weights, before[:1], 0, 1):
        expected = expected_rows(a[3:4], weights, 1, before[:1], 1)
        assert np.array_equal(out, np.repeat(expected, len(out), axis=0)), name


@pytest.mark.parametrize("kept", [(0, 100), (37, 1), (100, 20), (44, 0), (0, 0)])
@pytest.mark.parametrize("signed", [0, 1])
def test_weights_that_end_early(kept: tuple[int, int], signed: int) -> None:
    a, weights, before = _operands(100, 68, 9)
    weights[kept[1] :] = 0
    weights[:, kept[0] :] = 0
    before = before[:9]
    for name, out in _both(a, 0, 1, signed, weights, before, 1, 1):
        assert np.array_equal(out, expected_rows(a[:9], weights, signed, before, 1)), f"seed {SEED}, {name}"


def test_panels_may_be_packed_one_by_one() -> None:
    _, weights, _ = _operands(40, 100, 1)
    assert np.array_equal(_packed(weights), _packed(weights, 1))


def _status(kernel: Any, k: int, n: int, vectors: int) -> int:
    a, weights, out = np.zeros((1, k), np.uint8), np.zeros(n * k, np.uint8), np.zeros((vectors, n), np.int32)
    if kernel is matmul_int:
        return int(matmul_int(a, 0, 0, 1, np.zeros(64, np.int32), out, 1, out, 0))
    return int(stream_int(a, 0, 0, 1, weights, np.arange(n) * k, out, 1, out, 0))


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
