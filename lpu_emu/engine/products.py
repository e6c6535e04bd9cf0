"""Products of activations and weights as the steps need them: packed once, or streamed, for every type."""

from __future__ import annotations

import numpy as np

from lpu_emu.analysis.lattice import Ints
from lpu_emu.engine._jit import inner
from lpu_emu.engine.kernels.codes import INT8, UINT8
from lpu_emu.engine.kernels.matmul_float import float_panels, packed_float_words
from lpu_emu.engine.kernels.matmul_int import int_panels, packed_int_words
from lpu_emu.engine.steps.state import Bytes


@inner
def is_integer(dtype: int) -> bool:
    """Return whether products of a type are int32."""
    return (dtype == INT8) | (dtype == UINT8)


@inner
def panels_of(dtype: int, lanes: int) -> int:
    """Return how many panels a packed tile has."""
    return int_panels(lanes) if is_integer(dtype) else float_panels(lanes)


@inner
def packed_size(dtype: int, lanes: int) -> int:
    """Return the bytes of a packed tile of ``lanes`` rows of ``lanes`` weights."""
    return 4 * packed_int_words(lanes, lanes) if is_integer(dtype) else 8 * packed_float_words(lanes, lanes)


def packed_bytes(dtype: int, lanes: int) -> int:
    """Return what ``packed_size`` does, to callers that are not compiled."""
    is_int = dtype in (INT8, UINT8)
    return int(4 * packed_int_words(lanes, lanes) if is_int else 8 * packed_float_words(lanes, lanes))


@inner
def plain_product(
    x: Bytes,
    x_first: int,
    x_step: int,
    signed: int,
    memory: Bytes,
    rows: Ints,
    before: Bytes,
    before_step: int,
    out: Bytes,
    add: int,
) -> None:
    """Do what ``stream_int`` does for any number of lanes and vectors, one product after the other."""
    for i in range(out.shape[0]):
        for n in range(out.shape[1]):
            total = before[i * before_step, n] if add else np.int32(0)
            for k in range(x.shape[1]):
                left = np.int32(x[x_first + i * x_step, k])
                if signed and left > 127:
                    left = np.int32(left - 256)
                right = np.int32(memory[rows[n] + k])
                if right > 127:
                    right = np.int32(right - 256)
                total = np.int32(total + left * right)
            out[i, n] = total
