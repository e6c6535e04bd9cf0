"""Bytes of every instruction by opcode."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lpu_emu.spec.isa import Isa


def sizes(isa: Isa) -> NDArray[np.int64]:
    """Return int64 [256]: the bytes an instruction takes in program text, 0 where an opcode is none."""
    table = np.zeros(256, dtype=np.int64)
    for instruction in isa.instructions.values():
        table[instruction.opcode] = instruction.layout.size_bytes
    return table
