"""lpu-emu: a cycle-exact, bit-exact emulator, assembler and compiler for Language Processing Units.

Names of the Python interface are imported when they are first used, so that importing the package is quick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lpu_emu.api import Executable, Report, assemble, compile, load
    from lpu_emu.errors import LpuError
    from lpu_emu.program.result import RunResult

__version__ = "0.1.0"
__all__ = ["Executable", "LpuError", "Report", "RunResult", "__version__", "assemble", "compile", "load"]

_HOMES = {
    "Executable": "lpu_emu.api",
    "LpuError": "lpu_emu.errors",
    "Report": "lpu_emu.api",
    "RunResult": "lpu_emu.program.result",
    "assemble": "lpu_emu.api",
    "compile": "lpu_emu.api",
    "load": "lpu_emu.api",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'lpu_emu' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
