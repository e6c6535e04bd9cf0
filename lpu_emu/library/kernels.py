"""Kernels and models that ship with the package, and the Python functions that go with a kernel.

``copy.lpu`` may have ``copy.py`` beside it with ``inputs(seed)`` and ``expected(inputs)``; both return arrays
by name. A kernel written in Python has them in its own file. Bundled kernels are found and loaded exactly like a
user's own.
"""

from __future__ import annotations

import functools
import importlib.util
import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from lpu_emu import _resources
from lpu_emu.errors import InputError, did_you_mean
from lpu_emu.library.tensors import Array

if TYPE_CHECKING:
    from lpu_emu.builder.files import KernelFile

_CHIP = re.compile(r"^\s*\.chip\s+(\S+)", re.MULTILINE)
_BUILD = re.compile(r"^def build\(", re.MULTILINE)
_PYTHON_CHIP = re.compile(r"^CHIP = [\"'](\S+)[\"']", re.MULTILINE)
_PYTHON_TITLE = re.compile(r'\A\s*"""(.*?)(?:"""|$)', re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Bundled:
    """A file of the package. ``kind`` is ``"kernel"`` (assembly), ``"python"`` or ``"model"``; a model has no chip."""

    name: str
    kind: str
    title: str
    chip: str
    path: Path


@dataclass(frozen=True, kw_only=True)
class Companion:
    """The functions that go with a kernel; either may be missing.

    ``tolerance`` is by how much outputs may differ from the expected ones, as a share of the largest magnitude.
    """

    path: Path
    inputs: Callable[[int], Mapping[str, Array]] | None
    expected: Callable[[Mapping[str, Array]], Mapping[str, Array]] | None
    tolerance: float = 0.0


def bundled() -> list[Bundled]:
    """Return all bundled kernels (assembly, then Python), then all bundled models, each sorted by name."""
    folder = _resources.kernels_folder()
    kernels = [_kernel(path) for path in sorted(folder.glob("*.lpu"))]
    kernels += [_python_kernel(path) for path in sorted(folder.glob("*.py")) if is_kernel(path)]
    models = [
        Bundled(name=path.stem, kind="model", title="ONNX model", chip="", path=path)
        for path in sorted((folder / "models").glob("*.onnx"))
    ]
    return kernels + models


def find(name: str) -> Bundled:
    """Return a bundled file by name.

    Raises:
        InputError: there is none of that name.
    """
    entries = {entry.name: entry for entry in bundled()}
    if name not in entries:
        hint = did_you_mean(name, entries) or "; lpu-emu kernels list shows them"
        raise InputError(f"no bundled kernel or model {name!r}{hint}")
    return entries[name]


def _kernel(path: Path) -> Bundled:
    text = path.read_text(encoding="utf-8")
    chip = _CHIP.search(text)
    return Bundled(
        name=path.stem, kind="kernel", title=_title(text), chip=chip.group(1) if chip else "", path=path
    )


def is_kernel(path: Path) -> bool:
    """Whether a Python file defines ``build``; the file is read, not run."""
    try:
        return path.suffix == ".py" and _BUILD.search(path.read_text(encoding="utf-8")) is not None
    except (OSError, UnicodeDecodeError):
        return False


def _python_kernel(path: Path) -> Bundled:
    text = path.read_text(encoding="utf-8")
    chip = _PYTHON_CHIP.search(text)
    title = _PYTHON_TITLE.search(text)
    return Bundled(
        name=path.stem,
        kind="python",
        title=title.group(1).strip() if title else "",
        chip=chip.group(1) if chip else "tsp1",
        path=path,
    )


def python_companion(kernel: KernelFile, size: str) -> Companion:
    """Return the functions of a kernel file for one of its sizes; ``expected`` gets the size if it asks for more.

    Raises:
        UsageError: there is no such size.
    """
    _, arguments = kernel.size(size)
    make, expected = kernel.inputs, kernel.expected
    if expected is not None and len(inspect.signature(expected).parameters) > 1:
        expected = functools.partial(expected, **arguments)
    return Companion(
        path=kernel.path,
        inputs=None if make is None else lambda seed: make(seed, **arguments),
        expected=expected,
        tolerance=kernel.tolerance,
    )


def _title(text: str) -> str:
    """Return the first comment of an assembly text."""
    for line in text.splitlines():
        comment = line.strip().lstrip(";#/ ").strip()
        if line.strip()[:1] in (";", "#", "/") and comment:
            return comment
    return ""


def companion(kernel: Path) -> Companion | None:
    """Load the Python file beside a kernel, None when there is none. This runs the file.

    Raises:
        InputError: the file cannot be imported or defines neither function.
    """
    path = kernel.with_suffix(".py")
    if not path.is_file():
        return None
    module = _load(path)
    inputs, expected = getattr(module, "inputs", None), getattr(module, "expected", None)
    if not callable(inputs) and not callable(expected):
        raise InputError(f"{path}: defines neither inputs(seed) nor expected(inputs)")
    return Companion(path=path, inputs=inputs, expected=expected)


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"_lpu_kernel_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise InputError(f"{path}: cannot be imported: {_reason(error)}") from error
    return module


def companion_inputs(beside: Companion, seed: int) -> dict[str, Array]:
    """Return what ``inputs(seed)`` gives.

    Raises:
        InputError: the function fails or does not return arrays by name.
    """
    return _arrays(beside, f"inputs({seed})", beside.inputs, seed)


def companion_expected(beside: Companion, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """Return what ``expected(inputs)`` gives.

    Raises:
        InputError: the function fails or does not return arrays by name.
    """
    arrays = _arrays(beside, "expected(inputs)", beside.expected, dict(inputs))
    if not arrays:
        raise InputError(f"{beside.path}: expected(inputs) gives no output, so there is nothing to compare")
    return arrays


def _arrays(beside: Companion, call: str, function: Any, argument: Any) -> dict[str, Array]:
    try:
        result = function(argument)
    except (Exception, SystemExit) as error:
        raise InputError(f"{beside.path}: {call} failed: {_reason(error)}") from error
    if not isinstance(result, Mapping):
        raise InputError(f"{beside.path}: {call} must return a dict of arrays, not {type(result).__name__}")
    arrays = {str(name): np.asarray(array) for name, array in result.items()}
    for name, array in arrays.items():
        if array.dtype.kind in "OUSmM":
            raise InputError(f"{beside.path}: {call}: {name!r} is no numeric array")
    return arrays


def _reason(error: BaseException) -> str:
    first = (str(error).splitlines() or [""])[0]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__
