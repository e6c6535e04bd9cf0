"""Row index arithmetic: which rows of a channels-last tensor a window at each place of the output takes.

A channels-last tensor [n, *spatial, c] is a matrix whose row r is its r-th place in flat order. Every function here
returns int32 indices of such rows; -1 is a place outside the tensor.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int32]


def axis_positions(
    size: int, places: int, *, taps: int, stride: int = 1, dilation: int = 1, before: int = 0
) -> Rows:
    """Return [places, taps]: the positions on an axis of ``size`` that windows take, -1 in the padding."""
    start = np.arange(places, dtype=np.int32)[:, None] * stride - before
    return inside(start + np.arange(taps, dtype=np.int32)[None, :] * dilation, size)


def transposed_positions(
    size: int, places: int, *, taps: int, stride: int, dilation: int, before: int
) -> Rows:
    """Return [places, taps]: the position that each tap of a transposed convolution spreads to a place, or -1."""
    reached = np.arange(places, dtype=np.int32)[:, None] + before
    distance = reached - np.arange(taps, dtype=np.int32)[None, :] * dilation
    return np.where(distance % stride == 0, inside(distance // stride, size), np.int32(-1))


def inside(positions: NDArray[np.signedinteger], size: int) -> Rows:
    """Return positions with -1 in the place of all that are outside an axis."""
    return np.where((positions < 0) | (positions >= size), -1, positions).astype(np.int32)


def places_of(
    sizes: Sequence[int],
    *,
    kernel: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
    before: Sequence[int],
    after: Sequence[int],
) -> tuple[int, ...]:
    """Return how many windows fit along each axis."""
    axes = zip(sizes, kernel, strides, dilations, before, after, strict=True)
    return tuple((size + b + a - (k - 1) * d - 1) // s + 1 for size, k, s, d, b, a in axes)


def combine(batch: int, sizes: Sequence[int], positions: Sequence[Rows]) -> Rows:
    """Return [batch * places, taps] rows from the positions along each axis, the last axis running fastest."""
    rows = np.arange(batch, dtype=np.int32)[:, None]
    for size, along in zip(sizes, positions, strict=True):
        outer, inner = rows[:, None, :, None], along[None, :, None, :]
        joined = np.where((outer < 0) | (inner < 0), np.int32(-1), outer * np.int32(size) + inner)
        rows = joined.reshape(rows.shape[0] * along.shape[0], rows.shape[1] * along.shape[1])
    return rows


def whole_axis(size: int) -> Rows:
    """Return [size, 1]: every position takes itself."""
    return np.arange(size, dtype=np.int32)[:, None]


def is_identity(rows: Rows, count: int) -> bool:
    """Whether rows [R, 1] or [R] take the rows of a tensor of ``count`` rows one by one."""
    flat = rows.reshape(-1)
    return flat.size == count and rows.shape[0] == count and bool((flat == np.arange(count)).all())


def split_taps(rows: Rows, limit: int) -> list[Rows]:
    """Return stages of at most ``limit`` taps each, whose combination takes what ``rows`` takes.

    Every stage indexes the rows of the stage before. Equal groups of taps are taken once.
    """
    stages: list[Rows] = []
    while rows.shape[1] > limit:
        groups = -(-rows.shape[1] // limit)
        padded = np.full((rows.shape[0], groups * limit), -1, dtype=np.int32)
        padded[:, : rows.shape[1]] = rows
        pieces = padded.reshape(-1, limit)
        unique, inverse = np.unique(pieces, axis=0, return_inverse=True)
        stages.append(unique.astype(np.int32))
        rows = inverse.reshape(padded.shape[0], groups).astype(np.int32)
    return [*stages, rows]


def count_rows(shape: Sequence[int]) -> int:
    """Return the number of rows of a channels-last tensor."""
    return prod(shape[:-1])
