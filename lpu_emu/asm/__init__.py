"""Assembly text to programs and back. ``docs/assembly.md`` describes the language."""

from __future__ import annotations

from lpu_emu.asm.assembler import assemble, assemble_file
from lpu_emu.asm.disassembler import disassemble

__all__ = ["assemble", "assemble_file", "disassemble"]
