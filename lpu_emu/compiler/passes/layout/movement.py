"""Operators that only move elements: NumPy says where each element of the result comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lpu_emu.compiler.passes.layout.elementwise import in_order
from lpu_emu.compiler.passes.layout.pieces import UnsupportedError
from lpu_emu.compiler.passes.layout.places import Index, Places, joined
from lpu_emu.compiler.passes.layout.walk import Array, Walk
from lpu_emu.graph.evaluate import evaluate
from lpu_emu.graph.ir import Node


def rearrange(walk: Walk, node: Node) -> None:
    """Move the elements of one tensor; the other inputs say how and must be constant."""
    places = _settled(walk, node.inputs[0])
    results = evaluate(node, [places.index, *_parameters(walk, node)])
    _place_all(walk, node, places, results)


def concat(walk: Walk, node: Node) -> None:
    """Join tensors; where some are constant, zeros take their place and they are added afterwards."""
    activations = [name for name in node.inputs if not walk.is_constant(name)]
    parts = [_settled(walk, name) for name in dict.fromkeys(activations)]
    sources, indices = joined(parts)
    index_of = dict(zip(dict.fromkeys(activations), indices, strict=True))
    inputs = [
        index_of[name] if name in index_of else np.full(walk.shape(name), -1, dtype=np.int32)
        for name in node.inputs
    ]
    index = evaluate(node, inputs)[0]
    places = Places(shape=index.shape, sources=sources, moved=index)
    if len(activations) == len(node.inputs):
        walk.place(node.outputs[0], places)
    else:
        _add_constants(walk, node, places)


def _add_constants(walk: Walk, node: Node, places: Places) -> None:
    """Emit the sum of what was joined with zeros and the constants joined with zeros."""
    output = node.outputs[0]
    dtype, perm = walk.graph.values[output].dtype, walk.perm(output)
    parts = [
        walk.constant(name) if walk.is_constant(name) else np.zeros(walk.shape(name), dtype)
        for name in node.inputs
    ]
    whole = in_order(evaluate(node, parts)[0], len(perm), perm)
    moved = walk.moved(places, perm, output)
    constant = walk.new_constant(f"{node.name}:constants", whole)
    walk.add("Add", [moved.name, constant], walk.define(output), domain="", opset=13, name=node.name)


def pad(walk: Walk, node: Node) -> None:
    """Surround a tensor with one value, or with its own elements."""
    places = _settled(walk, node.inputs[0])
    if node.text_attribute("mode", "constant") != "constant":
        rearrange(walk, node)
        return
    fill = node.float_attribute("value", 0.0)
    inputs: list[Array | None] = [places.index, *_parameters(walk, node)]
    if node.input_at(2):
        fill = float(walk.constant(node.inputs[2]).reshape(-1)[0])
    outside = np.asarray(-1, dtype=np.int32)
    inputs = [*inputs[:2], *[None] * (2 - len(inputs)), outside, *inputs[3:]]
    attributes = {key: value for key, value in node.attributes.items() if key != "value"}
    results = evaluate(replace(node, attributes=attributes, inputs=("x",) * len(inputs)), inputs)
    _place_all(walk, node, replace(places, fill=fill), results)


def _parameters(walk: Walk, node: Node) -> list[Array | None]:
    found: list[Array | None] = []
    for name in node.inputs[1:]:
        if name and not walk.is_constant(name):
            raise UnsupportedError(f"its parameter {name!r} is no constant")
        found.append(walk.constant(name) if name else None)
    return found


def _settled(walk: Walk, name: str) -> Places:
    """Return the places of a tensor, made first when another value fills parts of it or it spreads elements.

    An image that is a graph input is ordered first, so that its channels are together.
    """
    places = walk.places(name)
    unordered = walk.is_image(name) and places.sources[0].name in walk.graph.inputs
    if not unordered and (places.moved is None or places.is_one_to_one()):
        return places
    source, perm = walk.stored(name), walk.perm(name)
    return Places(shape=places.shape, sources=(source,), perm=perm)


def _place_all(walk: Walk, node: Node, places: Places, results: Sequence[Array]) -> None:
    for name, result in zip(node.outputs, results, strict=True):
        if name:
            index: Index = np.asarray(result, dtype=np.int32)
            moved = Places(shape=index.shape, sources=places.sources, moved=index, fill=places.fill)
            walk.place(name, moved)
