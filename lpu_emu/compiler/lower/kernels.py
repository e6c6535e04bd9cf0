"""From the graph to kernels.

Element-wise operators that follow one another become one expression; an expression may begin with the product of a
Linear. A value goes to memory when more than one operator reads it, when it leaves the model, when the chain of
ALUs would become too long, or when an operator needs it as rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from lpu_emu.compiler.geometry import Geometry
from lpu_emu.compiler.lower import expression as ex
from lpu_emu.compiler.lower.bias import bias_weights, with_bias
from lpu_emu.compiler.lower.epilogue import finished, float_epilogue, integer_epilogue
from lpu_emu.compiler.lower.expression import Expr
from lpu_emu.compiler.lower.grouping import group_pixels
from lpu_emu.compiler.lower.kernel import Kernel, Lowered, Step, Weights
from lpu_emu.compiler.lower.lanes import lane_kernels
from lpu_emu.compiler.lower.pointwise import EXPRESSED, Context, express
from lpu_emu.compiler.lower.readers import count_readers, reader_of
from lpu_emu.compiler.lower.regions import arrange_tensors, is_fixed
from lpu_emu.compiler.lower.repeats import find_repeats
from lpu_emu.compiler.lower.rows import per_source
from lpu_emu.compiler.lower.split import low_half, split_product
from lpu_emu.compiler.lower.splitting import is_worth_splitting, split_in_two
from lpu_emu.compiler.lower.spread import spread_kernel, wanted_repeats
from lpu_emu.compiler.lower.table import TensorTable
from lpu_emu.compiler.lower.taps import is_wide, maxima_by_taps
from lpu_emu.compiler.lower.tensors import Tensor
from lpu_emu.compiler.lower.views import Views, find_views
from lpu_emu.compiler.lower.window import dense_steps, lanes_of, rows_of, window_steps
from lpu_emu.compiler.passes import FP32
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
    table: TensorTable = field(init=False)
    kernels: list[Kernel] = field(default_factory=list)
    _pending: dict[str, _Pending] = field(default_factory=dict)
    _plain: set[str] = field(default_factory=set)
    _lazy: dict[str, Node] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.graph = group_pixels(self.graph, self.geometry, POINTWISE)
        self.views = find_views(self.graph, self.geometry.lanes)
        self.table = TensorTable(
            graph=self.graph,
            geometry=self.geometry,
            precision=self.precision,
            views=self.views,
            leaving={self.views.root[name]: name for name in reversed(self.graph.outputs)},
            repeats=find_repeats(self.graph, self.geometry, self.views.root, POINTWISE),
        )
        self._readers = count_readers(self.graph, self.views.root, self._is_lazy)

    def build(self) -> Lowered:
        """Return the kernels of the whole graph."""
        for name in self.graph.inputs:
            self.table.add(name, MACHINE_TYPES[self.graph.values[name].dtype.name], 0.0, preloaded=True)
        for name in self.graph.outputs:
            if name in self.graph.constants:
                self.table.constant(name)
        for node in self.graph.nodes:
            self._visit(node)
        for name in self.graph.outputs:
            self._stored(name)
        arrange_tensors(self.geometry, self.kernels)
        return Lowered(
            kernels=tuple(self.kernels),
            tensors=self.table.tensors,
            root=dict(self.views.root),
            leaving=tuple(self.table.leaving),
            orders=dict(self.views.orders),
        )

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
            self._pending[self.table.root(node.outputs[0])] = self._linear(node)
        elif self._is_lazy(node):
            self._lazy[self.table.root(node.outputs[0])] = node
        elif node.op_type in EXPRESSED:
            self._pending[self.table.root(node.outputs[0])] = self._pointwise(node)
        elif node.op_type == SOFTMAX:
            self._softmax(node)
        else:
            assert node.op_type in VIEWS
            return
        name = self.table.root(node.outputs[0])
        if name in self._pending and (self._readers.get(name, 0) != 1 or name in self.table.leaving):
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
        if quantised and node.input_at(2) and node.int_attribute("relu", 0) and not is_fixed(x):
            bias = self.graph.constants[node.inputs[2]]
            folded = with_bias(self.geometry, series, bias) if x.name not in self._plain else None
            if folded is not None:
                per_superlane = self.geometry.chip.lanes_per_superlane
                weights = replace(weights, bias=bias_weights(bias, per_superlane))
                value = integer_epilogue(self.graph, node, biased=True)
                return _Pending(value=value, nodes=(node,), weights=weights, series=folded)
        if self.precision == FP32 and not quantised:
            return self._split(node, weights, series)
        value = integer_epilogue(self.graph, node) if quantised else float_epilogue(self.graph, node)
        return _Pending(value=value, nodes=(node,), weights=weights, series=series)

    def _split(self, node: Node, weights: Weights, series: tuple[tuple[Step, ...], ...]) -> _Pending:
        """Return an fp32 product in three passes of fp16."""
        x, low = self._stored(node.inputs[0]), None
        if x.dtype != "fp16":
            low, made = low_half(self.table, x, self._as_type(node.inputs[0], "fp16"), node)
            self.kernels += made
            low = self._packable(low, node) if node.op_type in WINDOWED else low
        found = split_product(self.table, node, weights, series, low)
        self.kernels += found.before
        value = float_epilogue(self.graph, node, found.value)
        return _Pending(value=value, nodes=(node,), weights=found.weights, series=found.series)

    def _packable(self, x: Tensor, node: Node) -> Tensor:
        """Return a tensor with as many copies of its columns as serve a convolution, adding a product that makes them."""
        phases = self.graph.constants[node.inputs[1]].shape[0]
        repeats = wanted_repeats(self.geometry.chip, x, rows_of(node), phases)
        if repeats == 1:
            return x
        name = f"{x.name}:spread"
        if name not in self.table.tensors:
            target = self.table.new(name, x.dtype, x.rows, x.columns, 0.0, repeats=repeats)
            self.kernels.append(spread_kernel(x, target, node))
        return self.table.tensors[name]

    def _window_max(self, node: Node) -> None:
        x = self._movable(self._stored(node.inputs[0]), node)
        root = self.table.root(node.outputs[0])
        if is_wide(x, rows_of(node)):
            before, value = maxima_by_taps(self.table, node, x, rows_of(node), root)
            self.kernels += before
            self._pending[root] = _Pending(value=value, nodes=(node,))
            return
        target = self._moved(node, x.dtype, x.pad)
        kernel = Kernel(kind="window_max", target=target, nodes=(node,), x=x, rows=rows_of(node))
        self.kernels.append(kernel)

    def _gather_rows(self, node: Node) -> None:
        sources = tuple(self._movable(source, node) for source in self._alike(node))
        fill = node.float_attribute("fill", 0.0)
        rows = rows_of(node)
        if fill and len(sources) > 1 and (rows < 0).any():
            raise ModelError(
                f"{node}: joins several tensors and fills with {fill:g}; only zero is possible then"
            )
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
        dtype = self.table.storage_type(self.table.root(node.outputs[0]))
        return [self._as_type(name, dtype) for name in node.inputs]

    def _moved(self, node: Node, dtype: str, pad: float) -> Tensor:
        """Return the target of a movement, which keeps the type; a result that leaves in another is converted after it."""
        name = node.outputs[0]
        root = self.table.root(name)
        if root not in self.table.leaving or self.table.storage_type(root) == dtype:
            return self.table.add(name, dtype, pad)
        columns = self.views.columns[name]
        moved = self.table.new(f"{root}:moved", dtype, self.graph.values[name].size // columns, columns, pad)
        self._pending[root] = _Pending(value=self.table.leaf(moved), nodes=(node,))
        return moved

    def _is_lazy(self, node: Node) -> bool:
        """Whether a node is computed again by each of its readers: its operand takes a quarter of the memory.

        Small meshes cannot compute the operands of a sum together with the sum.
        """
        return (
            len(self.geometry.alus) >= 2 * LONGEST_CHAIN
            and is_standard(node, "DequantizeLinear")
            and node.inputs[0] not in self.graph.constants
            and self.table.root(node.outputs[0]) not in self.table.leaving
        )

    def _pointwise(self, node: Node) -> _Pending:
        found: dict[str, _Pending] = {}

        def operand(name: str) -> Expr:
            root = self.table.root(name)
            if root in self._lazy:
                return express(self._lazy[root], self._context(self._lazy[root], operand))
            pending = self._pending.get(root)
            if pending is None:
                return self.table.leaf(self.table.tensors[root])
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
        lazy = self._lazy.get(self.table.root(name))
        if lazy is not None:
            return express(lazy, self._context(lazy, self._from_memory))
        return self.table.leaf(self._stored(name))

    def _fits(self, value: Expr, taken: list[_Pending]) -> bool:
        """Whether an expression can run as one flow, which reads every tensor at most once."""
        read = ex.leaves(value)
        products = [p for p in taken if p.weights is not None]
        multiplied = {step.source.name for p in products for steps in p.series for step in steps}
        names = [*multiplied, *(leaf.tensor for leaf in read)]
        return (
            ex.operations(value) <= min(LONGEST_CHAIN, len(self.geometry.alus) // 2)
            and len(products) <= 1
            and len(set(names)) == len(names)
            and sum(DTYPE_BYTES[leaf.dtype] for leaf in read) <= self.geometry.chip.slices
        )

    def _context(self, node: Node, operand: Callable[[str], Expr]) -> Context:
        name = node.outputs[0]
        columns = self.views.columns[name]
        return Context(
            graph=self.graph,
            columns=columns,
            root=self.table.root,
            operand=operand,
            constant=self.table.matrix,
        )

    def _softmax(self, node: Node) -> None:
        x = self._stored(node.inputs[0])
        name = self.table.root(node.outputs[0])
        dtype = self.table.storage_type(name)
        target = self.table.add(name, dtype, 1.0)
        self._plain.add(name)
        self.kernels.append(Kernel(kind="softmax", target=target, nodes=(node,), x=x))

    def _stored(self, name: str) -> Tensor:
        """Return a tensor in memory, adding the kernel that puts it there if there is none yet."""
        root = self.table.root(name)
        pending = self._pending.pop(root, None)
        if pending is None and root in self._lazy and root not in self.table.tensors:
            pending = self._pointwise(self._lazy[root])
        if pending is None:
            return self.table.tensors[root]
        value = finished(
            pending.value, self.table.storage_type(root), self.views.columns[root], self.geometry.lanes
        )
        target = self.table.add(root, value.dtype, ex.pad_of(value))
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
        if is_worth_splitting(kernel, self.geometry):
            name = f"{target.name}:partial"
            partial = self.table.new(name, "int32", target.rows, target.columns, 0.0, repeats=target.repeats)
            self.kernels += split_in_two(kernel, partial)
        else:
            self.kernels.append(kernel)

    def _as_type(self, name: str, dtype: str) -> Tensor:
        """Return a tensor in memory in a type, adding a conversion if it is there in another."""
        tensor = self._stored(name)
        if tensor.dtype == dtype:
            return tensor
        converted = f"{tensor.name}:{dtype}"
        if converted not in self.table.tensors:
            value = finished(
                ex.convert(self.table.leaf(tensor), dtype), dtype, tensor.columns, self.geometry.lanes
            )
            target = self.table.new(
                converted, dtype, tensor.rows, tensor.columns, ex.pad_of(value), repeats=tensor.repeats
            )
            node = reader_of(self.graph, self.views.root, name)
            self.kernels.append(Kernel(kind="pointwise", target=target, nodes=(node,), value=value))
        return self.table.tensors[converted]

    def _movable(self, tensor: Tensor, node: Node) -> Tensor:
        """Return a tensor whose rows can be stored as they will be gathered, adding a copy if it is none."""
        if not is_fixed(tensor) and tensor.name not in self._plain:
            return tensor
        copied = f"{tensor.name}:copy"
        if copied not in self.table.tensors:
            value = ex.op("copy", self.table.leaf(tensor))
            target = self.table.new(
                copied, tensor.dtype, tensor.rows, tensor.columns, tensor.pad, repeats=tensor.repeats
            )
            self.kernels.append(Kernel(kind="pointwise", target=target, nodes=(node,), value=value))
        return self.table.tensors[copied]
