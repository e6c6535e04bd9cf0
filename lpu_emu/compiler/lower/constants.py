"""Constants in memory: latched vectors, weight tiles and permutation maps, each stored once per place it is needed."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lpu_emu.compiler.flow.builder import Column, Reading
from lpu_emu.compiler.geometry import Geometry
from lpu_emu.compiler.lower import expression as ex
from lpu_emu.compiler.lower.kernel import Chunk, Kernel
from lpu_emu.compiler.lower.repeats import repeated, width_of
from lpu_emu.compiler.memory.words import MAPS, VECTORS, WEIGHTS, Words, as_bytes
from lpu_emu.spec.machine import DTYPE_BYTES

# Weights may take this share of the memory when both hemispheres have a copy.
DOUBLED_SHARE = 0.5


def fits_doubled(geometry: Geometry, kernels: Iterable[Kernel]) -> bool:
    """Whether there is room for a copy of all weights in each hemisphere."""
    chip = geometry.chip
    words = sum(weight_words(geometry, kernel) for kernel in kernels)
    return 2 * words <= DOUBLED_SHARE * 2 * chip.slices * chip.words


def weight_words(geometry: Geometry, kernel: Kernel) -> int:
    """Words of one copy of all weight tiles of a kernel, without those that another kernel holds."""
    if kernel.weights is None or not kernel.weights.counted:
        return 0
    streams, words = geometry.chip.weight_streams, 0
    for block in range(kernel.target.blocks):
        width = min(geometry.lanes, kernel.weights.columns - block * geometry.lanes)
        repeats = kernel.target.repeats
        width = (repeats - 1) * width_of(geometry.chip, width) + width
        tiles = {s.chunks for phase in range(len(kernel.series)) for s in kernel.steps_of(phase, block)}
        words += len(tiles) * -(-width // streams) * streams
    return words * DTYPE_BYTES[kernel.weights.activation]


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

    def vector(
        self, name: str, vector: ex.Vector, block: int, *, repeats: int = 1, again: bool = False
    ) -> Column:
        """Return one block of a latched vector, ``repeats`` times in its word; ``again`` stores another copy."""
        key = (name, block)
        if again or key not in self._known:
            lanes = self._geometry.lanes
            values = np.full(lanes, vector.pad, dtype=ex.NUMPY_TYPES[vector.dtype])
            part = vector.values[block * lanes : (block + 1) * lanes]
            width = width_of(self._geometry.chip, len(part))
            for i in range(repeats):
                values[i * width : i * width + len(part)] = part
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

    def row_map(
        self, addresses: NDArray[np.int32], slice_name: str, busy: Container[str], *, again: bool = False
    ) -> Words:
        """Return the map of a gather from a slice; ``addresses`` int32 [vectors] or [vectors, superlanes].

        A map that is known already is used again unless it lies in one of the ``busy`` slices.
        """
        chip = self._geometry.chip
        if addresses.ndim == 1:
            addresses = np.broadcast_to(addresses[:, None], (len(addresses), chip.superlanes))
        key = ("row map", slice_name, addresses.tobytes())
        if again or key not in self._known or self._known[key][0].slice in busy:
            content = np.zeros((len(addresses), chip.superlanes, chip.lanes_per_superlane), dtype=np.uint8)
            content[..., 0], content[..., 1] = addresses & 0xFF, addresses >> 8
            words = Words("row map", len(addresses), MAPS, content=content.reshape(len(addresses), -1))
            self._add(key, (words,))
        return self._known[key][0]

    def filling(self, value: NDArray[Any], plane: int, side: str, *, again: bool = False) -> Words:
        """Return a word that holds one byte plane of a value [1], the same in all lanes, or [lanes], in a hemisphere."""
        key = ("fill", value.tobytes(), plane, side)
        if again or key not in self._known:
            byte = as_bytes(value)[plane]
            content = np.broadcast_to(byte, (1, self._geometry.lanes)).copy()
            self._add(key, (Words("fill", 1, VECTORS, content=content, side=side),))
        return self._known[key][0]

    def tile(self, kernel: Kernel, chunks: tuple[Chunk, ...], n: int, side: str) -> list[tuple[Words, ...]]:
        """Return the weight rows of one tile for one hemisphere: per byte plane the words of each load stream."""
        assert kernel.weights is not None
        planes = range(DTYPE_BYTES[kernel.weights.activation])
        keys = [(kernel.weights.name, chunks, n, plane, side if self._per_side else "") for plane in planes]
        if keys[0] not in self._known:
            for key, words in zip(keys, self._tile_words(kernel, chunks, n), strict=True):
                self._add(key, words)
        return [self._known[key] for key in keys]

    def _tile_words(self, kernel: Kernel, chunks: tuple[Chunk, ...], n: int) -> list[tuple[Words, ...]]:
        """Stream i of load g brings row ``g * streams + i`` of the plane: the weights of that output lane."""
        weights = kernel.weights
        assert weights is not None
        lanes = self._geometry.lanes
        block = weights.tile(chunks, n * lanes, min((n + 1) * lanes, weights.columns))
        width = width_of(self._geometry.chip, block.shape[1])
        block = repeated(block, kernel.target.repeats, width).T
        groups = -(-len(block) // self._geometry.chip.weight_streams)
        dtype = np.int8 if weights.activation in ("int8", "uint8") else ex.NUMPY_TYPES[weights.activation]
        rows = np.zeros((groups * self._geometry.chip.weight_streams, lanes), dtype=dtype)
        with np.errstate(over="ignore"):
            rows[: block.shape[0], : block.shape[1]] = block.astype(dtype)
        name = f"{weights.name}[{chunks[0].tap}.{chunks[0].low}.{n}]"
        return [self._streams(f"{name}.{i}", plane) for i, plane in enumerate(as_bytes(rows))]

    def _streams(self, name: str, rows: NDArray[np.uint8]) -> tuple[Words, ...]:
        streams = self._geometry.chip.weight_streams
        groups = len(rows) // streams
        content = rows.reshape(groups, streams, -1)
        return tuple(
            Words(f"{name}.{i}", groups, WEIGHTS, content=np.ascontiguousarray(content[:, i]))
            for i in range(streams)
        )
