"""Tensors whose columns are stored several times in each word, so that one pass over the planes serves several taps.

A gather takes for each superlane a row of its own. When a word holds the channels of a pixel in several groups of
superlanes, the first group can take the row of one tap, the second the row of the next, and so on. Whatever computes
such a tensor lane by lane makes the copies for nothing: a product has spare columns, and the rest works on all lanes.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lpu_emu.compiler.geometry import Geometry
from lpu_emu.compiler.passes.operators import (
    GATHER_ROWS,
    PRODUCTS,
    QUANTISED_PRODUCTS,
    QUANTISED_WINDOW_LINEAR,
    RSQRT,
    WINDOW_LINEAR,
    WINDOW_MAX,
    is_own,
)
from lpu_emu.graph.ir import Graph, Node
from lpu_emu.spec.chip import Chip

WINDOWED = (WINDOW_LINEAR, QUANTISED_WINDOW_LINEAR)


def width_of(chip: Chip, columns: int) -> int:
    """Lanes that a copy of some columns takes: whole superlanes."""
    return -(-columns // chip.lanes_per_superlane) * chip.lanes_per_superlane


def most_repeats(chip: Chip, columns: int) -> int:
    """How many copies of some columns fit into a word."""
    return max(1, chip.lanes // width_of(chip, columns))


def repeated(values: NDArray[Any], repeats: int, width: int) -> NDArray[Any]:
    """Return the last axis of an array ``repeats`` times, zeros between the copies, which begin ``width`` apart."""
    if repeats == 1:
        return values
    columns = values.shape[-1]
    found = np.zeros((*values.shape[:-1], (repeats - 1) * width + columns), dtype=values.dtype)
    for i in range(repeats):
        found[..., i * width : i * width + columns] = values
    return found


def find_repeats(
    graph: Graph, geometry: Geometry, root: Mapping[str, str], elementwise: frozenset[str]
) -> dict[str, int]:
    """Return the tensors, by root, that are to be stored several times in each word, and how often."""
    wanted: dict[str, int] = {}
    for node in reversed(graph.nodes):
        if is_own(node, *WINDOWED):
            shape = graph.values[node.inputs[0]].shape
            rows = node.tensor_attribute("rows")
            repeats = most_repeats(geometry.chip, shape[-1])
            if repeats > 1 and rows is not None and rows.shape[1] > 1:
                wanted[root[node.inputs[0]]] = repeats
        elif _is_lanewise(node, elementwise) and wanted.get(root[node.outputs[0]]):
            for name in filter(None, node.inputs):
                if name not in graph.constants:
                    wanted[root[name]] = wanted[root[node.outputs[0]]]
    return _possible(graph, root, wanted, elementwise)


def _possible(
    graph: Graph, root: Mapping[str, str], wanted: Mapping[str, int], elementwise: frozenset[str]
) -> dict[str, int]:
    """Return what of the wishes can be had for nothing."""
    found: dict[str, int] = {}
    for node in graph.nodes:
        name = root.get(node.outputs[0], "")
        if name not in wanted or name in found:
            continue
        product = is_own(node, *PRODUCTS, *QUANTISED_PRODUCTS)
        operands = [root[n] for n in node.inputs if n and n not in graph.constants]
        lanewise = _is_lanewise(node, elementwise) and all(n in found for n in operands)
        if product or (lanewise and _has_plain_constants(graph, node)):
            found[name] = wanted[name]
    return found


def _is_lanewise(node: Node, elementwise: frozenset[str]) -> bool:
    if is_own(node, WINDOW_MAX, GATHER_ROWS, RSQRT):
        return True
    return not node.domain and node.op_type in elementwise


def _has_plain_constants(graph: Graph, node: Node) -> bool:
    """Whether all constants are one value or one value per column."""
    columns = graph.values[node.outputs[0]].shape[-1:]
    shapes = [graph.constants[n].shape for n in node.inputs if n in graph.constants]
    return all(
        not shape or prod(shape) == 1 or (shape[-1:] == columns and prod(shape) == columns[0])
        for shape in shapes
    )
