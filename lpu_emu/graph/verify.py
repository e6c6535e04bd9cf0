"""The rules every graph keeps, checked after each pass in tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lpu_emu.graph.ir import Graph


def findings_of(graph: Graph) -> list[str]:
    """Return every broken rule as one line each, in graph order; empty for a sound graph."""
    return [*_definitions(graph), *_node_names(graph), *_order(graph), *_descriptions(graph)]


def _defined(graph: Graph) -> Iterator[tuple[str, str]]:
    yield from ((name, "a graph input") for name in graph.inputs)
    yield from ((name, "a constant") for name in graph.constants)
    yield from ((name, str(node)) for node in graph.nodes for name in node.outputs if name)


def _definitions(graph: Graph) -> Iterator[str]:
    first: dict[str, str] = {}
    for name, where in _defined(graph):
        if name in first:
            yield f"tensor {name!r} is defined twice: by {first[name]} and by {where}"
        first.setdefault(name, where)


def _node_names(graph: Graph) -> Iterator[str]:
    seen: set[str] = set()
    for index, node in enumerate(graph.nodes):
        if not node.name:
            yield f"node {index} ({node.op_type}) has no name"
        elif node.name in seen:
            yield f"two nodes are named {node.name!r}"
        seen.add(node.name)


def _order(graph: Graph) -> Iterator[str]:
    known = {*graph.inputs, *graph.constants}
    later = {name for node in graph.nodes for name in node.outputs}
    for node in graph.nodes:
        for name in dict.fromkeys(node.inputs):
            if name and name not in known:
                reason = "before it is produced" if name in later else "but nothing produces it"
                yield f"{node} reads tensor {name!r} {reason}"
        known.update(node.outputs)
    if not graph.outputs:
        yield "the graph has no outputs"
    for name in graph.outputs:
        if name not in known:
            yield f"graph output {name!r} is produced by no node"


def _descriptions(graph: Graph) -> Iterator[str]:
    defined = dict(_defined(graph))
    for name, where in defined.items():
        if name not in graph.values:
            yield f"tensor {name!r} ({where}) has no shape and type"
    for name, value in graph.values.items():
        if name not in defined:
            yield f"tensor {name!r} is described but nothing defines it"
        if value.name != name:
            yield f"tensor {name!r} is described under the name {value.name!r}"
        if any(d < 0 for d in value.shape):
            yield f"tensor {name!r} has a negative dimension: {value}"
    for name, array in graph.constants.items():
        described = graph.values.get(name)
        if described and (described.dtype != array.dtype or described.shape != array.shape):
            yield f"constant {name!r} is {array.dtype.name}{list(array.shape)} but described as {described}"
