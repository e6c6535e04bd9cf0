"""What the host itself can do: NumPy's matrix products and how fast memory is read and copied."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from lpu_emu.bench.host.measure import Work, in_turns

_SIZE, _QUICK_SIZE = 1536, 256
_BYTES, _QUICK_BYTES = 256 << 20, 1 << 20


def host_rates(*, threads: int, quick: bool, patience_s: float = 0.0) -> dict[str, Any]:
    """Return rates of this host: FLOP/s of square products, bytes/s of memory (a copy counts both ways)."""
    size, room = (_QUICK_SIZE, _QUICK_BYTES) if quick else (_SIZE, _BYTES)
    works = {
        "float32_flops_per_s": _product(size, np.float32),
        "float64_flops_per_s": _product(size, np.float64),
        "copy_bytes_per_s": _copy(room, threads),
        "read_bytes_per_s": _read(room, threads),
    }
    amounts = {
        "float32_flops_per_s": 2 * size**3,
        "float64_flops_per_s": 2 * size**3,
        "copy_bytes_per_s": 2 * room,
        "read_bytes_per_s": room,
    }
    taken = in_turns(works, turns=1 if quick else 5, patience_s=patience_s)
    rates: dict[str, Any] = {name: amount / taken.best(name) for name, amount in amounts.items()}
    return {**rates, "others": taken.others}


def _product(size: int, dtype: type[np.floating[Any]]) -> Work:
    a, b = (np.random.default_rng(seed).standard_normal((size, size)).astype(dtype) for seed in (1, 2))
    return lambda: a @ b


def _copy(room: int, threads: int) -> Work:
    source, target = np.ones(room // 8), np.zeros(room // 8)
    return lambda: _shared(threads, lambda part: np.copyto(target[part], source[part]), room // 8)


def _read(room: int, threads: int) -> Work:
    source = np.ones(room // 8, dtype=np.uint64)
    return lambda: _shared(threads, lambda part: np.bitwise_or.reduce(source[part]), room // 8)


def _shared(threads: int, call: Any, count: int) -> None:
    parts = [slice(count * t // threads, count * (t + 1) // threads) for t in range(threads)]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(call, parts))
