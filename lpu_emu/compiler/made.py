"""Which tensors of a model its compiled form makes as such, and which vanish inside a step."""

from __future__ import annotations

from lpu_emu.compiler.geometry import Geometry
from lpu_emu.compiler.lower.kernels import KernelBuilder
from lpu_emu.compiler.passes import run_passes
from lpu_emu.graph.ir import Graph
from lpu_emu.spec.machine import Machine


def made_tensors(graph: Graph, machine: Machine, precision: str) -> tuple[str, ...]:
    """Return the results of a graph's nodes that lie in memory when the compiled model runs, in order of execution.

    Raises:
        ModelError: the model uses what the compiler does not know.
    """
    prepared = run_passes(graph, precision)
    lowered = KernelBuilder(graph=prepared, geometry=Geometry(machine), precision=precision).build()
    return tuple(kernel.target.name for kernel in lowered.kernels if kernel.target.name in graph.producers)
