"""lpu-emu: a cycle-exact, bit-exact emulator, assembler and compiler for Language Processing Units."""

__version__ = "0.1.0"
