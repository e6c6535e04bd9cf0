"""One walk over the graph that stores every image channels-last and turns image operators into rows and channels.

For every tensor of the model the walk knows its places. A handler asks for its operands in the axis order it works in
(``stored``), which moves elements only where they are not there already, emits nodes, and says where its result is
(``define``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import permutations
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lpu_emu.compiler.passes.layout.pieces import Mover, UnsupportedError, movements
from lpu_emu.compiler.passes.layout.places import Places, Shape, Stored, channels_last, inverse
from lpu_emu.compiler.passes.layout.spatial import constant_tensors, image_tensors
from lpu_emu.compiler.passes.operators import DOMAIN, ORDER
from lpu_emu.errors import ModelError
from lpu_emu.graph.evaluate import evaluate
from lpu_emu.graph.ir import Graph, Node, ValueInfo
from lpu_emu.graph.rewrite import FreshNames, drop_dead

Array = NDArray[Any]
Handler = Callable[["Walk", Node], None]
VIEW_OPSET = 13
MOST_AXES_TO_ORDER = 5


class Walk:
    """The new graph as far as it is made, and the places of the model's tensors."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._images = image_tensors(graph)
        self._constant = constant_tensors(graph)
        self._names = FreshNames(graph)
        self._nodes: list[Node] = []
        self._values: dict[str, ValueInfo] = dict(graph.values)
        self._constants: dict[str, Array] = {}
        self._places: dict[str, Places] = {}
        self._known: dict[tuple[str, Shape], Stored] = {}
        self._computed: dict[str, Array] = {}
        # Stored tensors that lowering may still cut into rows as it likes: no images, and not moved.
        self._plain: set[str] = set(graph.inputs)
        for name in graph.inputs:
            shape = graph.values[name].shape
            source = Stored(name=name, shape=shape)
            self._places[name] = Places(shape=shape, sources=(source,), perm=tuple(range(len(shape))))

    # --- asking

    def shape(self, tensor: str) -> Shape:
        """Return the shape that a tensor has in the model."""
        return self.graph.values[tensor].shape

    def is_constant(self, tensor: str) -> bool:
        """Whether a tensor depends on constants only."""
        return tensor in self._constant

    def is_image(self, tensor: str) -> bool:
        """Whether a tensor is stored channels-last."""
        return tensor in self._images

    def perm(self, tensor: str) -> Shape:
        """Return the axis order in which a tensor is stored."""
        rank = len(self.shape(tensor))
        return channels_last(rank) if self.is_image(tensor) else tuple(range(rank))

    def places(self, tensor: str) -> Places:
        """Return where the elements of an activation are."""
        return self._places[tensor]

    def constant(self, tensor: str) -> Array:
        """Return the value of a tensor that depends on constants only."""
        if tensor in self.graph.constants:
            return self.graph.constants[tensor]
        if tensor not in self._computed:
            node = self.graph.producers[tensor]
            inputs = [self.constant(name) if name else None for name in node.inputs]
            results = evaluate(node, inputs)
            self._computed.update(zip(node.outputs, results, strict=True))
        return self._computed[tensor]

    def stored(self, tensor: str, perm: Shape | None = None) -> Stored:
        """Return the stored tensor of an activation, its axes in an order (by default its own).

        Raises:
            UnsupportedError: its elements cannot be moved there.
        """
        perm = self.perm(tensor) if perm is None else perm
        key = (tensor, perm)
        if key not in self._known:
            self._known[key] = self._made(self._places[tensor], perm, tensor)
        return self._known[key]

    def _made(self, places: Places, perm: Shape, tensor: str) -> Stored:
        try:
            return self.moved(places, perm, tensor)
        except UnsupportedError as error:
            raise UnsupportedError(f"its operand {tensor!r}: {error}") from error

    def spread(self, tensor: str, shape: Shape, perm: Shape) -> Stored:
        """Return an activation broadcast to a shape."""
        if self.shape(tensor) == shape:
            return self.stored(tensor, perm)
        own = self._places[tensor]
        index = np.broadcast_to(own.index, shape)
        return self._made(replace(own, shape=shape, moved=index), perm, tensor)

    # --- moving

    def moved(self, places: Places, perm: Shape, stem: str, output: str = "") -> Stored:
        """Return a stored tensor that holds the elements at some places in an axis order."""
        shape = tuple(places.shape[axis] for axis in perm)
        source = places.sources[0]
        if places.is_flat(perm):
            if source.shape == shape and not output:
                return source
            if source.columns == (shape[-1] if shape else 1) or self._is_plain(source, perm):
                return self.view(source, shape, stem, output)
        if source.name in self.graph.inputs and places.is_flat(_own(perm)):
            return self._order(source, places.shape, perm, stem, output)
        mover = Mover(sources=places.sources, fill=places.fill, emit=self._mover(stem))
        return mover.run(places.ordered(perm).reshape(-1, shape[-1] if shape else 1), shape, output)

    def _is_plain(self, source: Stored, perm: Shape) -> bool:
        """Whether neither side of a view is an image: lowering settles what their rows are."""
        return source.name in self._plain and perm == _own(perm)

    def view(self, source: Stored, shape: Shape, stem: str, output: str = "") -> Stored:
        """Emit a view of a stored tensor in another shape."""
        target = self.new_constant(f"{stem}:shape", np.asarray(shape, dtype=np.int64))
        made = self.fresh(stem, shape, self._values[source.name], output)
        self.add("Reshape", [source.name, target], made.name, domain="", opset=VIEW_OPSET)
        if source.name in self._plain:
            self._plain.add(made.name)
        return made

    def _order(self, source: Stored, dims: Shape, perm: Shape, stem: str, output: str) -> Stored:
        """Emit an Order behind a graph input."""
        shape = tuple(dims[axis] for axis in perm)
        made = self.fresh(stem, shape, self._values[source.name], output)
        self.add(ORDER, [source.name], made.name, attributes={"dims": dims, "perm": perm})
        return made

    def ordered_input(self, name: str, dims: Shape, perm: Shape, shape: Shape) -> Stored:
        """Emit an Order behind a graph input and a view of it that keeps its rows."""
        source = self._places[name].sources[0]
        return self.view(self._order(source, dims, perm, name, ""), shape, name)

    def _mover(self, stem: str) -> Callable[..., Stored]:
        def emit(
            op_type: str,
            sources: Sequence[Stored],
            shape: Shape,
            attributes: dict[str, object],
            output: str,
        ) -> Stored:
            made = self.fresh(stem, shape, self._values[sources[0].name], output)
            self.add(op_type, [source.name for source in sources], made.name, attributes=attributes)
            return made

        return emit

    # --- making

    def fresh(self, stem: str, shape: Shape, like: ValueInfo, output: str = "") -> Stored:
        """Describe a new stored tensor with the type of another."""
        name = output or self._names.take(f"{stem}:moved")
        self._values[name] = ValueInfo(name=name, dtype=like.dtype, shape=shape)
        return Stored(name=name, shape=shape)

    def define(self, tensor: str, perm: Shape | None = None) -> str:
        """Say that a tensor is stored in an axis order (by default its own); return the name it is stored under."""
        perm = self.perm(tensor) if perm is None else perm
        value = self.graph.values[tensor]
        shape = tuple(value.shape[axis] for axis in perm)
        border = tensor in self.graph.outputs and perm != _own(perm)
        name = self._names.take(f"{tensor}:last") if border else tensor
        if perm == _own(perm) and not self.is_image(tensor):
            self._plain.add(name)
        self._values[name] = replace(value, name=name, shape=shape)
        self._places[tensor] = Places(shape=value.shape, sources=(Stored(name=name, shape=shape),), perm=perm)
        return name

    def described(self, stem: str, places: Places, like: str) -> str:
        """Add a tensor to those of the model: one with the elements at some places, of the type of another."""
        name = self._names.take(stem)
        self.graph = self.graph.with_values([replace(self.graph.values[like], name=name, shape=places.shape)])
        self._places[name] = places
        return name

    def place(self, tensor: str, places: Places) -> None:
        """Say where the elements of a tensor are, without making it."""
        self._places[tensor] = places

    def add(
        self,
        op_type: str,
        inputs: Sequence[str],
        output: str,
        *,
        attributes: Mapping[str, object] | None = None,
        name: str = "",
        domain: str = DOMAIN,
        opset: int = 1,
    ) -> None:
        """Add a node with one output."""
        self._nodes.append(
            Node(
                name=name or self._names.take(f"{output}:{op_type.lower()}"),
                op_type=op_type,
                domain=domain,
                opset=opset,
                inputs=tuple(inputs),
                outputs=(output,),
                attributes=attributes or {},
            )
        )

    def append(self, node: Node) -> None:
        """Add a node as it is."""
        self._nodes.append(node)

    def temporary(self, stem: str, shape: Shape, dtype: np.dtype[Any], *, like: str = "") -> str:
        """Describe a new stored tensor and return its name; it is cut into rows like the tensor ``like``."""
        name = self._names.take(stem)
        if like in self._plain:
            self._plain.add(name)
        self._values[name] = ValueInfo(name=name, dtype=dtype, shape=shape)
        return name

    def new_constant(self, stem: str, array: Array) -> str:
        """Add a constant."""
        name = self._names.take(stem)
        self._constants[name] = array
        return name

    # --- the walk

    def run(self, handlers: Mapping[str, Handler]) -> Graph:
        """Visit all nodes, deliver the outputs and return the new graph."""
        for node in self.graph.nodes:
            self._visit(node, handlers)
        for name in dict.fromkeys(self.graph.outputs):
            if not self.is_constant(name) and name not in self.graph.inputs:
                self._deliver(name)
        made = {name for node in self._nodes for name in node.outputs}
        defined = {*self.graph.inputs, *self.graph.constants, *made}
        values = {name: value for name, value in self._values.items() if name in defined}
        graph = replace(self.graph, nodes=tuple(self._nodes), values=values)
        return drop_dead(graph.with_constants(self._constants))

    def _visit(self, node: Node, handlers: Mapping[str, Handler]) -> None:
        if all(self.is_constant(name) for name in node.inputs if name):
            self.append(node)
            return
        handler = handlers.get(f"{node.domain}::{node.op_type}" if node.domain else node.op_type)
        done = len(self._nodes)
        try:
            if handler is not None:
                handler(self, node)
                return
            reason = ""
        except (UnsupportedError, ModelError) as error:
            reason = str(error).removeprefix(f"{node}: ")
            self._forget(node, done)
        self._refuse(node, reason)

    def _forget(self, node: Node, done: int) -> None:
        """Drop what was added for a node that is refused; movements stay, other nodes may read them."""
        mine = [n.name == node.name or bool({*n.outputs} & {*node.outputs}) for n in self._nodes[done:]]
        self._nodes[done:] = [n for n, own in zip(self._nodes[done:], mine, strict=True) if not own]

    def _refuse(self, node: Node, reason: str) -> None:
        """Keep a node that is refused later, its operands as they happen to be stored."""
        inputs = [
            self._places[name].sources[0].name if name in self._places else name for name in node.inputs
        ]
        outputs = [name and self._undefined(name) for name in node.outputs]
        attributes = {**node.attributes, "refused": reason} if reason else node.attributes
        self.append(replace(node, inputs=tuple(inputs), outputs=tuple(outputs), attributes=attributes))

    def _undefined(self, name: str) -> str:
        """Describe the result of a refused node as if it were there."""
        shape = self.shape(name)
        self._places[name] = Places(shape=shape, sources=(Stored(name=name, shape=shape),), perm=_own(shape))
        return name

    def _deliver(self, name: str) -> None:
        """Make a graph output in the model's own shape."""
        places = self._places[name]
        if places.moved is None and places.sources[0].name == name:
            return
        perm = self._order_of(places)
        if perm is not None:
            self._deliver_ordered(name, places.sources[0], perm)
            return
        stored = self._cheapest_order(name, places)
        try:
            source = self.stored(name, stored)
        except UnsupportedError as error:
            self._refuse(replace(self.graph.producers[name], outputs=(name,)), str(error))
            return
        perm = self._order_of(Places(shape=places.shape, sources=(source,), perm=stored))
        assert perm is not None
        self._deliver_ordered(name, source, perm)

    def _cheapest_order(self, name: str, places: Places) -> Shape:
        """Return the axis order in which an output takes the fewest movements; the host writes it in its own."""
        own = self.perm(name)
        orders = dict.fromkeys([own, channels_last(len(own)), _own(own)])
        return min(orders, key=lambda perm: movements(places, perm))

    def _deliver_ordered(self, name: str, source: Stored, perm: Shape) -> None:
        shape = self.shape(name)
        self._values[name] = self.graph.values[name]
        if perm == _own(perm) and (_has_rows(shape, source.columns) or source.name in self._plain):
            self.view(source, shape, name, name)
        else:
            self.add(ORDER, [source.name], name, attributes={"dims": source.shape, "perm": perm})

    def _order_of(self, places: Places) -> Shape | None:
        """Return the order of the source's axes that gives all elements in the model's order."""
        source = places.sources[0]
        if len(places.sources) != 1 or source.size != prod(places.shape):
            return None
        rank = len(source.shape)
        orders = permutations(range(rank)) if rank <= MOST_AXES_TO_ORDER else _likely_orders(rank)
        flat = places.index.reshape(-1)
        every = np.arange(source.size, dtype=np.int32).reshape(source.shape)
        for perm in orders:
            if bool((every.transpose(perm).reshape(-1) == flat).all()):
                return perm
        return None


def _likely_orders(rank: int) -> tuple[Shape, ...]:
    return tuple(range(rank)), inverse(channels_last(rank))


def _own(perm: Shape) -> Shape:
    return tuple(range(len(perm)))


def _has_rows(shape: Shape, columns: int) -> bool:
    """Whether trailing axes of a shape make rows of this many columns."""
    return any(prod(shape[axis:]) == columns for axis in range(max(1, len(shape))))
