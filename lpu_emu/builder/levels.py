"""When the operations of a flow happen, in steps of one ALU operation.

All values that an ALU samples must arrive together. Operations of one level run in one column and leave together, so a
value that is wanted more than one level later has to be carried along by copies. Values that come from memory for one
use only may come whenever they are wanted, and operations on nothing else may wait.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lpu_emu.builder.values import Node, Value

_ALU_KINDS = ("alu", "running")


@dataclass(frozen=True, kw_only=True, eq=False)
class Levels:
    """``of``: level of each ALU node, from 1. ``ready``: the level after which each node's value can be sampled."""

    of: dict[Node, int]
    ready: dict[Node, int]


def is_alu(node: Node) -> bool:
    """Whether a stage runs on an ALU."""
    return node.kind in _ALU_KINDS


def sources(node: Node) -> list[Node]:
    """Return the nodes whose values a node takes."""
    values = [x for x in node.operands.values() if isinstance(x, Value)]
    return list(dict.fromkeys(x.node for x in (*values, *node.options.get("xs", ()))))


def consumers(nodes: Sequence[Node]) -> dict[Node, list[Node]]:
    """Return for each node those that take its value."""
    found: dict[Node, list[Node]] = {node: [] for node in nodes}
    for node in nodes:
        for source in sources(node):
            found[source].append(node)
    return found


def find_levels(nodes: Sequence[Node]) -> Levels:
    """Return the levels of a flow whose nodes stand in the order in which they were made.

    From the earliest levels on, operations are moved later while that saves copies, or costs none.
    """
    takers = consumers(nodes)
    of: dict[Node, int] = {}
    for node in nodes:
        if is_alu(node):
            of[node] = 1 + max((of.get(s, 0) for s in sources(node)), default=0)
    movable = [n for n in reversed(nodes) if any(map(is_alu, takers[n])) and is_alu(n)]
    while sum(_move_later(node, of, takers) for node in movable):
        pass
    return Levels(of=of, ready={node: _ready(node, of, takers) for node in nodes})


def _move_later(node: Node, of: dict[Node, int], takers: Mapping[Node, Sequence[Node]]) -> bool:
    """Move a node to the latest of its best levels; return whether it moved."""
    before = of[node]
    affected = [node, *sources(node)]
    costs = []
    for level in range(before, min(of[t] for t in takers[node] if is_alu(t))):
        of[node] = level
        costs.append((sum(_copies(n, of, takers) for n in affected), -level))
    of[node] = -min(costs)[1]
    return of[node] != before


def _ready(node: Node, of: Mapping[Node, int], takers: Mapping[Node, Sequence[Node]]) -> int:
    """Return the level after which a value can be sampled: what comes from elsewhere comes for its first use."""
    return of.get(node, min((of[t] for t in takers[node] if is_alu(t)), default=1) - 1)


def _copies(node: Node, of: Mapping[Node, int], takers: Mapping[Node, Sequence[Node]]) -> int:
    """Return how many copies carry a node's value to its last use."""
    last = max((of[t] for t in takers[node] if is_alu(t)), default=0)
    return max(0, last - 1 - _ready(node, of, takers))
