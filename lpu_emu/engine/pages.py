"""Zeros from the operating system: pages that nobody touches are never there."""

from __future__ import annotations

import mmap
from collections.abc import Iterable

import numpy as np

from lpu_emu.engine.steps.state import Bytes

_HUGE_BYTES = 2 << 20


def zeros(size: int, filled: Iterable[tuple[int, int]]) -> Bytes:
    """Return zeros that begin a page. Only inside the bytes ``filled`` (from, to) pages are huge where there are such.

    Huge pages everywhere, as NumPy asks for them, would make two mebibytes out of every word that is written alone.
    """
    pages = _private(max(size, 1))
    if hasattr(mmap, "MADV_HUGEPAGE"):
        for begin, end in filled:
            first, last = -(-begin // _HUGE_BYTES) * _HUGE_BYTES, end // _HUGE_BYTES * _HUGE_BYTES
            if first < last:
                _prefer_huge(pages, first, last - first)
    return np.frombuffer(pages, dtype=np.uint8)[:size]


def _private(size: int) -> mmap.mmap:
    if hasattr(mmap, "MAP_PRIVATE"):
        return mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    return mmap.mmap(-1, size)


def _prefer_huge(pages: mmap.mmap, first: int, size: int) -> None:
    try:
        pages.madvise(mmap.MADV_HUGEPAGE, first, size)
    except OSError:  # a kernel without them
        return
