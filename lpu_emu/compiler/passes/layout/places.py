"""Where the elements of a tensor of the model are: in which stored tensors, at which places.

A stored tensor is a matrix: its last axis makes the columns, all others the rows. A tensor of the model is usually
stored as itself in some order of its axes; after operators that only move elements it is anything that an array of
indices can say. NumPy evaluation of a movement on that array gives the array of its result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np
from numpy.typing import NDArray

Index = NDArray[np.int32]
Shape = tuple[int, ...]


def channels_last(rank: int) -> Shape:
    """Return the axis order in which a tensor [n, c, *spatial] has its channels last."""
    return (0, *range(2, rank), 1) if rank > 2 else tuple(range(rank))


def inverse(perm: Sequence[int]) -> Shape:
    """Return the axis order that undoes another."""
    return tuple(int(axis) for axis in np.argsort(perm, kind="stable"))


@dataclass(frozen=True, kw_only=True, eq=False)
class Stored:
    """Name and shape of a stored tensor."""

    name: str
    shape: Shape

    @property
    def columns(self) -> int:
        """Elements of a row."""
        return self.shape[-1] if self.shape else 1

    @property
    def rows(self) -> int:
        """Number of rows."""
        return self.size // self.columns

    @property
    def size(self) -> int:
        """Number of elements."""
        return prod(self.shape)


@dataclass(frozen=True, kw_only=True, eq=False)
class Places:
    """The places of a tensor of ``shape``.

    Without ``moved`` it is the one source, whose axes stand in the order ``perm``. With it, element i is element
    ``moved[i]`` of all sources laid flat one after the other; -1 stands for the value ``fill``. ``block`` says that the
    columns of the one source are blocks of an image of this size along each spatial axis.
    """

    shape: Shape
    sources: tuple[Stored, ...]
    perm: Shape = ()
    moved: Index | None = None
    fill: float = 0.0
    block: Shape = ()

    @cached_property
    def index(self) -> Index:
        """The place of every element as int32 [*shape]."""
        if self.moved is not None:
            return self.moved
        source = self.sources[0]
        return np.arange(source.size, dtype=np.int32).reshape(source.shape).transpose(inverse(self.perm))

    def ordered(self, perm: Shape) -> Index:
        """The place of every element, the axes in the order ``perm``."""
        return self.index.transpose(perm)

    def is_one_to_one(self) -> bool:
        """Whether every element of one source appears exactly once."""
        if len(self.sources) != 1 or self.sources[0].size != prod(self.shape):
            return False
        if self.moved is None:
            return True
        flat = self.moved.reshape(-1)
        seen = np.zeros(flat.size, dtype=np.bool_)
        seen[flat[flat >= 0]] = True
        return bool(seen.all())

    def is_flat(self, perm: Shape) -> bool:
        """Whether the axes in the order ``perm`` give the elements of one source in their own order."""
        if len(self.sources) != 1 or self.sources[0].size != prod(self.shape):
            return False
        if self.moved is None and self.perm == perm:
            return True
        flat = self.ordered(perm).reshape(-1)
        return bool((flat == np.arange(flat.size, dtype=np.int32)).all())


def joined(parts: Sequence[Places]) -> tuple[tuple[Stored, ...], list[Index]]:
    """Return the sources of all parts, each once, and each part's index into them."""
    offsets: dict[str, int] = {}
    sources: list[Stored] = []
    total = 0
    indices: list[Index] = []
    for part in parts:
        for source in part.sources:
            if source.name not in offsets:
                offsets[source.name] = total
                sources.append(source)
                total += source.size
        indices.append(_shifted(part, [offsets[source.name] for source in part.sources]))
    return tuple(sources), indices


def _shifted(part: Places, offsets: Sequence[int]) -> Index:
    index = part.index
    own = 0
    shift = np.zeros(index.shape, dtype=np.int32)
    for source, offset in zip(part.sources, offsets, strict=True):
        shift[index >= own] = offset - own
        own += source.size
    shift[index < 0] = 0
    return index + shift
