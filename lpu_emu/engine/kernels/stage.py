"""Activation rows as the integer tiles want them."""

from __future__ import annotations

import numpy as np

from lpu_emu.engine._jit import inner
from lpu_emu.engine.kernels import moves
from lpu_emu.engine.kernels.bits import Array
from lpu_emu.engine.kernels.int_tiles import RAISED


@inner
def _raise(x: Array, out: Array) -> None:
    for i in range(x.size):
        out[i] = x[i] ^ np.uint8(0x80)


@inner
def _widen(x: Array, out: Array) -> None:
    for i in range(x.size):
        out[i] = x[i]


@inner
def stage_row(x: Array, signed: int, out: Array) -> None:
    """Stage a row of int8 (``signed`` 1) or uint8 activations: raised to uint8, or widened to int16."""
    if RAISED:
        if signed:
            _raise(x, out)
        else:
            moves.copy(x, out)
    elif signed:
        _widen(x.view(np.int8), out)
    else:
        _widen(x, out)
