"""One point of a sweep: build its program, and say what it costs. Runs in worker processes."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lpu_emu.errors import InputError, LpuError, UsageError, did_you_mean
from lpu_emu.sweep import published

if TYPE_CHECKING:
    from lpu_emu.api import Executable
    from lpu_emu.builder.files import KernelFile
    from lpu_emu.graph.ir import Graph
    from lpu_emu.spec.chip import Chip

Row = dict[str, Any]

METRICS = (
    "cycles",
    "time_us",
    "macs",
    "mxm_ideal_cycles",
    "mxm_utilization",
    "vxm_utilization",
    "mem_utilization",
    "sxm_utilization",
    "sram_bytes",
    "live_bytes",
    "peak_streams",
    "instructions",
    "text_bytes",
    "emulated",
)
ERROR, SECONDS = "error", "seconds"
INTERNAL = "internal error, please report it"
RESULTS = (*METRICS, ERROR, SECONDS)
_SUFFIXES = (".onnx", ".lpu", ".py", ".h5", ".hdf5")


def evaluate(settings: Mapping[str, Any], folder: str) -> Row:
    """Return the results of a point: every metric, or None and an error in one line; and the seconds it took.

    Never raises: a point that fails is a row like any other.
    """
    started = time.perf_counter()
    row: Row = dict.fromkeys(METRICS)
    error = ""
    try:
        row |= _results(settings, Path(folder))
    except LpuError as failure:
        error = str(failure).splitlines()[0]
    except Exception as failure:  # a defect of ours must not end the sweep either
        error = f"{INTERNAL}: {type(failure).__name__}: {failure}"
    return {**row, ERROR: error, SECONDS: round(time.perf_counter() - started, 6)}


def _results(settings: Mapping[str, Any], folder: Path) -> Row:
    if published.is_row(str(settings["target"])):
        return published.measured(settings, folder)
    return _measured(executable_of(settings, folder))


def executable_of(settings: Mapping[str, Any], folder: Path) -> Executable:
    """Build the program of a point; relative paths begin in ``folder``.

    Raises:
        LpuError: the target does not exist, does not fit the chip, or does not go with a setting.
    """
    path = target_path(str(settings["target"]), folder)
    shapes = {k.removeprefix("shape."): _shape(k, v) for k, v in settings.items() if k.startswith("shape.")}
    if "size" in settings and path.suffix != ".py":
        raise UsageError(f"{path.name}: a size goes with kernels written in Python (.py) only")
    if path.suffix == ".onnx":
        return _compiled(path, shapes, settings, folder)
    if shapes or "precision" in settings:
        raise UsageError(f"{path.name}: shapes and precision go with models (.onnx) only")
    if path.suffix == ".py":
        return _kernel(path, settings, folder)
    return _assembled(path, settings, folder)


def target_path(target: str, folder: Path) -> Path:
    """Return the file of a target: a path, or the name of a bundled kernel or model.

    Raises:
        InputError: there is none.
    """
    from lpu_emu.library import kernels

    path = folder / target
    if path.suffix in _SUFFIXES and path.is_file():
        return path
    bundled = {entry.name: entry.path for entry in kernels.bundled()}
    if target in bundled:
        return bundled[target]
    raise InputError(
        f"{target}: no such file, and no bundled kernel or model of that name{did_you_mean(target, bundled)}"
    )


def chip_of(settings: Mapping[str, Any], folder: Path, default: str = "tsp1") -> Chip:
    """Return the chip of a point, with the parameters that the point changes.

    Raises:
        SpecError: no such chip or parameter, or a value that breaks a rule.
    """
    from lpu_emu.spec.chip import load_chip, with_values

    name = str(settings.get("chip", default))
    chip = load_chip(folder / name if name.endswith(".toml") else name)
    values = {k.removeprefix("chip."): v for k, v in settings.items() if k.startswith("chip.")}
    return with_values(chip, values) if values else chip


def _compiled(
    path: Path, shapes: Mapping[str, tuple[int, ...]], settings: Mapping[str, Any], folder: Path
) -> Executable:
    from lpu_emu.api import Executable
    from lpu_emu.compiler import CompileOptions, compile_graph
    from lpu_emu.spec.machine import load_machine

    options = CompileOptions(precision=str(settings.get("precision", "auto")))
    graph = _graph(path, path.stat().st_mtime_ns, tuple(sorted(shapes.items())))
    return Executable(compile_graph(graph, machine=load_machine(chip_of(settings, folder)), options=options))


@lru_cache(maxsize=4)
def _graph(path: Path, changed: int, shapes: tuple[tuple[str, tuple[int, ...]], ...]) -> Graph:
    """Read a model once per worker; ``changed`` is the file's time, so that another content is read again."""
    from lpu_emu.graph import read_onnx

    return read_onnx(path, dict(shapes))


def _kernel(path: Path, settings: Mapping[str, Any], folder: Path) -> Executable:
    """Build a Python kernel in one of its sizes; its own chip counts unless the point has one."""
    from lpu_emu.api import Executable
    from lpu_emu.builder.files import build_program
    from lpu_emu.spec.machine import load_machine

    kernel = _kernel_file(path, path.stat().st_mtime_ns)
    machine = load_machine(chip_of(settings, folder, default=kernel.chip))
    return Executable(build_program(kernel, machine=machine, size=str(settings.get("size", ""))))


@lru_cache(maxsize=4)
def _kernel_file(path: Path, changed: int) -> KernelFile:
    """Run a kernel file once per worker, as :func:`_graph` reads a model."""
    from lpu_emu.builder.files import load_kernel

    return load_kernel(path)


def _assembled(path: Path, settings: Mapping[str, Any], folder: Path) -> Executable:
    """Assemble a text or load a program; its own chip counts unless the point has one."""
    from lpu_emu.api import Executable, load
    from lpu_emu.asm import assemble_file

    varied = any(key == "chip" or key.startswith("chip.") for key in settings)
    if path.suffix == ".lpu":
        own = assemble_file(path)
        if not varied:
            return Executable(own)
        chip = chip_of({"chip": own.machine.chip.name, **settings}, folder)
        return Executable(assemble_file(path, chip=chip))
    if varied:
        raise UsageError(f"{path.name}: a program file is made for one chip, which a sweep cannot change")
    return load(path)


def _shape(key: str, value: Any) -> tuple[int, ...]:
    sizes = str(value).split("x")
    if not all(size.isdigit() and int(size) > 0 for size in sizes):
        raise UsageError(f"{key} = {value!r}: expected sizes of at least 1, as in 1x128")
    return tuple(int(size) for size in sizes)


def _measured(executable: Executable) -> Row:
    from lpu_emu.report import json_report

    errors = [hazard for hazard in executable.hazards if not hazard.is_warning]
    if errors:
        first = errors[0]
        raise UsageError(
            f"{len(errors)} hazards, the first: {first.kind} at {first.resource} in cycle {first.cycle}"
        )
    report = json_report(executable.program, executable.analysis)
    units = report["units"]
    return {
        "cycles": report["cycles"],
        "time_us": report["time_us"],
        "macs": sum(op["macs"] for op in report["ops"]),
        "mxm_ideal_cycles": sum(op["ideal_cycles"] for op in report["ops"]),
        **{f"{unit}_utilization": units[unit]["utilization"] for unit in ("mxm", "vxm", "mem", "sxm")},
        "sram_bytes": report["memory"]["sram_bytes_used"],
        "live_bytes": report["memory"]["peak_live_bytes"],
        "peak_streams": report["streams"]["peak_live"],
        "instructions": report["program"]["instructions"],
        "text_bytes": report["program"]["text_bytes"],
    }
