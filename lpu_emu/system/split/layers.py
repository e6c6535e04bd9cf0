"""Feed-forward layers as programs on an LPU: compiled once, kept in an SRAM each, run for every token."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lpu_emu.compiler import CompileOptions, compile_graph
from lpu_emu.graph.ir import Graph, Node, ValueInfo
from lpu_emu.program.model import Program
from lpu_emu.spec.machine import Machine

Array = NDArray[Any]
_STEPS = (
    ("MatMul", "gate", ("x", "gate_weights")),
    ("MatMul", "up", ("x", "up_weights")),
    ("Sigmoid", "open", ("gate",)),
    ("Mul", "act", ("gate", "open")),
    ("Mul", "inner", ("act", "up")),
    ("MatMul", "y", ("inner", "down_weights")),
)


def gated_graph(layer: Mapping[str, Array], name: str) -> Graph:
    """Return the graph of a gated layer for one row, with its weights."""
    gate, up = np.split(layer["gate_up"], 2, axis=1)
    constants = {"gate_weights": gate, "up_weights": up, "down_weights": layer["down"]}
    hidden, width = gate.shape
    shapes = {n: (1, hidden if n in ("x", "y") else width) for n in ("x", *(step[1] for step in _STEPS))}
    shapes |= {n: array.shape for n, array in constants.items()}
    return Graph(
        name=name,
        inputs=("x",),
        outputs=("y",),
        values={n: ValueInfo(name=n, dtype=np.dtype(np.float32), shape=shape) for n, shape in shapes.items()},
        constants=constants,
        nodes=tuple(
            Node(name=out, op_type=kind, domain="", opset=17, inputs=inputs, outputs=(out,))
            for kind, out, inputs in _STEPS
        ),
        source=name,
    ).verify()


class LpuLayer:
    """One layer on one LPU: ``cycles`` of a run, and the run itself."""

    def __init__(self, layer: Mapping[str, Array], name: str, machine: Machine, engine: str) -> None:
        self.program: Program = compile_graph(
            gated_graph(layer, name), machine=machine, options=CompileOptions(precision="fp16")
        )
        self.cycles = int(self.program.attributes["predicted_cycles"])
        self._run = _runner(self.program, engine)

    def __call__(self, x: Array) -> Array:
        """Return the layer's result for x [1, hidden], float32."""
        return self._run(x)


def _runner(program: Program, engine: str) -> Callable[[Array], Array]:
    if engine == "reference":
        from lpu_emu import reference

        return lambda x: np.asarray(reference.run(program, {"x": x}).outputs["y"])
    from lpu_emu import engine as fast

    session = fast.prepare(program).session(threads=1)
    return lambda x: np.array(session.run({"x": x}).outputs["y"])
