"""Maps that SXM and MEM instructions read: where each lane comes from, which row each superlane takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lpu_emu.errors import UsageError


def permutation(lanes_from: ArrayLike, lanes: int) -> NDArray[np.int16]:
    """Return the map of :meth:`Flow.permute`, int16 [1, lanes]: lane i takes lane ``lanes_from[i]``.

    Lanes beyond the given ones stay where they are.

    Raises:
        UsageError: it is no bijection of the lanes.
    """
    given = np.asarray(lanes_from, dtype=np.int64).reshape(-1)
    whole = np.arange(lanes)
    whole[: len(given)] = given
    if len(given) > lanes or not np.array_equal(np.sort(whole), np.arange(lanes)):
        raise UsageError(f"a permutation of {lanes} lanes must take every lane once; this one does not")
    return whole.astype(np.int16)[None]


def distribution(lanes_from: Sequence[int], lanes: int) -> NDArray[np.uint8]:
    """Return the map of :meth:`Flow.distribute`, uint8 [1, lanes], the same for every superlane.

    Lane l of a superlane takes its lane ``lanes_from[l]``; a number beyond the superlane gives zero.
    """
    return np.tile(np.asarray(lanes_from, dtype=np.uint8), lanes // len(lanes_from))[None]


def row_addresses(rows: ArrayLike, *, base: int, lanes: int, superlanes: int) -> NDArray[np.uint8]:
    """Return the map of :meth:`Flow.gather`, uint8 [n, lanes], from row numbers [n] or [n, superlanes].

    ``base`` is the address of row 0 of the table. One number per vector goes to all superlanes.
    """
    numbers: NDArray[Any] = np.asarray(rows, dtype=np.int64)
    wide = np.broadcast_to(numbers.reshape(len(numbers), -1), (len(numbers), superlanes)) + base
    found = np.zeros((len(numbers), superlanes, lanes // superlanes), dtype=np.uint8)
    found[:, :, 0], found[:, :, 1] = wide & 255, wide >> 8
    return found.reshape(len(numbers), lanes)
