"""Tests of the assembler and the disassembler."""
