"""From the graph to kernels.

Element-wise operators that follow one another become one expression; an expression may begin with the product of a
Linear. A value goes to memory when more than one operator reads it, when it leaves the model, when the chain of
ALUs would become too long, or when an operator needs it as rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lpu_emu.compiler.geometry import Geometry
from lpu_emu.compiler.lower import expression as ex
from lpu_emu.compiler.lower.expression import Expr, Leaf, Product, Scalar, Vector
from lpu_emu.compiler.lower.grouping import group_pixels
from lpu_emu.compiler.lower.kernel import Kernel, Lowered, Step, Weights
from lpu_emu.compiler.lower.lanes import lane_kernels
from lpu_emu.compiler.lower.pointwise import EXPRESSED, Context, express
from lpu_emu.compiler.lower.regions import arrange_tensors, is_fixed
from lpu_emu.compiler.lower.repeats import find_repeats, most_repeats
from lpu_emu.compiler.lower.rows import per_source
from lpu_emu.compiler.lower.tensors import Tensor, parts_of
from lpu_emu.compiler.lower.views import Views, find_views
from lpu_emu.compiler.lower.window import dense_steps, lanes_of, rows_of, used_taps, window_steps
from lpu_emu.compiler.passes.operators import (
    DOMAIN,
    GATHER_ROWS,
    LANE_MAP,
    LINEAR,
    ORDER,
    POINTWISE,
    PRODUCTS,
    QUANTISED_LINEAR,
    QUANTISED_PRODUCTS,
    QUANTISED_WINDOW_LINEAR,
    SOFTMAX,
    VIEWS,
    WINDOW_LINEAR,
    WINDOW_MAX,
    is_own,
    is_standard,
)
from lpu_emu.compiler.passes.support import MACHINE_TYPES
from lpu_emu.errors import ModelError
from lpu_emu.graph.ir import Graph, Node
from lpu_emu.spec.machine import DTYPE_BYTES

WINDOWED = frozenset({WINDOW_LINEAR, QUANTISED_WINDOW_LINEAR})
# Types of which a product with ones gives exact copies.
SPREADABLE = ("int8", "uint8", "fp16")
# ALU operations of one flow. A chain of this length still leaves half of the mesh to others.
LONGEST_CHAIN = 8


@dataclass(kw_only=True, eq=False)
class _Pending:
    """A value that has not gone to memory: its expression, product and nodes."""

    value: Expr
    nodes: tuple[Node, ...]
    weights: Weights | None = None
    series: tuple[tuple[Step, ...], ...] = ()


@dataclass(eq=False)
class KernelBuilder:
    """Walks the graph once and collects kernels."""

    graph: Graph
    geometry: Geometry
    precision: str
    views: Views = field(init=False)
    tensors: dict[str, Tensor] = field(default_factory=dict)
    kernels: list[Kernel] = field(default_factory=list)
    _pending: dict[str, _Pending] = field(default_factory=dict)
    _plain: set[str] = field(default_factory=set)
    _lazy: dict[str, Node] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.graph = group_pixels(self.graph, self.geometry, POINTWISE)
        self.views = find_views(self.graph, self.geometry.lanes)
        outside = {self.views.root[name]: name for name in reversed(self.graph.outputs)}
        self._leaving = outside
        self._readers = self._count_readers()
        self._repeats = find_repeats(self.graph, self.geometry, self.views.root, POINTWISE)

    def build(self) -> Lowered:
        """Return the kernels of the whole graph."""
        for name in self.graph.inputs:
            self._add_tensor(name, MACHINE_TYPES[self.graph.values[name].dtype.name], 0.0, preloaded=True)
        for name in self.graph.outputs:
            if name in self.graph.constants:
                self._constant(name)
        for node in self.graph.nodes:
            self._visit(node)
        for name in self.graph.outputs:
            self._stored(name)
        arrange_tensors(self.geometry, self.kernels)
        return Lowered(
            kernels=tuple(self.kernels),
            tensors=self.tensors,
            root=dict(self.views.root),
            leaving=tuple(self._leaving),
            orders=dict(self.views.orders),
        )

    # --- nodes

    def _visit(self, node: Node) -> None:
        if is_own(node, WINDOW_MAX):
            self._window_max(node)
        elif is_own(node, GATHER_ROWS):
            self._gather_rows(node)
        elif is_own(node, LANE_MAP):
            self._lane_map(node)
        elif is_own(node, ORDER):
            return
        elif node.domain == DOMAIN and node.op_type in PRODUCTS | QUANTISED_PRODUCTS:
            self._pending[self._root(node.outputs[0])] = self._linear(node)
        elif self._is_lazy(node):
            self._lazy[self._root(node.outputs[0])] = node
        elif node.op_type in EXPRESSED:
            self._pending[self._root(node.outputs[0])] = self._pointwise(node)
        elif node.op_type == SOFTMAX:
            self._softmax(node)
        else:
            assert node.op_type in VIEWS
            return
        name = self._root(node.outputs[0])
        if name in self._pending and (self._readers.get(name, 0) != 1 or name in self._leaving):
            self._stored(name)

    def _linear(self, node: Node) -> _Pending:
        quantised = node.op_type in QUANTISED_PRODUCTS
        activation = MACHINE_TYPES[self.graph.values[node.inputs[0]].dtype.name] if quantised else "fp16"
        x = self._as_type(node.inputs[0], activation)
        if node.op_type in WINDOWED:
            x = self._movable(x, node)
        values = self.graph.constants[node.inputs[1]]
        if node.op_type in (LINEAR, QUANTISED_LINEAR):
            values, series = values[None, None], dense_steps(x)
        else:
            x = self._packable(x, node)
            series = window_steps(self.geometry.chip, x, values, rows_of(node))
        weights = Weights(
            name=node.name,
            values=values,
            activation=activation,
            macs=values.size // values.shape[0],
            groups=node.int_attribute("groups", 1),
        )
        value = self._quantised(node) if quantised else self._float_linear(node)
        return _Pending(value=value, nodes=(node,), weights=weights, series=series)

    def _packable(self, x: Tensor, node: Node) -> Tensor:
        """Return a tensor with as many copies of its columns as serve a convolution, adding a product that makes them."""
        repeats, rows = most_repeats(self.geometry.chip, x.columns), rows_of(node)
        phases = self.graph.constants[node.inputs[1]].shape[0]
        taps = [len(used_taps(rows, phase, phases)) for phase in range(phases)]
        saved = sum(t - -(-t // repeats) for t in taps) * (len(rows) // phases)
        name = f"{x.name}:spread"
        if x.repeats > 1 or repeats == 1 or saved <= x.rows or x.dtype not in SPREADABLE:
            return x
        if name not in self.tensors:
            ones = np.eye(x.columns, dtype=ex.NUMPY_TYPES[x.dtype] if x.dtype == "fp16" else np.int8)
            weights = Weights(name=name, values=ones[None, None], activation=x.dtype, macs=0)
            total = Product(dtype="fp32" if x.dtype == "fp16" else "int32")
            target = self._new_tensor(name, x.dtype, x.rows, x.columns, 0.0, repeats=repeats)
            kernel = Kernel(
                kind="linear",
                target=target,
                nodes=(node,),
                value=ex.convert(total, x.dtype),
                weights=weights,
                series=dense_steps(x),
            )
            self.kernels.append(kernel)
        return self.tensors[name]

    def _window_max(self, node: Node) -> None:
        x = self._movable(self._stored(node.inputs[0]), node)
        target = self._moved(node, x.dtype, x.pad)
        kernel = Kernel(kind="window_max", target=target, nodes=(node,), x=x, rows=rows_of(node))
        self.kernels.append(kernel)

    def _gather_rows(self, node: Node) -> None:
        sources = tuple(self._movable(source, node) for source in self._alike(node))
        fill = node.float_attribute("fill", 0.0)
        rows = rows_of(node)
        if fill and len(sources) > 1 and (rows < 0).any():
            raise ModelError(f"{node}: joins several tensors and fills with {fill:g}; only zero is possible then")
        target = self._moved(node, sources[0].dtype, max((s.pad for s in sources), key=abs))
        maps = per_source(sources, rows)
        self.kernels.append(
            Kernel(kind="rows", target=target, nodes=(node,), sources=sources, maps=maps, fill=fill)
        )

    def _lane_map(self, node: Node) -> None:
        if node.float_attribute("fill", 0.0):
            raise ModelError(f"{node}: fills columns with something else than zero, which is planned")
        sources = tuple(self._alike(node))
        target = self._moved(node, sources[0].dtype, 0.0)
        self.kernels += lane_kernels(node, sources, target, lanes_of(node))

    def _alike(self, node: Node) -> list[Tensor]:
        """Return the inputs of a movement in memory, all of one type."""
        found = [self._stored(name) for name in node.inputs]
        if len({tensor.dtype for tensor in found}) == 1:
            return found
        dtype = self._storage_type(self._root(node.outputs[0]))
        return [self._as_type(name, dtype) for name in node.inputs]

    def _moved(self, node: Node, dtype: str, pad: float) -> Tensor:
        """Return the target of a movement, which keeps the type; a result that leaves in another is converted after it."""
        name = node.outputs[0]
        root = self._root(name)
        if root not in self._leaving or self._storage_type(root) == dtype:
            return self._add_tensor(name, dtype, pad)
        columns = self.views.columns[name]
        moved = self._new_tensor(f"{root}:moved", dtype, self.graph.values[name].size // columns, columns, pad)
        self._pending[root] = _Pending(value=self._leaf(moved), nodes=(node,))
        return moved

    def _float_linear(self, node: Node) -> Expr:
        value: Expr = Product(dtype="fp32")
        if node.input_at(2):
            value = ex.op("add", value, Vector(dtype="fp32", values=self.graph.constants[node.inputs[2]]))
        return ex.op("relu", value) if node.int_attribute("relu", 0) else value

    def _quantised(self, node: Node) -> Expr:
        value: Expr = Product(dtype="int32")
        if node.input_at(2):
            value = ex.op("add", value, Vector(dtype="int32", values=self.graph.constants[node.inputs[2]]))
        factors = self.graph.constants[node.inputs[3]]
        factor: Expr = Vector(dtype="fp32", values=factors)
        if factors.size == 1:
            factor = Scalar(dtype="fp32", value=float(factors[0]))
        value = ex.op("mul", ex.convert(value, "fp32"), factor)
        if node.int_attribute("relu", 0):
            value = ex.op("relu", value)
        result = MACHINE_TYPES[self.graph.values[node.outputs[0]].dtype.name]
        return ex.convert(value, result, saturate=True) if result in ("int8", "uint8") else value

    def _is_lazy(self, node: Node) -> bool:
        """Whether a node is computed again by each of its readers: its operand takes a quarter of the memory."""
        return (
            is_standard(node, "DequantizeLinear")
            and node.inputs[0] not in self.graph.constants
            and self._root(node.outputs[0]) not in self._leaving
        )

    def _pointwise(self, node: Node) -> _Pending:
        found: dict[str, _Pending] = {}

        def operand(name: str) -> Expr:
            root = self._root(name)
            if root in self._lazy:
                return express(self._lazy[root], self._context(self._lazy[root], operand))
            pending = self._pending.get(root)
            if pending is None:
                return self._leaf(self.tensors[root])
            found[root] = pending
            return pending.value

        value = express(node, self._context(node, operand))
        if not self._fits(value, list(found.values())):
            found.clear()
            value = express(node, self._context(node, self._from_memory))
        for root in found:
            del self._pending[root]
        taken = list(found.values())
        products = [p for p in taken if p.weights is not None]
        nodes = tuple(n for p in taken for n in p.nodes)
        first = products[0] if products else None
        return _Pending(
            value=value,
            nodes=(*nodes, node),
            weights=first.weights if first else None,
            series=first.series if first else (),
        )

    def _from_memory(self, name: str) -> Expr:
        """Return an operand that is in memory, what is computed again from what it is computed from."""
        lazy = self._lazy.get(self._root(name))
        if lazy is not None:
            return express(lazy, self._context(lazy, self._from_memory))
        return self._leaf(self._stored(name))

    def _fits(self, value: Expr, taken: list[_Pending]) -> bool:
        """Whether an expression can run as one flow, which reads every tensor at most once."""
        read = ex.leaves(value)
        products = [p for p in taken if p.weights is not None]
        multiplied = {step.source.name for p in products for steps in p.series for step in steps}
        names = [*multiplied, *(leaf.tensor for leaf in read)]
        return (
            ex.operations(value) <= LONGEST_CHAIN
            and len(products) <= 1
            and len(set(names)) == len(names)
            and sum(DTYPE_BYTES[leaf.dtype] for leaf in read) <= self.geometry.chip.slices
        )

    def _context(self, node: Node, operand: Callable[[str], Expr]) -> Context:
        name = node.outputs[0]
        columns = self.views.columns[name]
        return Context(
            graph=self.graph, columns=columns, root=self._root, operand=operand, constant=self._matrix
        )

    def _softmax(self, node: Node) -> None:
        x = self._stored(node.inputs[0])
        name = self._root(node.outputs[0])
        dtype = self._storage_type(name)
        target = self._add_tensor(name, dtype, 1.0)
        self._plain.add(name)
        self.kernels.append(Kernel(kind="softmax", target=target, nodes=(node,), x=x))

    # --- tensors

    def _stored(self, name: str) -> Tensor:
        """Return a tensor in memory, adding the kernel that puts it there if there is none yet."""
        root = self._root(name)
        pending = self._pending.pop(root, None)
        if pending is None and root in self._lazy and root not in self.tensors:
            pending = self._pointwise(self._lazy[root])
        if pending is None:
            return self.tensors[root]
        value = self._finished(pending.value, self._storage_type(root), self.views.columns[root])
        target = self._add_tensor(root, value.dtype, ex.pad_of(value))
        self._add_kernel(target, value, pending)
        return target

    def _add_kernel(self, target: Tensor, value: Expr, pending: _Pending) -> None:
        kind = "linear" if pending.weights is not None else "pointwise"
        if kind == "pointwise" and not ex.operations(value):
            value = ex.op("copy", value)
        kernel = Kernel(
            kind=kind,
            target=target,
            nodes=pending.nodes,
            value=value,
            weights=pending.weights,
            series=pending.series,
        )
        self.kernels.append(kernel)

    def _finished(self, value: Expr, dtype: str, columns: int) -> Expr:
        """Convert a value to the type it is stored in, with finite unused lanes."""
        value = ex.convert(value, dtype, saturate=dtype in ("int8", "uint8"))
        if columns % self.geometry.lanes == 0 or np.isfinite(ex.pad_of(value)):
            return value
        ones = np.ones(columns, dtype=np.int32).view(np.float32)
        if dtype in ("fp16", "bf16"):
            ones = np.ones(columns, dtype=np.int16).view(ex.NUMPY_TYPES[dtype])
        return ex.op("mask", value, Vector(dtype=dtype, values=ones))

    def _as_type(self, name: str, dtype: str) -> Tensor:
        """Return a tensor in memory in a type, adding a conversion if it is there in another."""
        tensor = self._stored(name)
        if tensor.dtype == dtype:
            return tensor
        converted = f"{tensor.name}:{dtype}"
        if converted not in self.tensors:
            value = self._finished(ex.convert(self._leaf(tensor), dtype), dtype, tensor.columns)
            target = self._new_tensor(
                converted, dtype, tensor.rows, tensor.columns, ex.pad_of(value), repeats=tensor.repeats
            )
            node = self._reader_of(name)
            self.kernels.append(Kernel(kind="pointwise", target=target, nodes=(node,), value=value))
        return self.tensors[converted]

    def _movable(self, tensor: Tensor, node: Node) -> Tensor:
        """Return a tensor whose rows can be stored as they will be gathered, adding a copy if it is none."""
        if not is_fixed(tensor) and tensor.name not in self._plain:
            return tensor
        copied = f"{tensor.name}:copy"
        if copied not in self.tensors:
            value = ex.op("copy", self._leaf(tensor))
            target = self._new_tensor(
                copied, tensor.dtype, tensor.rows, tensor.columns, tensor.pad, repeats=tensor.repeats
            )
            self.kernels.append(Kernel(kind="pointwise", target=target, nodes=(node,), value=value))
        return self.tensors[copied]

    def _reader_of(self, name: str) -> Node:
        root = self._root(name)
        for node in self.graph.nodes:
            if node.domain == DOMAIN and node.op_type != ORDER and root in map(self.views.root.get, node.inputs):
                return node
        raise KeyError(name)

    def _leaf(self, tensor: Tensor) -> Leaf:
        return Leaf(tensor=tensor.name, dtype=tensor.dtype, pad=tensor.pad)

    def _root(self, name: str) -> str:
        return self.views.root[name]

    def _storage_type(self, root: str) -> str:
        """The type a tensor has in memory: the model's own where it leaves the chip, else that of the precision."""
        leaving = self._leaving.get(root)
        own = MACHINE_TYPES[self.graph.values[leaving or root].dtype.name]
        if leaving is not None or own not in ("fp32", "fp16"):
            return own
        return "fp16" if self.precision == "fp16" else "fp32"

    def _add_tensor(self, name: str, dtype: str, pad: float, *, preloaded: bool = False) -> Tensor:
        value = self.graph.values[name]
        columns = self.views.columns[name]
        return self._new_tensor(
            self._root(name), dtype, value.size // columns, columns, pad, preloaded=preloaded
        )

    def _new_tensor(
        self,
        name: str,
        dtype: str,
        rows: int,
        columns: int,
        pad: float,
        *,
        preloaded: bool = False,
        content: NDArray[Any] | None = None,
        repeats: int = 0,
    ) -> Tensor:
        tensor = Tensor(
            name=name,
            dtype=dtype,
            rows=rows,
            columns=columns,
            parts=parts_of(self.geometry, rows),
            lanes=self.geometry.lanes,
            pad=pad,
            preloaded=preloaded,
            content=content,
            repeats=repeats or self._repeats.get(name, 1),
        )
        self.tensors[name] = tensor
        return tensor

    def _matrix(self, name: str, values: NDArray[Any], dtype: str) -> Leaf:
        """Return a constant matrix [rows, columns] as a tensor in memory."""
        if name not in self.tensors:
            array = np.ascontiguousarray(values.astype(ex.NUMPY_TYPES[dtype]))
            rows, columns = array.shape
            self._new_tensor(name, dtype, rows, columns, 0.0, content=array)
        return self._leaf(self.tensors[name])

    def _constant(self, name: str) -> None:
        values = self.graph.constants[name]
        columns = self.views.columns[name]
        dtype = MACHINE_TYPES[values.dtype.name]
        rows = values.size // columns
        self._new_tensor(name, dtype, rows, columns, 0.0, content=values.reshape(rows, columns))

    def _count_readers(self) -> dict[str, int]:
        """Nodes that read each tensor's memory, views of it included."""
        readers: dict[str, int] = {}
        for node in reversed(self.graph.nodes):
            if self._is_lazy(node):
                # Its readers read what it is computed from.
                source, result = self._root(node.inputs[0]), self._root(node.outputs[0])
                readers[source] = readers.get(source, 0) + readers.get(result, 0)
                continue
            if (not node.domain and node.op_type in VIEWS) or is_own(node, ORDER):
                continue
            names = {self.views.root[n] for n in node.inputs if n in self.views.root}
            for name in sorted(names):
                readers[name] = readers.get(name, 0) + 1
        return readers

