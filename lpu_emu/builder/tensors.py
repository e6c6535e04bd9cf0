"""Tensors of a kernel: matrices in memory, cut into blocks of columns and, if wanted, parts of rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lpu_emu.builder.location import Place, error
from lpu_emu.compiler.geometry import Geometry
from lpu_emu.compiler.lower.tensors import Part
from lpu_emu.compiler.lower.tensors import Tensor as Matrix
from lpu_emu.compiler.memory.words import NEAR, Words
from lpu_emu.program.layout import TensorLayout
from lpu_emu.spec.machine import DTYPE_BYTES

INPUT, OUTPUT, CONSTANT, SCRATCH = "input", "output", "constant", "scratch"


@dataclass(frozen=True, kw_only=True, eq=False)
class Tensor:
    """A matrix [rows, columns] in memory; the last axis of ``shape`` is its columns, the others are its rows.

    ``blocks`` of as many columns as the chip has lanes lie in different slices, and so do the bytes of wide types and
    the ``parts`` into which the rows are cut.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    matrix: Matrix
    place: Place

    @property
    def dtype(self) -> str:
        """The machine type of the elements."""
        return self.matrix.dtype

    @property
    def rows(self) -> int:
        """Rows of the matrix view."""
        return self.matrix.rows

    @property
    def columns(self) -> int:
        """Columns of the matrix view."""
        return self.matrix.columns

    @property
    def blocks(self) -> int:
        """Blocks of columns."""
        return self.matrix.blocks

    @property
    def parts(self) -> int:
        """Parts of rows."""
        return len(self.matrix.parts)

    @property
    def values(self) -> NDArray[Any] | None:
        """The content of a constant [rows, columns]."""
        return self.matrix.content

    def first_row(self, part: int) -> int:
        """Return the first row of a part."""
        return self.matrix.parts[part].first

    def rows_of(self, part: int) -> int:
        """Return the number of rows of a part."""
        return self.matrix.parts[part].rows

    def words_at(self, place: Place, first: int, last: int, block: int) -> tuple[tuple[Words, ...], int]:
        """Return the words that hold rows ``first`` to ``last`` of a block, and the word of the first row.

        Raises:
            KernelError: there are no such rows, no such block, or the rows lie in two parts.
        """
        declared = [(f"{self.name!r} is declared here", self.place)]
        if not 0 <= block < self.blocks:
            hint = f"blocks are 0 to {self.blocks - 1}, {self.matrix.lanes} columns each"
            raise error(place, f"{self} has no block {block}", hint=hint, others=declared)
        low, high = min(first, last), max(first, last)
        if not (low >= 0 and high < self.rows):
            hint = f"rows are 0 to {self.rows - 1}; check count, row and step"
            raise error(place, f"rows {low} to {high} of {self} do not exist", hint=hint, others=declared)
        part = next(p for p in self.matrix.parts if p.first <= low < p.first + p.rows)
        if high >= part.first + part.rows:
            hint = "one flow reads and writes rows of one part; use one flow per part"
            message = f"rows {low} to {high} of {self} lie in more than one of its {self.parts} parts"
            raise error(place, message, hint=hint, others=declared)
        return self.matrix.words(part.index, block), first - part.first

    def all_words(self) -> list[Words]:
        """Return all words, in order of parts, blocks and byte planes."""
        return self.matrix.all_words()

    def layout(self) -> TensorLayout:
        """Return where the tensor lies, once all its words have an address."""
        return self.matrix.layout(self.shape)

    def __str__(self) -> str:
        """Return kind, name, type and shape."""
        return f"{self.kind} {self.name!r} ({self.dtype} {list(self.shape)})"


def new_tensor(
    geometry: Geometry,
    place: Place,
    *,
    name: str,
    kind: str,
    dtype: str,
    shape: Sequence[int],
    parts: int,
    content: NDArray[Any] | None,
) -> Tensor:
    """Return a tensor without addresses.

    Raises:
        KernelError: the type, the shape or the number of parts is impossible.
    """
    sizes = tuple(int(size) for size in shape)
    if dtype not in DTYPE_BYTES:
        raise error(place, f"no type {dtype!r}", hint=f"types: {', '.join(DTYPE_BYTES)}")
    if not sizes or min(sizes) < 1:
        raise error(
            place, f"shape {list(sizes)} has no elements", hint="give sizes of at least 1: [rows, columns]"
        )
    rows = math.prod(sizes[:-1])
    if not 1 <= parts <= rows:
        raise error(place, f"{rows} rows cannot be cut into {parts} parts", hint="1 part per row at most")
    longest = -(-rows // parts)
    if longest > geometry.chip.words_per_bank:
        least = -(-rows // geometry.chip.words_per_bank)
        message = f"{longest} rows do not fit into a bank of {geometry.chip.words_per_bank} words"
        raise error(place, message, hint=f"cut them: parts={least} or more")
    edges = [rows * i // parts for i in range(parts + 1)]
    matrix = Matrix(
        name=name,
        dtype=dtype,
        rows=rows,
        columns=sizes[-1],
        parts=tuple(Part(index=i, first=a, rows=b - a) for i, (a, b) in enumerate(pairwise(edges))),
        lanes=geometry.lanes,
        content=None if content is None else np.ascontiguousarray(content).reshape(rows, sizes[-1]),
        preloaded=kind == INPUT,
    )
    for words in matrix.all_words():
        words.zone = NEAR
    return Tensor(name=name, kind=kind, shape=sizes, matrix=matrix, place=place)
