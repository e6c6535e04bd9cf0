"""The compiler from end to end: graph, passes, kernels, schedule, program, check."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from lpu_emu.analysis.core import analyse
from lpu_emu.compiler.capacity import require_tiles_fit, require_weights_fit
from lpu_emu.compiler.emit.assemble import assemble_program
from lpu_emu.compiler.geometry import Geometry
from lpu_emu.compiler.lower.apart import separate
from lpu_emu.compiler.lower.elementwise import run_elementwise
from lpu_emu.compiler.lower.kernel import Kernel, Lowered
from lpu_emu.compiler.lower.kernels import KernelBuilder
from lpu_emu.compiler.lower.matmul import run_matmul
from lpu_emu.compiler.lower.rows import run_rows
from lpu_emu.compiler.lower.session import Session
from lpu_emu.compiler.lower.softmax import run_softmax
from lpu_emu.compiler.lower.windowmax import run_window_max
from lpu_emu.compiler.options import CompileOptions
from lpu_emu.compiler.passes import INT8, choose_precision, run_passes
from lpu_emu.errors import CompileError
from lpu_emu.graph.ir import Graph
from lpu_emu.graph.onnx_reader import read_onnx
from lpu_emu.program.model import Program
from lpu_emu.program.validate import require_valid
from lpu_emu.spec.machine import Machine

Progress = Callable[[str, float], None]
# Shares of the whole in reports of progress.
_AFTER_PASSES, _AFTER_SCHEDULE, _AFTER_EMISSION = 0.1, 0.8, 0.9
_RUN: Mapping[str, Callable[[Session, Kernel, int], None]] = {
    "pointwise": run_elementwise,
    "linear": run_matmul,
    "softmax": run_softmax,
    "window_max": run_window_max,
    "rows": run_rows,
}


def compile_onnx(
    path: Path | str,
    *,
    machine: Machine,
    options: CompileOptions | None = None,
    progress: Progress | None = None,
) -> Program:
    """Compile an ONNX file; ``options.shapes`` gives sizes to open dimensions.

    Raises:
        MissingExtraError: the package onnx is not installed.
        ModelError: the file cannot be read, or uses what the compiler does not know.
        CompileError: the model does not fit the chip.
    """
    options = options or CompileOptions()
    return compile_graph(read_onnx(path, options.shapes), machine=machine, options=options, progress=progress)


def compile_graph(
    graph: Graph, *, machine: Machine, options: CompileOptions | None = None, progress: Progress | None = None
) -> Program:
    """Compile a graph into a program for a machine. The same graph, machine and options give the same program.

    ``progress`` is called with what is being done and the share of the work that is over, 0 to 1.

    Raises:
        ModelError: the model uses what the compiler does not know; all such places are listed.
        CompileError: the model does not fit the chip; or, saying so, an internal error.
    """
    options = options or CompileOptions()
    report = progress or _silent
    precision = choose_precision(graph, options.precision)
    _require_quantised(graph, precision)
    report("passes", 0.0)
    prepared = run_passes(graph, precision)
    return compile_prepared(prepared, machine=machine, precision=precision, options=options, progress=report)


def compile_prepared(
    graph: Graph,
    *,
    machine: Machine,
    precision: str,
    options: CompileOptions | None = None,
    progress: Progress | None = None,
) -> Program:
    """Compile a graph that the passes have been over, or one that was made of their operators.

    Raises:
        ModelError: some operators contradict each other about how a tensor lies in memory.
        CompileError: the model does not fit the chip; or, saying so, an internal error.
    """
    options = options or CompileOptions()
    report = progress or _silent
    geometry = Geometry(machine)
    require_weights_fit(graph, geometry, precision)
    lowered = KernelBuilder(graph=graph, geometry=geometry, precision=precision).build()
    require_tiles_fit(graph.source, lowered.kernels, geometry, precision)
    session = _schedule(geometry, lowered, report)
    report("emission", _AFTER_SCHEDULE)
    program = assemble_program(session, lowered, graph, name=options.name or graph.name, precision=precision)
    if options.verify:
        report("verification", _AFTER_EMISSION)
        _verify(program)
    report("done", 1.0)
    return program


def _silent(what: str, share: float) -> None:
    """Report nothing."""


def _require_quantised(graph: Graph, precision: str) -> None:
    if precision == INT8 and choose_precision(graph, "auto") != INT8:
        raise CompileError(
            f"{graph.source}: precision int8 needs a quantised model, and this one has no QuantizeLinear or "
            f"DequantizeLinear node; quantise it first (QDQ form, zero points 0), or compile it as fp16"
        )


def _schedule(geometry: Geometry, lowered: Lowered, report: Progress) -> Session:
    session = Session(geometry, lowered)
    for kernel in lowered.kernels:
        separate(session, kernel)
    last_reader = {name: i for i, kernel in enumerate(lowered.kernels) for name in kernel.reads}
    leaving = set(lowered.leaving)
    for i, kernel in enumerate(lowered.kernels):
        share = i / len(lowered.kernels)
        report(f"scheduling {kernel.target.name}", _AFTER_PASSES + (_AFTER_SCHEDULE - _AFTER_PASSES) * share)
        _RUN[kernel.kind](session, kernel, i)
        for name in kernel.reads:
            if last_reader[name] == i and name not in leaving:
                session.release(lowered.tensors[name])
    return session


def _verify(program: Program) -> None:
    """Check that a program is valid, without hazards, and takes as many cycles as were predicted."""
    require_valid(program)
    analysis = analyse(program)
    predicted = int(program.attributes["predicted_cycles"])
    if analysis.hazards:
        first = analysis.hazards[0]
        raise CompileError(
            f"internal error of the compiler, please report it: program {program.name!r} has "
            f"{len(analysis.hazards)} hazards, the first: {first.kind} at {first.resource} in cycle {first.cycle}, "
            f"{first.first} and {first.second}"
        )
    if analysis.cycles != predicted:
        raise CompileError(
            f"internal error of the compiler, please report it: program {program.name!r} takes {analysis.cycles} "
            f"cycles, {predicted} were predicted"
        )
