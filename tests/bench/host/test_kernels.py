"""Kernels alone: the sums are right, and threads do not change them."""

from __future__ import annotations

import numpy as np
import pytest

from lpu_emu.bench.host.kernels import fp16_kernel, int8_kernel
from lpu_emu.bench.host.workload import LANES, SEED


@pytest.mark.parametrize("vectors", [1, 4, 70])
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_int8_sums(vectors: int, threads: int) -> None:
    kernel = int8_kernel(vectors, 330, 650)
    kernel.work(threads)
    rng = np.random.default_rng(SEED)
    rows = rng.integers(0, 256, (2, vectors, LANES), dtype=np.uint8).view(np.int8).astype(np.int64)
    tiles = rng.integers(0, 256, (3, 2, LANES, LANES), dtype=np.uint8).view(np.int8).astype(np.int64)
    expected = np.einsum("bmk,cbnk->cmn", rows, tiles, optimize=True)
    assert np.array_equal(kernel.out, expected), f"seed {SEED}"
    assert kernel.macs == vectors * 640 * 960
    assert (kernel.pack is None) == (vectors < 5)


def test_fp16_sums_do_not_depend_on_threads() -> None:
    kernel = fp16_kernel(100, 640, 320)
    kernel.work(1)
    one = kernel.out.copy()
    kernel.out[:] = 0
    kernel.work(2)
    assert one.any()
    assert np.array_equal(kernel.out, one)
