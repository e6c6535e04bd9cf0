"""The compiler: from a tensor graph or an ONNX file to a program in which every cycle is decided."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lpu_emu.compiler.driver import compile_graph, compile_onnx
    from lpu_emu.compiler.options import CompileOptions

__all__ = ["CompileOptions", "compile_graph", "compile_onnx"]

_HOMES = {
    "CompileOptions": "lpu_emu.compiler.options",
    "compile_graph": "lpu_emu.compiler.driver",
    "compile_onnx": "lpu_emu.compiler.driver",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'lpu_emu.compiler' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
