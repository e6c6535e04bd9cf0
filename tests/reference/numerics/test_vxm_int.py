"""Integer operations against Python integers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from lpu_emu.reference.numerics.dtypes import DTYPES
from lpu_emu.reference.numerics.vxm import BINARY, SUPPORTED, UNARY

from .oracles import INT_NAMES, Array, every_pattern, fit_int, int_range

ARITHMETIC: dict[str, Callable[[int, int, int], int]] = {
    "add": lambda x, y, bits: x + y,
    "sub": lambda x, y, bits: x - y,
    "mul": lambda x, y, bits: x * y,
    "shl": lambda x, y, bits: x << (y % bits),
}
PLAIN: dict[str, Callable[[int, int, int], int]] = {
    "max": lambda x, y, bits: max(x, y),
    "min": lambda x, y, bits: min(x, y),
    "and": lambda x, y, bits: x & y,
    "or": lambda x, y, bits: x | y,
    "xor": lambda x, y, bits: x ^ y,
    "shr": lambda x, y, bits: x >> (y % bits),
    "eq": lambda x, y, bits: int(x == y),
    "ne": lambda x, y, bits: int(x != y),
    "gt": lambda x, y, bits: int(x > y),
    "ge": lambda x, y, bits: int(x >= y),
    "lt": lambda x, y, bits: int(x < y),
    "le": lambda x, y, bits: int(x <= y),
    "mask": lambda x, y, bits: x if y & 0xFF else 0,
}
ONE: dict[str, Callable[[int], int]] = {
    "copy": lambda x: x,
    "neg": lambda x: -x,
    "abs": abs,
    "not": lambda x: ~x,
    "relu": lambda x: max(x, 0),
}


def _pairs(dtype: str) -> tuple[Array, Array]:
    """All pairs of a one-byte type; corners and seeded values of a wider one."""
    if DTYPES[dtype].bytes == 1:
        x, y = np.meshgrid(every_pattern(dtype), every_pattern(dtype))
        return x.ravel(), y.ravel()
    low, high = int_range(dtype)
    rng = np.random.default_rng(21)
    corners = [low, low + 1, -256, -1, 0, 1, 31, 32, 256, high - 1, high]
    grid = np.array(np.meshgrid(corners, corners)).reshape(2, -1)
    wide = rng.integers(low, high + 1, (2, 4000)) >> rng.integers(0, 8 * DTYPES[dtype].bytes, (2, 4000))
    both = np.concatenate([grid, wide], axis=1).astype(DTYPES[dtype].numpy)
    return both[0], both[1]


@pytest.mark.parametrize("saturate", [False, True])
@pytest.mark.parametrize("dtype", INT_NAMES)
@pytest.mark.parametrize("op", [*ARITHMETIC, *PLAIN])
def test_binary_equals_python_integers(op: str, dtype: str, saturate: bool) -> None:
    x, y = _pairs(dtype)
    exact, bits = (ARITHMETIC | PLAIN)[op], DTYPES[dtype].bits
    found = BINARY[op](x, y, dtype, saturate)
    assert found.dtype == DTYPES[dtype].numpy
    expected = [exact(a, b, bits) for a, b in zip(x.tolist(), y.tolist(), strict=True)]
    if op in ARITHMETIC:
        expected = [fit_int(value, dtype, saturate) for value in expected]
    assert found.tolist() == expected, "seed 21"


@pytest.mark.parametrize("saturate", [False, True])
@pytest.mark.parametrize("dtype", INT_NAMES)
@pytest.mark.parametrize("op", ONE)
def test_unary_equals_python_integers(op: str, dtype: str, saturate: bool) -> None:
    x, _ = _pairs(dtype)
    found = UNARY[op](x, dtype, saturate)
    assert found.dtype == DTYPES[dtype].numpy
    fitted = saturate and op != "not"  # inverting uint8 bits is no overflow
    assert found.tolist() == [fit_int(ONE[op](value), dtype, fitted) for value in x.tolist()], "seed 21"


def test_the_tables_above_cover_every_integer_operation() -> None:
    for dtype in INT_NAMES:
        assert {op for op, types in SUPPORTED.items() if dtype in types} == {*ARITHMETIC, *PLAIN, *ONE}
