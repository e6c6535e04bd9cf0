"""Accumulator rows of the MXM: what arrives replaces a row or is added to it, in order."""

from __future__ import annotations

from typing import Any

import numpy as np

from lpu_emu.engine._jit import inner, jit
from lpu_emu.engine.kernels.bits import Array, bits_float, float_bits, word

_NAN = 0x7FC00000


@inner
def sum_of_patterns(x: int, y: int) -> Any:
    """Return the pattern of the float32 sum of two patterns, every NaN as the one quiet NaN."""
    total = np.float32(bits_float(x) + bits_float(y))
    return word(_NAN) if total != total else float_bits(total)


@inner
def _add_integers(products: Array, row: Array) -> None:
    for i in range(row.size):
        total = np.int32(row[i] + products[i])
        row[i] = total
        products[i] = total


@inner
def _add_floats(products: Array, row: Array) -> None:
    for i in range(row.size):
        total = sum_of_patterns(row[i], products[i])
        row[i] = total
        products[i] = total


@inner
def _set(products: Array, row: Array) -> None:
    for i in range(row.size):
        row[i] = products[i]


@jit
def accumulate(is_float: int, add: int, products: Array, rows: Array, first: int, step: int) -> None:
    """Take products in order into accumulator rows: product i into row ``first + i * step``.

    ``products`` and ``rows`` are ``int32[_, lanes]``, float32 patterns when ``is_float`` is 1. A product replaces
    its row or, with ``add`` 1, is added to it; then ``products`` holds the row as it is after that, which is what
    leaves the unit. Rows may repeat (a step of 0 sums up).
    """
    for i in range(products.shape[0]):
        row = rows[first + i * step]
        if not add:
            _set(products[i], row)
        elif is_float:
            _add_floats(products[i], row)
        else:
            _add_integers(products[i], row)
