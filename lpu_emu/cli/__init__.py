"""The command line: the only part of the package that prints and exits."""

from __future__ import annotations

from lpu_emu.cli.app import cli, main

__all__ = ["cli", "main"]
