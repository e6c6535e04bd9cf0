"""Random networks of image operators, float and quantised: the passes keep the value of every output."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from compiler.models import ModelMaker
from compiler.passes_check import layer_differences, random_inputs, same_value
from compiler.quantised_models import QuantisedMaker
from lpu_emu.compiler.passes import INT8, run_passes
from lpu_emu.compiler.passes.operators import DOMAIN, ORDER, WINDOW_MAX
from lpu_emu.graph.ir import Graph, Node

Rng = np.random.Generator
Shape = tuple[int, ...]


class Network:
    """A growing network; ``pool`` holds its image tensors with their shapes."""

    def __init__(self, rng: Rng, *, quantised: bool) -> None:
        self.rng = rng
        self.maker = QuantisedMaker(rng)
        self.quantised = quantised
        self.pool: list[tuple[str, Shape]] = []
        self._count = 0

    def name(self) -> str:
        self._count += 1
        return f"t{self._count}"

    def pick(self) -> tuple[str, Shape]:
        return self.pool[int(self.rng.integers(max(0, len(self.pool) - 3), len(self.pool)))]

    def put(self, tensor: str) -> None:
        """Add a result, quantised where the network is."""
        if self.quantised:
            tensor = self.maker.qdq(tensor, 0.05, np.int8)
        self.pool.append((tensor, self.maker.shape_of(tensor)))

    def constant(self, *shape: int) -> str:
        return self.maker.new((self.rng.standard_normal(shape) * 0.4).astype(np.float32))

    def conv(self, x: str, shape: Shape, outputs: int, kernel: int, groups: int = 1, stride: int = 1) -> str:
        weights = (outputs, shape[1] // groups, kernel, kernel)
        attributes: dict[str, Any] = {
            "group": groups,
            "strides": (stride, stride),
            "pads": (kernel // 2,) * 4,
        }
        if self.quantised:
            return self.maker.conv(x, weights, self.name(), **attributes)
        inputs = [x, self.constant(*weights), self.constant(outputs)]
        return self.maker.node("Conv", inputs, self.name(), **attributes)


def _conv(net: Network) -> None:
    x, shape = net.pick()
    y = net.conv(
        x, shape, int(net.rng.integers(1, 9)), int(net.rng.choice([1, 3])), stride=int(net.rng.integers(1, 3))
    )
    net.put(net.maker.node("Relu", [y], net.name()) if net.rng.integers(2) else y)


def _depthwise(net: Network) -> None:
    x, shape = net.pick()
    net.put(net.conv(x, shape, shape[1], 3, groups=shape[1]))


def _pool(net: Network) -> None:
    x, _ = net.pick()
    kind = str(net.rng.choice(["MaxPool", "AveragePool"]))
    net.put(net.maker.node(kind, [x], net.name(), kernel_shape=(3, 3), pads=(1, 1, 1, 1)))


def _residual(net: Network) -> None:
    x, shape = net.pick()
    y = net.conv(x, shape, shape[1], 3)
    y = net.maker.qdq(y, 0.05) if net.quantised else y
    net.put(net.maker.node("Relu", [net.maker.node("Add", [x, y], net.name())], net.name()))


def _concat(net: Network) -> None:
    x, shape = net.pick()
    others = [t for t, s in net.pool if s[0] == shape[0] and s[2:] == shape[2:]]
    net.put(net.maker.node("Concat", [*others[-2:], x], net.name(), axis=1))


def _gate(net: Network) -> None:
    x, _ = net.pick()
    y = net.maker.node("Sigmoid", [net.maker.node("GlobalAveragePool", [x], net.name())], net.name())
    net.put(net.maker.node("Mul", [x, y], net.name()))


def _shuffle(net: Network) -> None:
    x, (n, c, h, w) = net.pick()
    if c % 2 == 0:
        y = net.maker.node("Reshape", [x, net.maker.new(np.array([n, 2, c // 2, h, w]))], net.name())
        y = net.maker.node("Transpose", [y], net.name(), perm=(0, 2, 1, 3, 4))
        net.put(net.maker.node("Reshape", [y, net.maker.new(np.array([n, c, h, w]))], net.name()))


def _slice(net: Network) -> None:
    x, shape = net.pick()
    axis = int(net.rng.integers(1, 4))
    if shape[axis] > 2:
        limits = [net.maker.new(np.array([v])) for v in (1, 1 << 30, axis)]
        net.put(net.maker.node("Slice", [x, *limits], net.name()))


def _pad(net: Network) -> None:
    x, _ = net.pick()
    net.put(net.maker.node("Pad", [x, net.maker.new(np.array([0, 0, 1, 0, 0, 0, 0, 2]))], net.name()))


def _clip(net: Network) -> None:
    x, _ = net.pick()
    limits = [net.maker.new(np.float32(v)) for v in (0, float(net.rng.choice([1.0, 6.0])))]
    net.put(net.maker.node("Clip", [x, *limits], net.name()))


LAYERS: list[Callable[[Network], None]] = [
    _conv, _conv, _depthwise, _pool, _residual, _concat, _gate, _shuffle, _slice, _pad, _clip,
]  # fmt: skip


def network(seed: int, *, quantised: bool) -> Graph:
    rng = np.random.default_rng(seed)
    net = Network(rng, quantised=quantised)
    net.put(net.maker.input("x", (int(rng.integers(1, 3)), int(rng.integers(1, 5)), 8, 7)))
    for _ in range(int(rng.integers(3, 9))):
        LAYERS[int(rng.integers(len(LAYERS)))](net)
    x, shape = net.pool[-1]
    if len(net.pool) == 1:
        x = net.maker.node("Relu", [x], net.name())
    flat = net.maker.node("Flatten", [x], net.name())
    w = net.constant(int(np.prod(shape[1:])), 3)
    scores = net.maker.node("MatMul", [flat, w], "scores")
    return net.maker.graph(*dict.fromkeys([scores, net.pick()[0], x]))


def check_form(graph: Graph, where: str) -> None:
    """Check what lowering relies on."""
    for node in graph.nodes:
        if node.domain == DOMAIN:
            assert _is_sound(graph, node), f"{where}: {node}"


def _is_sound(graph: Graph, node: Node) -> bool:
    shape = graph.values[node.outputs[0]].shape
    rows = node.tensor_attribute("rows")
    if node.op_type == ORDER:
        return node.inputs[0] in graph.inputs or node.outputs[0] in graph.outputs
    if rows is None:
        return True
    taps = rows.shape[1] if rows.ndim == 2 else 1
    count = sum(
        graph.values[name].size // graph.values[name].shape[-1] for name in node.inputs[:1] if rows.ndim == 2
    )
    return (
        rows.dtype == np.int32
        and rows.shape[0] == np.prod(shape[:-1])
        and (rows.ndim == 1 or int(rows.max()) < count)
        and (node.op_type != WINDOW_MAX or taps <= 8)
    )


@pytest.mark.parametrize("seed", range(60))
def test_float_networks(seed: int) -> None:
    graph = same_value(network(seed, quantised=False), f"seed {seed}", seed=seed, tolerance=1e-3)
    check_form(graph, f"seed {seed}")


@pytest.mark.parametrize("seed", range(60))
def test_quantised_networks(seed: int) -> None:
    """Each layer by itself is exact but for ties; through a network a difference of one travels, so outputs are near."""
    source = network(seed, quantised=True)
    graph = same_value(source, f"seed {seed}", seed=seed, tolerance=0.6)
    check_form(graph, f"seed {seed}")
    differences = layer_differences(source, graph, random_inputs(source, np.random.default_rng(seed)))
    assert differences.max(initial=0) <= 1, f"seed {seed}"
    # Means of four or six neighbours lie on a half often, and the float mean to either side of it.
    halves = any("AveragePool" in node.op_type for node in source.nodes)
    assert int(differences.sum()) <= (differences.size // 20 if halves else 2), f"seed {seed}"


def test_layers_are_compared() -> None:
    source = network(1, quantised=True)
    graph = run_passes(source, INT8)
    assert layer_differences(source, graph, random_inputs(source, np.random.default_rng(0))).size > 100


def test_models_differ() -> None:
    assert len({len(network(seed, quantised=False).nodes) for seed in range(20)}) > 5
    assert isinstance(network(0, quantised=True), Graph)
    assert issubclass(QuantisedMaker, ModelMaker)
