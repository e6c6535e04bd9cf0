"""Pictures of few channels, seen as fewer and wider pixels.

The first convolution of most networks has three channels, which would leave most lanes empty. G neighbouring pixels of a
line are one row of G times as many columns: the host writes them so, nothing is moved. The taps become taps over groups,
and the results fall into phases by where their windows begin in a group.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lpu_emu.compiler.geometry import Geometry
from lpu_emu.compiler.lower.kernel import Rows
from lpu_emu.compiler.lower.repeats import WINDOWED, most_repeats
from lpu_emu.compiler.passes.operators import ORDER, is_own
from lpu_emu.graph.ir import Graph, Node, ValueInfo

MOST_PHASES = 16


@dataclass(frozen=True, kw_only=True, eq=False)
class _Grouped:
    """A convolution over groups: rows int32 [rows of the result, taps], weights [phases, taps, channels, columns]."""

    group: int
    rows: Rows
    weights: NDArray[Any]
    cost: int


def group_pixels(graph: Graph, geometry: Geometry, elementwise: frozenset[str]) -> Graph:
    """Return the graph with wider pixels where that makes a first convolution quicker."""
    for node in graph.nodes:
        if is_own(node, *WINDOWED) and node.int_attribute("groups", 1) == 1:
            chain = _chain(graph, node.inputs[0], elementwise)
            best = _best(graph, geometry, node) if chain else None
            if best is not None:
                graph = _rewritten(graph, node, chain, best)
    return graph


def _chain(graph: Graph, name: str, elementwise: frozenset[str]) -> list[str]:
    """Return the tensors from a graph input on to ``name`` if only element-wise nodes are between, else nothing."""
    chain = [name]
    while True:
        if len(graph.consumers[name]) != 1 or name in graph.outputs:
            return []
        if name in graph.inputs:
            return chain[::-1]
        producer = graph.producers.get(name)
        if producer is None or not _passes(graph, producer, elementwise):
            return []
        name = producer.inputs[0]
        chain.append(name)


def _passes(graph: Graph, node: Node, elementwise: frozenset[str]) -> bool:
    if is_own(node, ORDER):
        return True
    constants = [graph.constants.get(name) for name in node.inputs[1:] if name]
    scalars = all(c is not None and c.size == 1 for c in constants)
    return not node.domain and node.op_type in elementwise and scalars


def _best(graph: Graph, geometry: Geometry, node: Node) -> _Grouped | None:
    shape = graph.values[node.inputs[0]].shape
    rows = node.tensor_attribute("rows")
    if rows is None or len(shape) < 3:
        return None
    weights, line, channels = graph.constants[node.inputs[1]], shape[-2], shape[-1]
    sizes = [g for g in range(1, line + 1) if line % g == 0 and 2 * g * channels <= geometry.lanes]
    found = [g for size in sizes for g in _grouped(geometry, rows, weights, size, int(np.prod(shape[:-1])))]
    best = min(found, key=lambda g: g.cost, default=None)
    return best if best is not None and best.group > 1 else None


def _grouped(
    geometry: Geometry, rows: NDArray[Any], weights: NDArray[Any], group: int, pixels: int
) -> Iterator[_Grouped]:
    for phases in range(weights.shape[0], MOST_PHASES + 1, weights.shape[0]):
        if len(rows) % phases:
            continue
        series = [_phase_taps(rows[phase::phases], group) for phase in range(phases)]
        if None in series:
            continue
        known = [taps for taps in series if taps is not None]
        channels = weights.shape[2] * group
        together = most_repeats(geometry.chip, channels)
        passes = sum(-(-len(taps) // together) for taps in known)
        cost = passes * (len(rows) // phases) + (pixels // group if together > 1 else 0)
        yield _regrouped(rows, weights, group, known, cost)
        return


def _phase_taps(rows: NDArray[Any], group: int) -> list[tuple[NDArray[Any], list[tuple[int, int]]]] | None:
    """Return the taps over groups of one phase: their rows, and for each the taps (tap, place in the group) in it."""
    found: dict[bytes, tuple[NDArray[Any], list[tuple[int, int]]]] = {}
    for tap in range(rows.shape[1]):
        column = rows[:, tap]
        places = np.unique(column[column >= 0] % group)
        if len(places) > 1:
            return None
        if len(places):
            groups = np.where(column >= 0, column // group, -1).astype(np.int32)
            found.setdefault(groups.tobytes(), (groups, []))[1].append((tap, int(places[0])))
    return list(found.values())


def _regrouped(
    rows: NDArray[Any],
    weights: NDArray[Any],
    group: int,
    series: list[list[tuple[NDArray[Any], list[tuple[int, int]]]]],
    cost: int,
) -> _Grouped:
    phases, taps = len(series), max(1, max(map(len, series)))
    channels, columns = weights.shape[2:]
    new_rows = np.full((len(rows), taps), -1, dtype=np.int32)
    new_weights = np.zeros((phases, taps, group * channels, columns), dtype=weights.dtype)
    for phase, known in enumerate(series):
        for i, (groups, members) in enumerate(known):
            new_rows[phase::phases, i] = groups
            for tap, place in members:
                part = new_weights[phase, i, place * channels : (place + 1) * channels]
                part += weights[phase % weights.shape[0], tap]
    return _Grouped(group=group, rows=new_rows, weights=new_weights, cost=cost)


def _rewritten(graph: Graph, node: Node, chain: list[str], best: _Grouped) -> Graph:
    values = {name: _wider(graph.values[name], best.group) for name in chain[1:]}
    weights = f"{node.inputs[1]}:grouped by {node.name}"
    attributes = {**node.attributes, "rows": best.rows, "phases": len(best.weights)}
    first = graph.consumers[chain[0]][0]
    replaced: dict[str, Node] = {}
    source = graph.values[chain[0]].shape
    if is_own(first, ORDER):
        replaced[first.name] = replace(first, attributes=_wider_order(graph, first, best.group))
        extra: list[Node] = []
    else:
        wide = _wider(graph.values[chain[0]], best.group)
        name = f"{chain[0]}:wide"
        values[name] = replace(wide, name=name)
        dims = (*source[:-2], source[-2] // best.group, best.group, source[-1])
        order = Node(
            name=name,
            op_type=ORDER,
            domain=node.domain,
            opset=node.opset,
            inputs=(chain[0],),
            outputs=(name,),
            attributes={"dims": dims, "perm": tuple(range(len(dims)))},
        )
        extra = [order]
        replaced[first.name] = replace(first, inputs=(name, *first.inputs[1:]))
    window = replaced.get(node.name, node)
    inputs = (window.inputs[0], weights, *window.inputs[2:])
    replaced[node.name] = replace(window, inputs=inputs, attributes=attributes)
    nodes = (*extra, *(replaced.get(n.name, n) for n in graph.nodes))
    wider = graph.with_constants({weights: best.weights}).with_values(list(values.values()))
    return wider.with_nodes(nodes).verify()


def _wider(value: ValueInfo, group: int) -> ValueInfo:
    shape = value.shape
    return replace(value, shape=(*shape[:-2], shape[-2] // group, shape[-1] * group))


def _wider_order(graph: Graph, node: Node, group: int) -> Mapping[str, object]:
    """Split the axis that an Order makes the last but one, its lines, into groups and pixels of a group."""
    perm = node.ints_attribute("perm") or ()
    dims = node.ints_attribute("dims") or graph.values[node.inputs[0]].shape
    line = perm[-2]
    new_dims = (*dims[:line], dims[line] // group, group, *dims[line + 1 :])
    moved = [axis + (axis > line) for axis in perm]
    return {**node.attributes, "dims": new_dims, "perm": (*moved[:-1], line + 1, moved[-1])}
