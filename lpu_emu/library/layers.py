"""Which layer of a model departs first: every layer's result on the chip beside what it should be.

The tensors that the compiled program makes anyway become outputs of the model. Each is compared twice: with what the
model computes from the inputs, where errors of earlier layers add up, and with what its own layer computes from the
tensors that the chip handed to it. The second comparison judges; the first says how far the whole has drifted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lpu_emu.compiler import CompileOptions, compile_graph
from lpu_emu.compiler.made import made_tensors
from lpu_emu.compiler.passes import choose_precision
from lpu_emu.errors import CompileError
from lpu_emu.graph import Graph, Node
from lpu_emu.library import judge, oracle
from lpu_emu.library.checks import Tolerance, Verdict, compare
from lpu_emu.library.layer_oracle import expected_tensors
from lpu_emu.library.tensors import Array
from lpu_emu.program.model import Program
from lpu_emu.program.result import RunResult
from lpu_emu.spec.machine import Machine

Run = Callable[[Program, Mapping[str, Array]], RunResult]
# One rounding of an integer result may fall to either side: one step passes, two do not.
_STEPS = 1.5


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One layer: its result's name, the operators of the model that it covers, and both comparisons.

    ``local`` compares with what the layer computes from the chip's own tensors, ``whole`` with what the model computes
    from the inputs.
    """

    tensor: str
    kinds: str
    dtype: str
    shape: tuple[int, ...]
    local: Verdict
    whole: Verdict

    @property
    def departs(self) -> bool:
        """Whether the layer itself computes something else."""
        return not self.local.passed


@dataclass(frozen=True, kw_only=True)
class LayerCheck:
    """All layers in order of execution, and who computed what they should be.

    ``unseen`` are tensors that could not be made outputs; the layers behind them cover them.
    """

    layers: tuple[Layer, ...]
    against: str
    unseen: tuple[str, ...] = ()
    note: str = ""

    @property
    def first(self) -> Layer | None:
        """The first layer that departs, None when all agree."""
        return next((layer for layer in self.layers if layer.departs), None)

    @property
    def passed(self) -> bool:
        """Whether no layer departs."""
        return self.first is None


def check_layers(
    path: Path,
    graph: Graph,
    inputs: Mapping[str, Array],
    *,
    machine: Machine,
    precision: str,
    run: Run,
) -> LayerCheck:
    """Compile a model with every layer's result as an output, run it, and compare layer by layer.

    Args:
        path: file of the model.
        graph: what was read from it.
        inputs: one array per input.
        machine: the chip.
        precision: as for compiling, ``"auto"`` too.
        run: executes a program.

    Raises:
        ModelError: neither ONNX Runtime nor the NumPy evaluation can run the model.
    """
    precision = choose_precision(graph, precision)
    wanted = layer_tensors(graph, machine, precision)
    found = _found(graph, wanted, inputs, machine, precision, run)
    names = [name for name in wanted if name in found]
    extended = replace(graph, outputs=tuple(dict.fromkeys((*graph.outputs, *names))))
    whole = expected_tensors(path, extended, inputs)
    local = expected_tensors(path, extended, inputs, given={name: found[name] for name in names})
    covered = _covered(graph, names)
    layers = [
        Layer(
            tensor=name,
            kinds="+".join(node.op_type for node in covered[name]),
            dtype=graph.values[name].dtype.name,
            shape=graph.values[name].shape,
            local=_verdict(name, found, local, _local_tolerance(local.outputs[name], precision)),
            whole=_verdict(name, found, whole, judge.TOLERANCES[precision]),
        )
        for name in names
    ]
    unseen = tuple(name for name in wanted if name not in found)
    return LayerCheck(layers=tuple(layers), against=local.by, unseen=unseen, note=local.note)


def layer_tensors(graph: Graph, machine: Machine, precision: str) -> tuple[str, ...]:
    """Return the tensors of a graph that are layers' results in its compiled form, in order of execution."""
    order = {name: index for index, node in enumerate(graph.nodes) for name in node.outputs}
    outputs = [name for name in graph.outputs if name in graph.producers]
    made = made_tensors(graph, machine, precision)
    return tuple(sorted({*made, *outputs}, key=order.__getitem__))


def _found(
    graph: Graph,
    names: Sequence[str],
    inputs: Mapping[str, Array],
    machine: Machine,
    precision: str,
    run: Run,
) -> dict[str, Array]:
    """Return what the chip makes of some tensors, in several programs where one has no room for all of them.

    A tensor that cannot be an output even by itself is left out.
    """
    extended = replace(graph, outputs=tuple(dict.fromkeys((*graph.outputs, *names))))
    try:
        program = compile_graph(extended, machine=machine, options=CompileOptions(precision=precision))
    except CompileError:
        if len(names) < 2:
            return {}
        halves = names[: len(names) // 2], names[len(names) // 2 :]
        return {
            name: array
            for half in halves
            for name, array in _found(graph, half, inputs, machine, precision, run).items()
        }
    return dict(run(program, inputs).outputs)


def _covered(graph: Graph, names: Sequence[str]) -> dict[str, list[Node]]:
    """Return the nodes between the layers' results: each with the result that it contributes to first."""
    covered: dict[str, list[Node]] = {}
    seen: set[str] = set()
    for name in names:
        nodes: list[Node] = []
        open_names = [name]
        while open_names:
            node = graph.producers.get(open_names.pop())
            if node is None or node.name in seen:
                continue
            seen.add(node.name)
            if node.op_type not in ("DequantizeLinear", "Identity", "Dropout"):
                nodes.append(node)
            open_names += [i for i in node.inputs if i and i not in names]
        covered[name] = nodes[::-1]
    return covered


def _local_tolerance(wanted: Array, precision: str) -> Tolerance:
    if wanted.dtype.kind not in "iu":
        return judge.TOLERANCES["fp32" if precision == "fp32" else "fp16"]
    largest = float(np.abs(wanted.astype(np.float64)).max(initial=0.0))
    return Tolerance(of_range=_STEPS / largest if largest else 0.0)


def _verdict(
    name: str, found: Mapping[str, Array], expected: oracle.Expectation, tolerance: Tolerance
) -> Verdict:
    return compare(found, {name: expected.outputs[name]}, against=expected.by, tolerance=tolerance)
