"""The meaning of every instruction, one function each, by unit. Importing this package fills the registry."""

from __future__ import annotations

from lpu_emu.reference.semantics import c2c, icu, mem, mxm, sxm, vxm

__all__ = ["c2c", "icu", "mem", "mxm", "sxm", "vxm"]
