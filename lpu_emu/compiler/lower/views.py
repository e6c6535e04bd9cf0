"""Which matrix every tensor is: how many of its elements make a row.

A tensor lies in memory as rows of columns. Reshapes, and operators that work element by element, keep the elements
where they are, so all tensors they connect must have the same number of columns. Linear and Softmax say what it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod

from lpu_emu.compiler.lower.tensors import column_axes_of
from lpu_emu.compiler.passes.operators import (
    DOMAIN,
    LINEAR,
    MOVEMENTS,
    ORDER,
    POINTWISE,
    QUANTISED_LINEAR,
    RSQRT,
    SOFTMAX,
    VIEWS,
    is_own,
)
from lpu_emu.compiler.passes.support import softmax_columns
from lpu_emu.errors import ModelError
from lpu_emu.graph.ir import Graph, Node

OWN_ELEMENTWISE = frozenset({RSQRT, ORDER})


@dataclass(frozen=True, kw_only=True)
class Border:
    """How an input or output lies in memory: reshaped to ``dims``, its axes in ``order``."""

    dims: tuple[int, ...]
    order: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape that it has in memory."""
        return tuple(self.dims[axis] for axis in self.order)


@dataclass(frozen=True, kw_only=True)
class Views:
    """``root`` maps every activation to the tensor whose memory it shares, ``columns`` every activation to its columns.

    ``orders`` are the inputs and outputs that lie in memory in another order than their own.
    """

    root: Mapping[str, str]
    columns: Mapping[str, int]
    orders: Mapping[str, Border]


class _Sets:
    """Disjoint sets of tensor names; each is known by the first name that was put into it."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def find(self, name: str) -> str:
        parent = self._parent.setdefault(name, name)
        while parent != name:
            grandparent = self._parent[parent]
            self._parent[name] = grandparent
            name, parent = parent, grandparent
        return name

    def join(self, a: str, b: str) -> None:
        self._parent[self.find(b)] = self.find(a)

    def members(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name in list(self._parent):
            found.setdefault(self.find(name), []).append(name)
        return found


def find_views(graph: Graph, lanes: int) -> Views:
    """Return the matrix view of every tensor that is no constant; where it is free, rows fill the lanes.

    Raises:
        ModelError: a reshape would have to move elements between rows; all such places are listed.
    """
    shared, alike = _Sets(), _Sets()
    for name in graph.values:
        if name not in graph.constants or name in graph.outputs:
            shared.find(name)
            alike.find(name)
    for node in graph.nodes:
        operands = [name for name in node.inputs if name and name not in graph.constants]
        for name in operands if _keeps_elements(node) else ():
            alike.join(name, node.outputs[0])
        if (not node.domain and node.op_type in VIEWS) or is_own(node, ORDER):
            shared.join(operands[0], node.outputs[0])
    orders = _orders(graph)
    columns, findings = _columns(graph, alike, lanes, orders)
    if findings:
        raise ModelError("\n".join(f"{graph.source}: {finding}" for finding in findings))
    root = {name: shared.find(name) for name in columns}
    return Views(root=root, columns=columns, orders=orders)


def _keeps_elements(node: Node) -> bool:
    if node.domain == DOMAIN:
        return node.op_type in OWN_ELEMENTWISE
    return not node.domain and node.op_type in (POINTWISE | VIEWS)


def _orders(graph: Graph) -> dict[str, Border]:
    """Axis orders at the border: an Order behind an input or before an output moves nothing."""
    found = {}
    for node in graph.nodes:
        if is_own(node, ORDER):
            axes = node.ints_attribute("perm") or ()
            dims = node.ints_attribute("dims") or graph.values[node.inputs[0]].shape
            if node.inputs[0] in graph.inputs:
                found[node.inputs[0]] = Border(dims=dims, order=axes)
            else:
                inverse = tuple(axes.index(i) for i in range(len(axes)))
                found[node.outputs[0]] = Border(dims=tuple(dims[axis] for axis in axes), order=inverse)
    return found


def _columns(
    graph: Graph, alike: _Sets, lanes: int, orders: Mapping[str, Border]
) -> tuple[dict[str, int], list[str]]:
    wanted: dict[str, list[tuple[int, Node]]] = {}
    for node in graph.nodes:
        for tensor, columns in _demands(graph, node):
            wanted.setdefault(alike.find(tensor), []).append((columns, node))
    found: dict[str, int] = {}
    findings: list[str] = []
    for root, members in alike.members().items():
        columns, finding = _settle(graph, members, wanted.get(root, []), lanes, orders)
        found.update(dict.fromkeys(members, columns))
        findings += [finding] if finding else []
    return found, findings


def _demands(graph: Graph, node: Node) -> Iterator[tuple[str, int]]:
    """Tensors whose number of columns a node fixes."""
    if node.domain == DOMAIN and node.op_type not in OWN_ELEMENTWISE:
        for name in (node.inputs[0], node.outputs[0]):
            yield name, _trailing(graph, node, name)
        if node.op_type in MOVEMENTS:
            for name in node.inputs[1:]:
                yield name, graph.values[name].shape[-1]
    elif node.op_type == SOFTMAX:
        columns = softmax_columns(graph, node)
        yield node.inputs[0], columns
        yield node.outputs[0], columns


def _trailing(graph: Graph, node: Node, name: str) -> int:
    """Columns of the input or output of an operator that works on whole rows."""
    if is_own(node, LINEAR) or is_own(node, QUANTISED_LINEAR):
        rows, columns = graph.values[node.inputs[1]].shape
        return rows if name == node.inputs[0] else columns
    return graph.values[name].shape[-1]


def _settle(
    graph: Graph,
    members: list[str],
    wanted: list[tuple[int, Node]],
    lanes: int,
    orders: Mapping[str, Border],
) -> tuple[int, str]:
    """Return the columns of tensors that share their elements' places, or what is wrong."""
    outside = [name for name in members if name in graph.inputs or name in graph.outputs]
    if wanted:
        columns, first = wanted[0]
        for other, node in wanted[1:]:
            if other != columns:
                return 0, _conflict(first, columns, node, other)
        for name in outside:
            if column_axes_of(_ordered(graph, name, orders), columns) is None:
                return 0, (
                    f"{first} needs rows of {columns} elements, but {graph.values[name]} of {name!r} has no trailing "
                    f"axes that make {columns}; reshapes that move elements between rows are planned"
                )
        return columns, ""
    shapes = [_ordered(graph, name, orders) for name in (outside or members)]
    trailing = [prod(shapes[0][axis:]) for axis in range(max(1, len(shapes[0])))]
    fitting = [c for c in trailing if all(column_axes_of(shape, c) is not None for shape in shapes)]
    return max((c for c in fitting if c <= lanes), default=min(fitting, default=trailing[0])), ""


def _ordered(graph: Graph, name: str, orders: Mapping[str, Border]) -> tuple[int, ...]:
    return orders[name].shape if name in orders else graph.values[name].shape


def _conflict(first: Node, columns: int, second: Node, other: int) -> str:
    return (
        f"{first} needs rows of {columns} elements and {second} rows of {other}, but only reshapes and "
        f"element-wise operators are between them; reshapes that move elements between rows are planned"
    )
