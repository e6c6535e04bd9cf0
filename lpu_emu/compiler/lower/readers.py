"""Who reads a tensor's memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lpu_emu.compiler.passes.operators import DOMAIN, ORDER, VIEWS, is_own
from lpu_emu.graph.ir import Graph, Node


def reader_of(graph: Graph, root: Mapping[str, str], name: str) -> Node:
    """Return the first of the compiler's own operators that reads a tensor's memory; ``root`` as in ``Views``.

    Raises:
        KeyError: there is none.
    """
    for node in graph.nodes:
        if node.domain == DOMAIN and node.op_type != ORDER and root[name] in map(root.get, node.inputs):
            return node
    raise KeyError(name)


def count_readers(graph: Graph, root: Mapping[str, str], is_lazy: Callable[[Node], bool]) -> dict[str, int]:
    """Count the nodes that read each tensor's memory, views of it included.

    ``is_lazy`` says whether a node is computed again by each of its readers, who then read what it is made from.
    """
    readers: dict[str, int] = {}
    for node in reversed(graph.nodes):
        if is_lazy(node):
            source, result = root[node.inputs[0]], root[node.outputs[0]]
            readers[source] = readers.get(source, 0) + readers.get(result, 0)
            continue
        if (not node.domain and node.op_type in VIEWS) or is_own(node, ORDER):
            continue
        for name in sorted({root[n] for n in node.inputs if n in root}):
            readers[name] = readers.get(name, 0) + 1
    return readers
