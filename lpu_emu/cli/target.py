"""What a FILE argument means: a model, an assembly text, a Python kernel, a program file, or a bundled one's name."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lpu_emu import api
from lpu_emu.errors import InputError, ModelError, UsageError, did_you_mean
from lpu_emu.library import kernels

if TYPE_CHECKING:
    from lpu_emu.cli.output import Progress
    from lpu_emu.graph import Graph

Shapes = Sequence[tuple[str, tuple[int, ...]]]
ShapeTable = Mapping[str, tuple[int, ...]]
MODEL, KERNEL, PYTHON, PROGRAM = "model", "kernel", "python", "program"
_KINDS = {".onnx": MODEL, ".lpu": KERNEL, ".py": PYTHON, ".h5": PROGRAM, ".hdf5": PROGRAM}


@dataclass(frozen=True, kw_only=True)
class Request:
    """A FILE argument with the options that say how to turn it into a program.

    ``fallback_shapes`` are used where neither the model nor ``shapes`` says how large an input is. ``size`` is that of
    a Python kernel.
    """

    file: Path
    chip: str | None = None
    precision: str | None = None
    shapes: Shapes = ()
    fallback_shapes: ShapeTable = field(default_factory=dict)
    size: str = ""


@dataclass(frozen=True, kw_only=True)
class Target:
    """A program that is ready to run, where it came from (a model's graph too), and host seconds.

    ``companion`` are the functions of a Python kernel that make inputs and expected outputs.
    """

    kind: str
    path: Path
    executable: api.Executable
    graph: Graph | None = None
    companion: kernels.Companion | None = None
    load_s: float = 0.0
    compile_s: float = 0.0


def locate(file: Path) -> tuple[str, Path]:
    """Return the kind and path of a FILE argument, which may be the name of a bundled kernel or model.

    Raises:
        InputError: there is no such file, it is a folder, or of a kind that cannot be run.
    """
    if not file.exists() or file.is_dir():
        file = _bundled(file)
    if file.suffix == ".py" and file.with_suffix(".lpu").exists() and not kernels.is_kernel(file):
        raise InputError(
            f"{file}: goes with {file.with_suffix('.lpu')}; run that, or define build(k) here to make it a kernel"
        )
    if file.suffix not in _KINDS:
        raise InputError(f"{file}: unknown kind of file {file.suffix!r}; expected {_kinds_text()}")
    return _KINDS[file.suffix], file


def _bundled(file: Path) -> Path:
    entries = {entry.name: entry.path for entry in kernels.bundled()}
    if str(file) in entries:
        return entries[str(file)]
    if file.is_dir():
        raise InputError(f"{file}: is a folder; expected a file: {_kinds_text()}")
    hint = did_you_mean(str(file), entries)
    raise InputError(f"{file}: no such file, and no bundled kernel or model of that name{hint}")


def _kinds_text() -> str:
    return "a model (.onnx), a kernel (.lpu or .py) or a program (.h5)"


def open_target(request: Request, progress: Progress) -> Target:
    """Load, assemble or compile.

    Raises:
        UsageError: options that do not go with the kind of file.
        LpuError: whatever the file has wrong with it.
    """
    kind, path = locate(request.file)
    _require_matching_options(kind, request)
    if kind == MODEL:
        return _compiled(path, request, progress)
    if kind == PYTHON:
        return _built(path, request, progress)
    started = time.perf_counter()
    if kind == KERNEL:
        executable = api.assemble(path, chip=request.chip)
    else:
        executable = api.load(path)
        _require_same_chip(executable, request)
    return Target(kind=kind, path=path, executable=executable, load_s=time.perf_counter() - started)


def _built(path: Path, request: Request, progress: Progress) -> Target:
    from lpu_emu.builder.files import build_program, load_kernel
    from lpu_emu.spec.machine import load_machine

    progress("building the kernel")
    started = time.perf_counter()
    kernel = load_kernel(path)
    read = time.perf_counter()
    beside = kernels.python_companion(kernel, request.size)
    program = build_program(kernel, machine=load_machine(request.chip or kernel.chip), size=request.size)
    return Target(
        kind=PYTHON,
        path=path,
        executable=api.Executable(program),
        companion=beside,
        load_s=read - started,
        compile_s=time.perf_counter() - read,
    )


def _compiled(path: Path, request: Request, progress: Progress) -> Target:
    from lpu_emu.compiler import CompileOptions, compile_graph
    from lpu_emu.spec.machine import load_machine

    machine = load_machine(request.chip or "tsp1")
    progress("reading the model")
    started = time.perf_counter()
    graph = _graph(path, _shape_table(request.shapes), request.fallback_shapes)
    read = time.perf_counter()
    options = CompileOptions(precision=request.precision or "auto")
    program = compile_graph(graph, machine=machine, options=options, progress=progress)
    return Target(
        kind=MODEL,
        path=path,
        executable=api.Executable(program),
        graph=graph,
        load_s=read - started,
        compile_s=time.perf_counter() - read,
    )


def _graph(path: Path, shapes: ShapeTable, fallback: ShapeTable) -> Graph:
    """Read a model; the shapes of given tensors settle what the file and ``--shape`` leave open."""
    from lpu_emu.graph import read_onnx

    try:
        return read_onnx(path, shapes)
    except ModelError:
        # An archive may hold more than inputs, so if all of its shapes together are refused, each is tried.
        for guess in (fallback, *({name: shape} for name, shape in fallback.items())) if fallback else ():
            with contextlib.suppress(ModelError):
                return read_onnx(path, {**guess, **shapes})
        raise


def _shape_table(shapes: Shapes) -> dict[str, tuple[int, ...]]:
    table: dict[str, tuple[int, ...]] = {}
    for name, shape in shapes:
        if table.setdefault(name, shape) != shape:
            raise UsageError(f"--shape gives {name!r} two different shapes")
    return table


def _require_matching_options(kind: str, request: Request) -> None:
    if request.size and kind != PYTHON:
        raise UsageError(
            f"--size goes with a kernel written in Python (.py); {request.file} is {_article(kind)}"
        )
    if kind == MODEL:
        return
    for option, value in (("--precision", request.precision), ("--shape", request.shapes)):
        if value:
            raise UsageError(f"{option} goes with a model (.onnx); {request.file} is {_article(kind)}")


def _require_same_chip(executable: api.Executable, request: Request) -> None:
    if request.chip is None:
        return
    from lpu_emu.spec.chip import load_chip

    if load_chip(request.chip).digest != executable.program.machine.chip.digest:
        raise UsageError(
            f"{request.file} was made for chip {executable.chip}, not for {request.chip}; leave --chip out"
        )


def _article(kind: str) -> str:
    names = {
        MODEL: "a model",
        KERNEL: "an assembly text",
        PYTHON: "a Python kernel",
        PROGRAM: "a program file",
    }
    return names[kind]
