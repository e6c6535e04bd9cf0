"""Constant folding: what can be known at compile time is computed at compile time."""

from __future__ import annotations

from collections.abc import Collection

from lpu_emu.errors import ModelError
from lpu_emu.graph.evaluate import NotEvaluatedError, can_evaluate, evaluate, shape_value
from lpu_emu.graph.ir import Array, Graph, Node, ValueInfo
from lpu_emu.graph.rewrite import bypass, drop_dead, replace_nodes

# Dequantised weights stay with their scales: the int8 lowering reads both.
KEPT_OPERATORS = ("DequantizeLinear",)
# A folded tensor may be this large although its inputs are small (ConstantOfShape, Expand, Tile).
GROWTH_LIMIT_ELEMENTS = 1 << 24


def fold_constants(graph: Graph, *, keep: Collection[str] = KEPT_OPERATORS) -> Graph:
    """Return the graph with copies removed, constant nodes evaluated and dead parts dropped.

    Nodes whose inputs are all constant become constants, and so do Shape and Size of any tensor.
    Operators named in ``keep``, unknown ones and results that would be unreasonably larger than their
    inputs stay.

    Raises:
        ModelError: a node contradicts its inputs or the inferred shape of its outputs.
    """
    graph = remove_copies(graph)
    known: dict[str, Array] = dict(graph.constants)
    folded: dict[str, Array] = {}
    for node in graph.nodes:
        if node.op_type in keep:
            continue
        results = _values_of(graph, node, known)
        known.update(results)
        folded.update(results)
    removed: dict[str, tuple[Node, ...]] = {
        node.name: () for node in graph.nodes if any(name in folded for name in node.outputs)
    }
    return drop_dead(replace_nodes(graph, removed, constants=folded))


def remove_copies(graph: Graph) -> Graph:
    """Return the graph without Identity and without Dropout, which copies its input in inference."""
    return bypass(graph, {node.name for node in graph.nodes if _is_copy(graph, node)})


def _is_copy(graph: Graph, node: Node) -> bool:
    if node.domain or node.op_type not in ("Identity", "Dropout"):
        return False
    mask, training = node.output_at(1), node.input_at(2)
    if mask and (mask in graph.outputs or graph.consumers[mask]):
        return False
    return not training or (training in graph.constants and not graph.constants[training].any())


def _values_of(graph: Graph, node: Node, known: dict[str, Array]) -> dict[str, Array]:
    """Return the outputs of a node by name when they can be known, else nothing."""
    if not can_evaluate(node):
        return {}
    if node.op_type in ("Shape", "Size"):
        results = [shape_value(node, graph.values[node.inputs[0]])]
    elif all(name in known for name in node.inputs if name) and not _explodes(graph, node, known):
        try:
            results = evaluate(node, [known[name] if name else None for name in node.inputs])
        except NotEvaluatedError:
            return {}
    else:
        return {}
    named = {name: array for name, array in zip(node.outputs, results, strict=True) if name}
    for name, array in named.items():
        _check(graph, node, graph.values[name], array)
    return named


def _explodes(graph: Graph, node: Node, known: dict[str, Array]) -> bool:
    given = sum(known[name].size for name in node.inputs if name)
    made = sum(graph.values[name].size for name in node.outputs if name)
    return made > max(GROWTH_LIMIT_ELEMENTS, 2 * given)


def _check(graph: Graph, node: Node, value: ValueInfo, array: Array) -> None:
    if array.dtype != value.dtype or array.shape != value.shape:
        found = f"{array.dtype.name}[{','.join(str(d) for d in array.shape)}]"
        raise ModelError(f"{graph.source}: {node} evaluates to {found}, but was inferred as {value}")
