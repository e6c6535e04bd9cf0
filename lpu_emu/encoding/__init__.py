"""Instruction text as bytes, both directions from the layouts of the instruction set."""

from __future__ import annotations

from lpu_emu.encoding.bits import Columns
from lpu_emu.encoding.decode import decode
from lpu_emu.encoding.encode import encode
from lpu_emu.encoding.sizes import sizes

__all__ = ["Columns", "decode", "encode", "sizes"]
