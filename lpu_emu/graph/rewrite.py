"""Immutable rewriting of graphs: the vocabulary of the compiler's passes.

Each function takes a graph and returns a new one. A pass collects all its edits and applies them with
one call, so that a pass stays linear in the size of the graph.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from heapq import heapify, heappop, heappush

from lpu_emu.errors import ModelError
from lpu_emu.graph.ir import Array, Graph, Node, ValueInfo


class FreshNames:
    """Hands out names that no tensor and no node of a graph has."""

    def __init__(self, graph: Graph) -> None:
        """Remember the names of every tensor and node of the graph."""
        self._taken = {*graph.values, *(node.name for node in graph.nodes)}

    def take(self, stem: str) -> str:
        """Return ``stem``, or ``stem_2``, ``stem_3`` ... when it is taken, and remember it."""
        name, count = stem, 1
        while name in self._taken:
            count += 1
            name = f"{stem}_{count}"
        self._taken.add(name)
        return name


def sort_nodes(nodes: Sequence[Node], source: str = "graph") -> tuple[Node, ...]:
    """Return the nodes in topological order, as near as possible to the given order.

    Tensors that no node produces count as available.

    Raises:
        ModelError: some nodes feed each other in a circle; the message names the first of them.
    """
    producer = {name: index for index, node in enumerate(nodes) for name in node.outputs if name}
    readers: list[list[int]] = [[] for _ in nodes]
    missing = [0] * len(nodes)
    for index, node in enumerate(nodes):
        needed = {producer[name] for name in node.inputs if name in producer}
        missing[index] = len(needed)
        for earlier in needed:
            readers[earlier].append(index)
    ready = [index for index, count in enumerate(missing) if count == 0]
    heapify(ready)
    order: list[int] = []
    while ready:
        index = heappop(ready)
        order.append(index)
        for reader in readers[index]:
            missing[reader] -= 1
            if missing[reader] == 0:
                heappush(ready, reader)
    if len(order) < len(nodes):
        stuck = nodes[next(index for index, count in enumerate(missing) if count)]
        raise ModelError(f"{source}: {stuck} depends on its own result; a graph may have no cycle")
    return tuple(nodes[index] for index in order)


def replace_nodes(
    graph: Graph,
    replacements: Mapping[str, Sequence[Node]],
    *,
    values: Iterable[ValueInfo] = (),
    constants: Mapping[str, Array] | None = None,
) -> Graph:
    """Put other nodes in the place of the named ones; an empty sequence removes a node.

    ``values`` describes new tensors, ``constants`` adds constants (which need no description). Tensors
    that no node produces any more are forgotten; the result is sorted again.

    Raises:
        ModelError: a name that no node has, or nodes that feed each other in a circle.
    """
    unknown = [name for name in replacements if name not in graph.nodes_by_name]
    if unknown:
        raise ModelError(f"{graph.source}: there is no node named {unknown[0]!r} to replace")
    nodes = [new for node in graph.nodes for new in replacements.get(node.name, (node,))]
    grown = graph.with_values(tuple(values)).with_constants(constants or {})
    return forget_undefined(grown.with_nodes(sort_nodes(nodes, graph.source)))


def redirect(graph: Graph, aliases: Mapping[str, str]) -> Graph:
    """Make every node that reads a key of ``aliases`` read its value instead; chains are followed.

    Graph outputs keep their tensors.
    """
    final = {name: _end_of(name, aliases) for name in aliases}
    return graph.with_nodes([_reading(node, final) for node in graph.nodes])


def rename(graph: Graph, names: Mapping[str, str]) -> Graph:
    """Rename tensors everywhere, inputs and outputs of the graph too.

    Raises:
        ModelError: a new name is taken by a tensor that is not renamed.
    """
    kept = set(graph.values) - set(names)
    for old, new in names.items():
        if new in kept:
            raise ModelError(f"{graph.source}: cannot rename {old!r} to {new!r}: that tensor exists")
    return replace(
        graph,
        inputs=_renamed(graph.inputs, names),
        outputs=_renamed(graph.outputs, names),
        values={names.get(k, k): replace(v, name=names.get(k, k)) for k, v in graph.values.items()},
        constants={names.get(k, k): v for k, v in graph.constants.items()},
        nodes=tuple(
            replace(node, inputs=_renamed(node.inputs, names), outputs=_renamed(node.outputs, names))
            for node in graph.nodes
        ),
    )


def bypass(graph: Graph, names: Collection[str]) -> Graph:
    """Remove nodes that only copy their first input to their first output.

    A node stays when it links a graph input or constant straight to a graph output, or two graph
    outputs, because both ends must keep their names.
    """
    aliases: dict[str, str] = {}
    renamed: dict[str, str] = {}
    removed: dict[str, Sequence[Node]] = {}
    for node in (node for node in graph.nodes if node.name in names):
        source, result = _end_of(node.inputs[0], aliases), node.outputs[0]
        if result not in graph.outputs:
            aliases[result] = source
        elif source in graph.producers and source not in graph.outputs and source not in renamed:
            renamed[source] = result
        else:
            continue
        removed[node.name] = ()
    return rename(replace_nodes(redirect(graph, aliases), removed), renamed)


def drop_dead(graph: Graph) -> Graph:
    """Remove the nodes, constants and descriptions that no graph output depends on. Inputs stay."""
    live = set(graph.outputs)
    kept: list[Node] = []
    for node in reversed(graph.nodes):
        if any(name in live for name in node.outputs if name):
            kept.append(node)
            live.update(name for name in node.inputs if name)
    constants = {name: array for name, array in graph.constants.items() if name in live}
    return forget_undefined(replace(graph, nodes=tuple(reversed(kept)), constants=constants))


def forget_undefined(graph: Graph) -> Graph:
    """Remove the descriptions of tensors that nothing defines any more."""
    defined = {*graph.inputs, *graph.constants, *graph.producers}
    values = {name: value for name, value in graph.values.items() if name in defined}
    return replace(graph, values=values)


def _end_of(name: str, aliases: Mapping[str, str]) -> str:
    while name in aliases:
        name = aliases[name]
    return name


def _renamed(tensors: tuple[str, ...], names: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(names.get(name, name) for name in tensors)


def _reading(node: Node, aliases: Mapping[str, str]) -> Node:
    if not any(name in aliases for name in node.inputs):
        return node
    return replace(node, inputs=_renamed(node.inputs, aliases))
