"""What a workload is: a program that loads one part of the emulator, and the same work in NumPy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lpu_emu.program.model import DataSection, Program

CHIP = "tsp1"
LANES = 320
SUPERLANES = 20
WORDS = 8192  # of a slice
SEED = 5
Bytes = NDArray[np.uint8]
Memory = Mapping[str, Bytes]


@dataclass(frozen=True, kw_only=True)
class Workload:
    """A program, the useful operations in it, and the same in NumPy.

    ``work`` counts multiply-accumulates, elements, vectors or instructions (``unit``), without padding. ``goal`` is a
    ratio to NumPy where there is ``numpy`` and operations a second otherwise, 0 for none. ``differing`` takes the memory
    after a run, uint8 [words, 320] by slice, and returns how many results are not what NumPy makes of the operands.
    """

    name: str
    program: Program
    work: int
    unit: str
    goal: float
    differing: Callable[[Memory], int]
    numpy: Callable[[], object] | None = None


def section(where: str, words: Bytes, address: int = 0) -> DataSection:
    """Return a data section named after its place."""
    return DataSection(name=f"{where}.{address}", slice=where, address=address, words=words)


def joined(memory: Memory, slices: Sequence[str], count: int) -> Bytes:
    """Return the first words of some slices as bytes [count, lanes, slice]."""
    return np.stack([memory[name][:count] for name in slices], axis=-1)


def count_differing(found: NDArray[np.generic], expected: NDArray[np.generic]) -> int:
    """Return how many elements differ."""
    return int(np.count_nonzero(found != expected))
