"""Whole networks as programs: made with seeded weights, quantised, compiled, and compared with their integer meaning."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lpu_emu.analysis.core import analyse
from lpu_emu.bench.micro.lab import Lab, MeasurementError, Trial

if TYPE_CHECKING:
    from lpu_emu.graph import Graph

PRECISION = "int8"
PICTURE_SEED = 1000


def graph_of(name: str) -> Graph:
    """Return a network of the catalogue in int8.

    Raises:
        MissingExtraError: onnx or ONNX Runtime is not installed.
    """
    from lpu_emu.graph import read_onnx_bytes
    from lpu_emu.library.networks.catalogue import make

    return read_onnx_bytes(make(name, precision=PRECISION).SerializeToString(deterministic=True), name)


def trial_of(lab: Lab, name: str) -> Trial:
    """Return the verified program of a network; a lab that wants values runs it once on a picture.

    Raises:
        MissingExtraError: onnx or ONNX Runtime is not installed.
        MeasurementError: the program has hazards, or its outputs are not what the network means in integers.
        LpuError: the network cannot be compiled for the lab's machine.
    """
    from lpu_emu.compiler import CompileOptions, compile_graph

    graph = graph_of(name)
    program = compile_graph(graph, machine=lab.machine, options=CompileOptions(precision=PRECISION))
    analysis = analyse(program)
    if analysis.hazards:
        raise MeasurementError(f"{name}: {len(analysis.hazards)} hazards in its program")
    trial = Trial(program=program, analysis=analysis)
    if lab.values:
        _run(trial, graph, name)
    lab.keep(name, trial)
    return trial


def _run(trial: Trial, graph: Graph, name: str) -> None:
    from lpu_emu.api import Executable
    from lpu_emu.library.integers import FLOAT_TOLERANCE, integer_outputs, largest_difference
    from lpu_emu.library.networks.catalogue import find
    from lpu_emu.library.networks.images import images

    inputs = {"x": images((1, *find(name).image), PICTURE_SEED)}
    result = Executable(trial.program).run(inputs)
    if result.cycles != trial.cycles:
        raise MeasurementError(f"{name}: {trial.cycles} cycles by analysis, {result.cycles} by execution")
    error = largest_difference(result.outputs, integer_outputs(graph, inputs))
    if error > FLOAT_TOLERANCE:
        raise MeasurementError(
            f"{name}: outputs differ by {error:.2g} of the largest from what the network means in integers"
        )
