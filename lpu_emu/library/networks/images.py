"""Seeded pictures: smooth at several scales, as photographs are, with mean 0 and deviation 1."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
_CELLS = (2, 4, 8, 16, 32)


def images(shape: Sequence[int], seed: int) -> Floats:
    """Return float32 pictures of a shape [N, C, H, W]; the same seed gives the same pictures.

    Each is a sum of random fields of 2 to 32 cells a side, coarse ones strongest, and of a little noise.
    """
    count, channels, height, width = shape
    generator = np.random.default_rng(seed)
    whole = generator.normal(0.0, 0.1, size=tuple(shape)).astype(np.float32)
    for cells in _CELLS:
        field = generator.normal(0.0, cells**-0.5, size=(count, channels, cells, cells)).astype(np.float32)
        rows, columns = _spread(cells, height), _spread(cells, width)
        whole += np.einsum("yi,ncij,xj->ncyx", rows, field, columns, optimize=True).astype(np.float32)
    mean = whole.mean(axis=(1, 2, 3), keepdims=True)
    deviation = whole.std(axis=(1, 2, 3), keepdims=True)
    pictures: Floats = ((whole - mean) / deviation).astype(np.float32)
    return pictures


def _spread(cells: int, size: int) -> Floats:
    """Return the [size, cells] matrix that interpolates linearly between cells."""
    places = np.linspace(0.0, cells - 1.0, size)
    distance = np.abs(places[:, np.newaxis] - np.arange(cells))
    return np.maximum(0.0, 1.0 - distance).astype(np.float32)
