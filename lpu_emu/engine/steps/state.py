"""What steps work on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lpu_emu.analysis.lattice import Ints

Bytes = NDArray[np.uint8]


class State(NamedTuple):
    """The bytes and tables of an execution; tables as in :mod:`lpu_emu.engine.columns`.

    ``memory`` is flat, ``grid`` the same bytes as rows of lanes and ``halves`` as rows of half as many.
    ``immediates`` [ops, 4] are little-endian. ``scratch`` [3, bytes] each hold an operand of any step,
    ``weights`` the rows of a tile. ``found`` describes the first fault: whether there is one, its cycle and
    phase, its dispatch cycle, op, element, and two numbers that say more.
    """

    memory: Bytes
    grid: Bytes
    halves: Bytes
    ops: Ints
    steps: Ints
    sources: Ints
    rows: Ints
    tiles: Ints
    immediates: Bytes
    scratch: Bytes
    weights: Bytes
    found: Ints
