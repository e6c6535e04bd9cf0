"""How many threads large products may use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numba

from lpu_emu.engine._jit import PLAIN


@contextmanager
def thread_count(threads: int | None) -> Iterator[None]:
    """Let parallel kernels use that many threads, at most all there are; ``None`` leaves it to Numba."""
    if threads is None or PLAIN:
        yield
        return
    before = numba.get_num_threads()
    numba.set_num_threads(max(1, min(threads, int(numba.config.NUMBA_NUM_THREADS))))
    try:
        yield
    finally:
        numba.set_num_threads(before)
