"""Tensors on the chip: rows of lanes, cut into parts of rows, blocks of columns and byte planes.

All tensors with the same number of rows are cut into the same parts, so that one part can flow through many layers
while another plane works on the next.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lpu_emu.compiler.geometry import Geometry
from lpu_emu.compiler.memory.words import ACTIVATIONS, Words, as_bytes
from lpu_emu.program.layout import Piece, TensorLayout
from lpu_emu.spec.machine import DTYPE_BYTES, HEMISPHERES


@dataclass(frozen=True, kw_only=True)
class Part:
    """Some consecutive rows."""

    index: int
    first: int
    rows: int


def parts_of(geometry: Geometry, rows: int) -> tuple[Part, ...]:
    """Cut rows into parts: one per plane when each then hides a weight load, none longer than the accumulators."""
    chip = geometry.chip
    planes = 2 * chip.planes
    worthwhile = 2 * chip.row_groups
    wanted = planes if rows >= planes * worthwhile else 2 if rows >= 2 * worthwhile else 1
    longest = min(chip.accumulator_rows, chip.words_per_bank)
    count = max(wanted, -(-rows // longest))
    if count > wanted:
        count = -(-count // planes) * planes
    edges = [rows * i // count for i in range(count + 1)]
    return tuple(Part(index=i, first=a, rows=b - a) for i, (a, b) in enumerate(pairwise(edges)))


@dataclass(frozen=True, kw_only=True, eq=False)
class Tensor:
    """A matrix [rows, columns] of a machine type; ``pad`` is the value in the unused lanes of its last block."""

    name: str
    dtype: str
    rows: int
    columns: int
    parts: tuple[Part, ...]
    lanes: int
    pad: float = 0.0
    content: NDArray[Any] | None = None
    preloaded: bool = False
    _words: dict[tuple[int, int], tuple[Words, ...]] = field(default_factory=dict)

    @property
    def blocks(self) -> int:
        """Blocks of columns."""
        return -(-self.columns // self.lanes)

    @property
    def planes(self) -> int:
        """Byte planes."""
        return DTYPE_BYTES[self.dtype]

    def width(self, block: int) -> int:
        """Columns of a block."""
        return min(self.lanes, self.columns - block * self.lanes)

    def words(self, part: int, block: int) -> tuple[Words, ...]:
        """Return the words of one part and block, one per byte plane."""
        key = (part, block)
        if key not in self._words:
            self._words[key] = self._new_words(self.parts[part], block)
        return self._words[key]

    def _new_words(self, part: Part, block: int) -> tuple[Words, ...]:
        name = f"{self.name}[{part.index}.{block}]"
        contents: Sequence[NDArray[np.uint8] | None] = [None] * self.planes
        if self.content is not None:
            rows = self.content[part.first : part.first + part.rows]
            contents = block_bytes(rows, block, self.lanes)
        return tuple(
            Words(f"{name}.{i}", part.rows, ACTIVATIONS, content=content, preloaded=self.preloaded)
            for i, content in enumerate(contents)
        )

    def all_words(self) -> list[Words]:
        """Return all words, in order of parts, blocks and byte planes."""
        return [w for p in self.parts for b in range(self.blocks) for w in self.words(p.index, b)]

    def layout(self, shape: tuple[int, ...]) -> TensorLayout:
        """Return where a tensor of ``shape`` lies, once all words have an address."""
        pieces = tuple(
            Piece(
                block=block,
                byte_plane=plane,
                first_row=part.first,
                rows=part.rows,
                slice=words.slice,
                address=words.address,
            )
            for part in self.parts
            for block in range(self.blocks)
            for plane, words in enumerate(self.words(part.index, block))
        )
        column_axes = column_axes_of(shape, self.columns)
        assert column_axes is not None
        return TensorLayout(shape=shape, element_bytes=self.planes, pieces=pieces, column_axes=column_axes)


def column_axes_of(shape: tuple[int, ...], columns: int) -> int | None:
    """Return how many trailing axes of a shape make up ``columns``, None if none do."""
    for count in range(1, max(1, len(shape)) + 1):
        if math.prod(shape[max(0, len(shape) - count) :]) == columns:
            return count
    return None


def block_bytes(rows: NDArray[Any], block: int, lanes: int) -> list[NDArray[np.uint8]]:
    """Return one block of a matrix [rows, columns] as bytes uint8 [rows, lanes], one array per byte plane."""
    columns = rows[:, block * lanes : (block + 1) * lanes]
    padded = np.zeros((len(rows), lanes), dtype=rows.dtype)
    padded[:, : columns.shape[1]] = columns
    return list(as_bytes(padded))


def side_of(part: Part) -> str:
    """Return the hemisphere that a part prefers; parts alternate, which spreads them over the ports."""
    return HEMISPHERES[part.index % 2]
