"""Tensors on the chip: rows of lanes, cut into parts of rows, blocks of columns and byte planes.

All tensors with the same number of rows are cut into the same parts, so that one part can flow through many layers
while another plane works on the next.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lpu_emu.compiler.flow.builder import Reading
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


@dataclass(frozen=True, kw_only=True)
class Region:
    """Rows ``low`` to ``high - 1`` of a tensor as one run of words, behind one word for each fill value.

    A tensor is stored in ``shares`` regions, which may overlap, each in ``copies`` copies. ``side`` is the hemisphere, empty
    where it does not matter.
    """

    index: int
    low: int
    high: int
    share: int
    shares: int
    copy: int = 0
    copies: int = 1
    side: str = ""
    fills: tuple[float, ...] = ()

    @property
    def words(self) -> int:
        """Words of one block and byte plane."""
        return len(self.fills) + self.high - self.low

    def word_of(self, row: int) -> int:
        """Return the word that holds a row."""
        return len(self.fills) + row - self.low

    def holds(self, low: int, high: int) -> bool:
        """Whether rows ``low`` to ``high - 1`` are all here."""
        return self.low <= low and high <= self.high

    def overlaps(self, part: Part) -> bool:
        """Whether some row of a part is here."""
        return part.first < self.high and self.low < part.first + part.rows


def parts_of(geometry: Geometry, rows: int, *, tandem: bool = False) -> tuple[Part, ...]:
    """Cut rows into parts: one per plane when each then hides a weight load, none longer than the accumulators.

    With ``tandem`` two planes work together, so that long tensors need a part for each pair only: longer parts change
    weights less often.
    """
    chip = geometry.chip
    planes = 2 * chip.planes
    worthwhile = 2 * chip.row_groups
    wanted = planes if rows >= planes * worthwhile else 2 if rows >= 2 * worthwhile else 1
    longest = min(chip.accumulator_rows, chip.words_per_bank)
    count = max(wanted, -(-rows // longest))
    if count > wanted:
        workers = planes // 2 if tandem else planes
        count = -(-count // workers) * workers
    edges = [rows * i // count for i in range(count + 1)]
    return tuple(Part(index=i, first=a, rows=b - a) for i, (a, b) in enumerate(pairwise(edges)))


@dataclass(frozen=True, kw_only=True, eq=False)
class Tensor:
    """A matrix [rows, columns] of a machine type; ``pad`` is the value in the unused lanes of its last block.

    It is stored part by part until :meth:`arrange` says otherwise. With ``repeats`` above 1 its columns are stored that
    often in each word, each time from a superlane's first lane on.
    """

    name: str
    dtype: str
    rows: int
    columns: int
    parts: tuple[Part, ...]
    lanes: int
    pad: float = 0.0
    content: NDArray[Any] | None = None
    preloaded: bool = False
    repeats: int = 1
    _words: dict[tuple[int, int], tuple[Words, ...]] = field(default_factory=dict)
    _regions: list[Region] = field(default_factory=list)

    def __post_init__(self) -> None:
        shares = len(self.parts)
        self._regions[:] = [
            Region(index=p.index, low=p.first, high=p.first + p.rows, share=p.index, shares=shares)
            for p in self.parts
        ]

    @property
    def whole(self) -> Tensor:
        """The tensor that this is a byte plane of, or the tensor itself."""
        return self

    @property
    def regions(self) -> tuple[Region, ...]:
        """Where the rows lie; every part lies in one region as a whole, others may hold some of its rows too."""
        return tuple(self._regions)

    def arrange(self, regions: Iterable[Region]) -> None:
        """Store the tensor in other regions; to be called before any words of it exist."""
        assert not self._words
        self._regions[:] = regions

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

    def words(self, region: int, block: int) -> tuple[Words, ...]:
        """Return the words of one region (a part, unless arranged otherwise) and block, one per byte plane."""
        key = (region, block)
        if key not in self._words:
            self._words[key] = self._new_words(self._regions[region], block)
        return self._words[key]

    def _new_words(self, region: Region, block: int) -> tuple[Words, ...]:
        name = f"{self.name}[{region.index}.{block}]"
        contents: Sequence[NDArray[np.uint8] | None] = [None] * self.planes
        if self.content is not None:
            contents = block_bytes(self.content[region.low : region.high], block, self.lanes)
        return tuple(
            Words(
                f"{name}.{i}",
                region.words,
                ACTIVATIONS,
                content=content,
                preloaded=self.preloaded,
                side=region.side,
            )
            for i, content in enumerate(contents)
        )

    def all_words(self) -> list[Words]:
        """Return all words, in order of regions, blocks and byte planes."""
        return [w for r in self.regions for b in range(self.blocks) for w in self.words(r.index, b)]

    def region_for(self, low: int, high: int, position: float, turn: int) -> Region:
        """Return a region that holds rows ``low`` to ``high - 1``.

        ``position`` is where the reader stands in its own tensor, 0 to 1; readers at one position take the copies in turn.
        """
        holding = [r for r in self.regions if r.holds(low, high)]
        nearest = min(holding, key=lambda r: abs(2 * r.share + 1 - 2 * r.shares * position))
        copies = [r for r in holding if r.share == nearest.share]
        return copies[turn % len(copies)]

    def home_of(self, part: Part, turn: int = 0) -> Region:
        """Return a region that holds a whole part."""
        position = (2 * part.index + 1) / (2 * len(self.parts))
        return self.region_for(part.first, part.first + part.rows, position, turn)

    def reading(self, part: int, block: int, turn: int = 0) -> Reading:
        """Return how to read the rows of a part in order."""
        region = self.home_of(self.parts[part], turn)
        return Reading(words=self.words(region.index, block), first=region.word_of(self.parts[part].first))

    def layout(
        self, shape: tuple[int, ...], dims: tuple[int, ...] = (), order: tuple[int, ...] = ()
    ) -> TensorLayout:
        """Return where a tensor of ``shape`` lies, seen as ``dims``, its axes in ``order``; all words have an address."""
        sizes = dims or shape
        pieces = tuple(
            Piece(
                block=block,
                byte_plane=plane,
                first_row=part.first,
                rows=part.rows,
                slice=words.slice,
                address=words.address + reading.first,
            )
            for part in self.parts
            for block in range(self.blocks)
            for reading in (self.reading(part.index, block),)
            for plane, words in enumerate(reading.words)
        )
        column_axes = column_axes_of([sizes[axis] for axis in order] if order else sizes, self.columns)
        assert column_axes is not None
        return TensorLayout(
            shape=shape,
            element_bytes=self.planes,
            pieces=pieces,
            column_axes=column_axes,
            order=order,
            dims=dims,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class BytePlane(Tensor):
    """One byte plane of a tensor, seen as a uint8 tensor that lies in the same words."""

    of_tensor: Tensor
    plane: int

    @classmethod
    def of(cls, tensor: Tensor, plane: int) -> BytePlane:
        """Return a byte plane of a tensor."""
        return cls(
            name=tensor.name,
            dtype="uint8",
            rows=tensor.rows,
            columns=tensor.columns,
            parts=tensor.parts,
            lanes=tensor.lanes,
            content=tensor.content,
            preloaded=tensor.preloaded,
            of_tensor=tensor,
            plane=plane,
        )

    @property
    def whole(self) -> Tensor:
        """The tensor that this is a byte plane of."""
        return self.of_tensor

    @property
    def regions(self) -> tuple[Region, ...]:
        """Where the rows lie."""
        return self.of_tensor.regions

    def arrange(self, regions: Iterable[Region]) -> None:
        """Store the whole tensor in other regions."""
        self.of_tensor.arrange(regions)

    def words(self, region: int, block: int) -> tuple[Words, ...]:
        """Return the words of this byte plane."""
        return self.of_tensor.words(region, block)[self.plane : self.plane + 1]


def column_axes_of(shape: Sequence[int], columns: int) -> int | None:
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
