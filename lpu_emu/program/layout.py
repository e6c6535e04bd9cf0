"""How a tensor lies in SRAM: rows of lanes, blocks of columns, byte planes on slices.

A tensor is seen as a matrix [rows, columns] after it was reshaped to ``dims`` (its own shape when none are given) and
the axes were put into ``order``: the last ``column_axes`` of them are the columns, the others are the rows. Columns are
cut into blocks of as many lanes as the chip has; a type of b bytes becomes b byte planes. A piece says where some rows of
one block and one byte plane lie in one slice.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Row ``first_row + i`` of one block and byte plane lies at ``address + i * step`` of slice ``slice``.

    ``slice`` is a queue name without its unit: ``W3`` or ``E12``.
    """

    block: int
    byte_plane: int
    first_row: int
    rows: int
    slice: str
    address: int
    step: int = 1


@dataclass(frozen=True, kw_only=True)
class TensorLayout:
    """Shape, element size, axis order and pieces of one tensor; ``pad`` is the byte that fills unused lanes.

    ``order`` and ``column_axes`` are about the axes of ``dims``, a shape of as many elements.
    """

    shape: tuple[int, ...]
    element_bytes: int
    pieces: tuple[Piece, ...]
    order: tuple[int, ...] = ()
    column_axes: int = 1
    pad: int = 0
    dims: tuple[int, ...] = ()

    @property
    def sizes(self) -> tuple[int, ...]:
        """The shape whose axes are put into order."""
        return self.dims or self.shape

    @property
    def axes(self) -> tuple[int, ...]:
        """The axis order, the tensor's own when none is given."""
        return self.order or tuple(range(len(self.sizes)))

    @property
    def columns(self) -> int:
        """Elements of a row."""
        return math.prod(self.sizes[a] for a in self.axes[len(self.axes) - self.column_axes :])

    @property
    def rows(self) -> int:
        """Rows of the matrix view."""
        return math.prod(self.sizes[a] for a in self.axes[: len(self.axes) - self.column_axes])

    def blocks(self, lanes: int) -> int:
        """Column blocks for a chip with ``lanes`` lanes."""
        return -(-self.columns // lanes)


def to_words(layout: TensorLayout, values: NDArray[np.generic], lanes: int) -> NDArray[np.uint8]:
    """Return the bytes of a tensor as uint8 [byte plane, block, row, lane]."""
    seen = np.ascontiguousarray(values).reshape(layout.sizes)
    matrix = seen.transpose(layout.axes or None).reshape(layout.rows, layout.columns)
    width = layout.blocks(lanes) * lanes
    bytes_ = (
        np.ascontiguousarray(matrix).view(np.uint8).reshape(layout.rows, layout.columns, layout.element_bytes)
    )
    padded = np.full((layout.rows, width, layout.element_bytes), layout.pad, dtype=np.uint8)
    padded[:, : layout.columns] = bytes_
    return np.ascontiguousarray(
        padded.reshape(layout.rows, -1, lanes, layout.element_bytes).transpose(3, 1, 0, 2)
    )


def from_words(layout: TensorLayout, words: NDArray[np.uint8], dtype: np.dtype) -> NDArray[np.generic]:
    """Return the tensor from uint8 [byte plane, block, row, lane]: the inverse of :func:`to_words`."""
    planes, blocks, rows, lanes = words.shape
    flat = words.transpose(2, 1, 3, 0).reshape(rows, blocks * lanes, planes)[:, : layout.columns]
    matrix = np.ascontiguousarray(flat).view(dtype).reshape(rows, layout.columns)
    ordered = matrix.reshape([layout.sizes[a] for a in layout.axes])
    inverse = [layout.axes.index(axis) for axis in range(len(layout.axes))]
    return np.ascontiguousarray(ordered.transpose(inverse)).reshape(layout.shape)


def store(
    layout: TensorLayout, values: NDArray[np.generic], memory: Mapping[str, NDArray[np.uint8]], lanes: int
) -> None:
    """Write a tensor into SRAM arrays uint8 [words, lanes], one per slice name."""
    words = to_words(layout, values, lanes)
    for piece in layout.pieces:
        rows = slice(piece.first_row, piece.first_row + piece.rows)
        memory[piece.slice][_addresses(piece)] = words[piece.byte_plane, piece.block, rows]


def fetch(
    layout: TensorLayout, memory: Mapping[str, NDArray[np.uint8]], dtype: np.dtype, lanes: int
) -> NDArray[np.generic]:
    """Read a tensor back from SRAM arrays uint8 [words, lanes], one per slice name."""
    words = np.zeros((layout.element_bytes, layout.blocks(lanes), layout.rows, lanes), dtype=np.uint8)
    for piece in layout.pieces:
        rows = slice(piece.first_row, piece.first_row + piece.rows)
        words[piece.byte_plane, piece.block, rows] = memory[piece.slice][_addresses(piece)]
    return from_words(layout, words, dtype)


def _addresses(piece: Piece) -> NDArray[np.int64]:
    return piece.address + piece.step * np.arange(piece.rows)
