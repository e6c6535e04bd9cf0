"""What steps work on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lpu_emu.analysis.lattice import Ints

Bytes = NDArray[np.uint8]


class State(NamedTuple):
    """The bytes and tables of an execution; tables as in :mod:`lpu_emu.engine.columns`.

    ``memory`` is flat, ``grid`` the same bytes as rows of lanes. Besides SRAM and results it holds four zero
    vectors at ``zeros``, four little-endian bytes for each op at ``immediates``, three places of ``room`` bytes for
    each thread at ``scratch`` that hold an operand of any step.
    ``each`` is the number of lanes of a superlane, ``team`` the number of threads, who meet at the ``board``.
    ``found`` describes the first fault, see :mod:`lpu_emu.engine.steps.faults`.
    """

    memory: Bytes
    grid: Bytes
    ops: Ints
    steps: Ints
    sources: Ints
    rows: Ints
    tiles: Ints
    found: Ints
    board: Ints
    zeros: int
    immediates: int
    scratch: int
    room: int
    each: int
    team: int
