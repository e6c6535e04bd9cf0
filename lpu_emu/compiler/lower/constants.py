"""Constants in memory: latched vectors, weight tiles and permutation maps, each stored once per place it is needed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lpu_emu.compiler.flow.builder import Column, Reading
from lpu_emu.compiler.geometry import Geometry
from lpu_emu.compiler.lower import expression as ex
from lpu_emu.compiler.lower.kernels import Weights
from lpu_emu.compiler.memory.words import VECTORS, WEIGHTS, Words, as_bytes
from lpu_emu.spec.machine import DTYPE_BYTES

# Weights may take this share of the memory when both hemispheres have a copy.
DOUBLED_SHARE = 0.5


def fits_doubled(geometry: Geometry, all_weights: Iterable[Weights]) -> bool:
    """Whether there is room for a copy of all weights in each hemisphere."""
    chip = geometry.chip
    words = 0
    for weights in all_weights:
        k, n = (-(-size // geometry.lanes) for size in weights.values.shape)
        words += k * n * geometry.lanes * DTYPE_BYTES[weights.activation]
    return 2 * words <= DOUBLED_SHARE * 2 * chip.slices * chip.words


class Constants:
    """Words of constants by what they hold, so that equal uses share them.

    With ``per_side`` each hemisphere has its own copy of the weights that its planes use; otherwise planes read them
    across the chip.
    """

    def __init__(self, geometry: Geometry, *, per_side: bool) -> None:
        self._geometry = geometry
        self._per_side = per_side
        self._known: dict[object, tuple[Words, ...]] = {}
        self._order: list[tuple[Words, ...]] = []

    def all_words(self) -> list[Words]:
        """Return all words in the order in which they were made."""
        return [words for group in self._order for words in group]

    def _add(self, key: object, groups: tuple[Words, ...]) -> tuple[Words, ...]:
        self._known[key] = groups
        self._order.append(groups)
        return groups

    def vector(self, name: str, vector: ex.Vector, block: int, *, again: bool = False) -> Column:
        """Return one block of a latched vector; ``again`` stores another copy."""
        key = (name, block)
        if again or key not in self._known:
            lanes = self._geometry.lanes
            values = np.full(lanes, vector.pad, dtype=ex.NUMPY_TYPES[vector.dtype])
            part = vector.values[block * lanes : (block + 1) * lanes]
            values[: len(part)] = part
            self._add(key, self._vector_words(f"{name}[{block}]", values))
        return Column(words=self._known[key])

    def permutation(self, lanes_from: NDArray[np.uint16], side: str, *, again: bool = False) -> Reading:
        """Return a permutation map, read again for every vector; ``lanes_from`` [lanes].

        Each hemisphere has its own copy, so that both can permute at the same time.
        """
        key = ("map", side, lanes_from.tobytes())
        if again or key not in self._known:
            self._add(key, self._vector_words("map", lanes_from))
        return Reading(words=self._known[key], step=0)

    def superlane_map(self, lanes_from: NDArray[np.uint8], queue: str, *, again: bool = False) -> Reading:
        """Return a distributor's map, read again for every vector; ``lanes_from`` [lanes]. Each distributor has a copy."""
        key = ("superlane map", queue, lanes_from.tobytes())
        if again or key not in self._known:
            self._add(key, self._vector_words("superlane map", lanes_from))
        return Reading(words=self._known[key], step=0)

    def _vector_words(self, name: str, values: NDArray[Any]) -> tuple[Words, ...]:
        planes = as_bytes(values)
        return tuple(Words(f"{name}.{i}", 1, VECTORS, content=plane[None]) for i, plane in enumerate(planes))

    def tile(self, weights: Weights, k: int, n: int, side: str) -> list[tuple[Words, ...]]:
        """Return the weight rows of one tile for one hemisphere: per byte plane the words of each load stream."""
        planes = DTYPE_BYTES[weights.activation]
        found = []
        for plane in range(planes):
            key = (weights.name, k, n, plane, side if self._per_side else "")
            if key not in self._known:
                self._add(key, self._tile_words(weights, k, n, plane))
            found.append(self._known[key])
        return found

    def _tile_words(self, weights: Weights, k: int, n: int, plane: int) -> tuple[Words, ...]:
        """Stream i of load g brings row ``g * streams + i`` of the plane: the weights of that output lane."""
        lanes, streams = self._geometry.lanes, self._geometry.chip.weight_streams
        block = weights.values[k * lanes : (k + 1) * lanes, n * lanes : (n + 1) * lanes].T
        groups = -(-len(block) // streams)
        dtype = np.int8 if weights.activation in ("int8", "uint8") else ex.NUMPY_TYPES[weights.activation]
        rows = np.zeros((groups * streams, lanes), dtype=dtype)
        with np.errstate(over="ignore"):
            rows[: block.shape[0], : block.shape[1]] = block.astype(dtype)
        content = as_bytes(rows)[plane].reshape(groups, streams, lanes)
        name = f"{weights.name}[{k}.{n}.{plane}]"
        return tuple(
            Words(f"{name}.{i}", groups, WEIGHTS, content=np.ascontiguousarray(content[:, i]))
            for i in range(streams)
        )
