"""NumPy evaluation of nodes and of whole graphs: constant folding and checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lpu_emu.errors import InputError, ModelError, did_you_mean
from lpu_emu.graph.ir import Array, Graph, Node, ValueInfo
from lpu_emu.graph.numpy_ops import KERNELS, Call, NotEvaluatedError
from lpu_emu.graph.numpy_ops.compiled import COMPILED, COMPILED_DOMAIN
from lpu_emu.graph.numpy_ops.shapes import shape_slice

__all__ = ["NotEvaluatedError", "can_evaluate", "can_run", "evaluate", "run_graph", "shape_value"]


def can_evaluate(node: Node) -> bool:
    """Say whether NumPy evaluation knows the operator of this node."""
    return not node.domain and node.op_type in KERNELS


def can_run(node: Node) -> bool:
    """Say whether a graph with this node can be run: known standard operators, and the compiler's own ones."""
    return can_evaluate(node) or (node.domain == COMPILED_DOMAIN and node.op_type in COMPILED)


def evaluate(
    node: Node,
    inputs: Sequence[Array | None],
    *,
    ordered: bool = True,
    described: Sequence[ValueInfo] = (),
) -> list[Array]:
    """Evaluate one node.

    Args:
        node: a node for which ``can_run`` holds.
        inputs: one array per input of the node, ``None`` for an absent optional one.
        ordered: sum matrix products in ascending k in float64, so that results are the same on every
            machine; otherwise use the host's matrix library.
        described: shapes and types of the outputs; the compiler's own operators need them.

    Returns:
        One array per output of the node, in the types the standard asks for.

    Raises:
        NotEvaluatedError: an unknown operator or a variant of it that is not evaluated.
        ModelError: inputs and attributes that do not fit each other.
    """
    if not can_run(node):
        raise NotEvaluatedError(f"{node}: NumPy evaluation does not know this operator")
    try:
        with np.errstate(all="ignore"):
            function = COMPILED[node.op_type] if node.domain else KERNELS[node.op_type]
            results = function(Call(node=node, inputs=inputs, ordered=ordered, described=described))
    except (ValueError, IndexError, TypeError, OverflowError, ZeroDivisionError) as error:
        raise ModelError(f"{node}: inputs do not fit the operator: {error}") from error
    if len(results) < len(node.outputs):
        raise NotEvaluatedError(
            f"{node}: only {len(results)} of {len(node.outputs)} outputs can be evaluated"
        )
    return [np.asarray(result) for result in results[: len(node.outputs)]]


def shape_value(node: Node, value: ValueInfo) -> Array:
    """Return the result of a Shape or Size node, which needs the description of its input only."""
    if node.op_type == "Size":
        return np.asarray(value.size, dtype=np.int64)
    return np.asarray(shape_slice(value.shape, Call(node=node, inputs=())), dtype=np.int64)


def run_graph(graph: Graph, inputs: Mapping[str, Array], *, ordered: bool = False) -> dict[str, Array]:
    """Evaluate a whole graph in NumPy and return its outputs by name.

    Raises:
        InputError: an input is missing, unknown, or has another type or shape than the graph asks for.
        ModelError: the graph has operators that NumPy evaluation does not know; all are listed.
    """
    unknown = sorted({node.op_type for node in graph.nodes if not can_run(node)})
    if unknown:
        raise ModelError(f"{graph.source}: NumPy evaluation does not know {', '.join(unknown)}")
    _check_inputs(graph, inputs)
    tensors: dict[str, Array] = {**graph.constants, **inputs}
    last_use = {name: index for index, node in enumerate(graph.nodes) for name in node.inputs}
    for index, node in enumerate(graph.nodes):
        described = [graph.values[name] for name in node.outputs if name]
        given = [tensors[name] if name else None for name in node.inputs]
        results = evaluate(node, given, ordered=ordered, described=described)
        tensors.update({name: array for name, array in zip(node.outputs, results, strict=True) if name})
        for name in node.inputs:
            if last_use[name] == index and name not in graph.outputs:
                tensors.pop(name, None)
    return {name: tensors[name] for name in graph.outputs}


def _check_inputs(graph: Graph, inputs: Mapping[str, Array]) -> None:
    for name in inputs:
        if name not in graph.inputs:
            expected = ", ".join(graph.inputs)
            hint = did_you_mean(name, graph.inputs)
            raise InputError(f"{graph.source} has no input {name!r}; its inputs are {expected}{hint}")
    for name in graph.inputs:
        wanted = graph.values[name]
        if name not in inputs:
            raise InputError(f"{graph.source}: input {name!r} ({wanted}) is missing")
        given = inputs[name]
        if given.dtype != wanted.dtype or given.shape != wanted.shape:
            found = f"{given.dtype.name}[{','.join(str(d) for d in given.shape)}]"
            raise InputError(f"{graph.source}: input {name!r} must be {wanted}, not {found}")
