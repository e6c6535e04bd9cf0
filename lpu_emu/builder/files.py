"""Kernel files: a Python file with ``build`` and, beside it, sizes, inputs and what to expect.

A bundled file is loaded exactly like a user's own.
"""

from __future__ import annotations

import ast
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from lpu_emu.builder.assembly import finish
from lpu_emu.builder.kernel import Kernel
from lpu_emu.builder.location import Place, error
from lpu_emu.errors import InputError, KernelError, LpuError, UsageError, did_you_mean
from lpu_emu.program.model import Program
from lpu_emu.spec.machine import Machine

DEFAULT_CHIP = "tsp1"
DEFAULT_SIZE = "default"


@dataclass(frozen=True, kw_only=True, eq=False)
class KernelFile:
    """What a kernel file defines.

    ``sizes`` are arguments of ``build`` by name, the first is the default; ``cycles`` what each takes, as far as the
    file says; ``tolerance`` by how much outputs may differ from ``expected(inputs)``: a share of the largest magnitude.
    """

    path: Path
    title: str
    chip: str
    sizes: Mapping[str, Mapping[str, Any]]
    build: Callable[..., None]
    inputs: Callable[..., Any] | None
    expected: Callable[..., Any] | None
    tolerance: float
    cycles: Mapping[str, int] = field(default_factory=dict)

    def size(self, text: str = "") -> tuple[str, dict[str, Any]]:
        """Return name and arguments of a size: ``""`` the first, a name, or ``rows=8,columns=3`` to change the first.

        Raises:
            UsageError: there is no such size, or no such argument.
        """
        first = next(iter(self.sizes))
        if not text:
            return first, dict(self.sizes[first])
        if "=" not in text:
            if text not in self.sizes:
                hint = did_you_mean(text, self.sizes)
                raise UsageError(f"{self.path} has no size {text!r}; sizes: {', '.join(self.sizes)}{hint}")
            return text, dict(self.sizes[text])
        return text, {**self.sizes[first], **self._changes(text)}

    def _changes(self, text: str) -> dict[str, Any]:
        first = self.sizes[next(iter(self.sizes))]
        changes: dict[str, Any] = {}
        for item in text.split(","):
            name, _, value = item.partition("=")
            if name.strip() not in first:
                known = ", ".join(first) or "none"
                hint = did_you_mean(name.strip(), first)
                raise UsageError(f"{self.path}: no size argument {name.strip()!r}; arguments: {known}{hint}")
            changes[name.strip()] = _literal(value.strip())
        return changes


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def load_kernel(path: Path) -> KernelFile:
    """Load a kernel file. This runs it.

    Raises:
        InputError: there is no such file, or it is no text.
        KernelError: it cannot be imported, has no ``build``, or something it defines is of the wrong kind.
    """
    module = _load(path)
    place = Place(file=str(path), line=1)
    build = getattr(module, "build", None)
    if not callable(build):
        raise error(
            place, "this file defines no build(k, **size)", hint="docs/kernels.md shows how to write one"
        )
    sizes = getattr(module, "SIZES", {DEFAULT_SIZE: {}})
    if not _is_sizes(sizes):
        raise error(
            place, 'SIZES is no dict such as {"small": {"rows": 8}}', hint="name arguments of build by size"
        )
    cycles = getattr(module, "CYCLES", {})
    tolerance = getattr(module, "TOLERANCE", 0.0)
    if not isinstance(tolerance, int | float) or not isinstance(cycles, Mapping):
        raise error(place, "TOLERANCE must be a number and CYCLES a dict by size", hint="or leave them out")
    return KernelFile(
        path=path,
        title=title_of(path.read_text(encoding="utf-8")),
        chip=str(getattr(module, "CHIP", DEFAULT_CHIP)),
        sizes=sizes,
        build=build,
        inputs=_function(module, "inputs", place),
        expected=_function(module, "expected", place),
        tolerance=float(tolerance),
        cycles=cycles,
    )


def _is_sizes(sizes: object) -> bool:
    if not isinstance(sizes, Mapping) or not sizes:
        return False
    return all(isinstance(n, str) and isinstance(s, Mapping) for n, s in sizes.items())


def _function(module: ModuleType, name: str, place: Place) -> Callable[..., Any] | None:
    found = getattr(module, name, None)
    if found is not None and not callable(found):
        raise error(place, f"{name} is no function", hint="see docs/kernels.md")
    return found


def title_of(text: str) -> str:
    """Return the first line of the docstring of a Python text, empty if it has none or is no Python."""
    try:
        doc = ast.get_docstring(ast.parse(text)) or ""
    except (SyntaxError, ValueError):
        return ""
    return doc.splitlines()[0] if doc else ""


def _load(path: Path) -> ModuleType:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as cause:
        raise InputError(f"{path}: cannot be read as text: {cause}") from cause
    module = ModuleType(f"_lpu_kernel_{path.stem}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # dataclasses look their module up there
    try:
        exec(compile(text, str(path), "exec"), module.__dict__)
    except LpuError:
        raise
    except (Exception, SystemExit) as cause:
        raise _failure(path, cause) from cause
    return module


def build_program(kernel: KernelFile, *, machine: Machine, size: str = "") -> Program:
    """Run ``build`` of a kernel file for a size and return the program.

    Raises:
        UsageError: there is no such size.
        KernelError: at a line of the file: what it asks for is impossible, or its own code failed.
    """
    name, arguments = kernel.size(size)
    k = Kernel(machine, name=kernel.path.stem, file=str(kernel.path))
    try:
        kernel.build(k, **arguments)
    except LpuError:
        raise
    except (Exception, SystemExit) as cause:
        raise _failure(kernel.path, cause) from cause
    shown = ", ".join(f"{key}={value}" for key, value in arguments.items())
    return finish(k, attributes={"size": name, "arguments": shown})


def _failure(path: Path, cause: BaseException) -> KernelError:
    """Return an error at the last line of the file that was being executed."""
    reason = f"{type(cause).__name__}: {str(cause).splitlines()[0]}" if str(cause) else type(cause).__name__
    if isinstance(cause, SyntaxError) and cause.filename == str(path):
        return error(Place(file=str(path), line=cause.lineno or 1), f"SyntaxError: {cause.msg}")
    lines = [
        frame.lineno for frame in traceback.extract_tb(cause.__traceback__) if frame.filename == str(path)
    ]
    return error(Place(file=str(path), line=(lines[-1] if lines else 1) or 1), reason)
