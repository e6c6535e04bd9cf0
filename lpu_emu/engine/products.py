"""Products of activations and weights as the steps need them: packed once, or streamed, for every type."""

from __future__ import annotations

import numpy as np

from lpu_emu.engine._jit import inner
from lpu_emu.engine.kernels.codes import INT8, UINT8
from lpu_emu.engine.kernels.matmul_float import packed_float_words
from lpu_emu.engine.kernels.matmul_int import packed_int_words
from lpu_emu.engine.steps.state import Bytes


@inner
def is_integer(dtype: int) -> bool:
    """Return whether products of a type are int32."""
    return (dtype == INT8) | (dtype == UINT8)


def packed_bytes(dtype: int, lanes: int) -> int:
    """Return the bytes of a packed tile of ``lanes`` rows of ``lanes`` weights."""
    words = packed_int_words(lanes, lanes) if dtype in (INT8, UINT8) else packed_float_words(lanes, lanes)
    return 4 * int(words)


@inner
def plain_product(
    x: Bytes, x_first: int, x_step: int, vectors: int, signed: int, weights: Bytes, out: Bytes, add: int
) -> None:
    """Set or add to int32 ``out`` [vectors, lanes]: any number of lanes, one product after the other."""
    for i in range(vectors):
        for n in range(weights.shape[0]):
            total = out[i, n] if add else np.int32(0)
            for k in range(weights.shape[1]):
                left = np.int32(x[x_first + i * x_step, k])
                if signed and left > 127:
                    left = np.int32(left - 256)
                right = np.int32(weights[n, k])
                if right > 127:
                    right = np.int32(right - 256)
                total = np.int32(total + left * right)
            out[i, n] = total
