"""Activation functions and divisions, written in what the vector unit computes.

It has sums, products, max, min, exp, tanh and rsqrt; each rule here writes one operator in these words.
"""

from __future__ import annotations

from collections.abc import Callable
from math import pi, sqrt
from typing import Any

import numpy as np

from lpu_emu.compiler.passes.edits import Edits
from lpu_emu.compiler.passes.operators import is_standard
from lpu_emu.compiler.passes.recipe import Recipe
from lpu_emu.compiler.passes.softmax_axis import single_axis
from lpu_emu.graph.ir import Array, Graph, Node

# exp of more than this leaves fp32 when squared; tanh(softplus(x)) is 1 long before.
_FAR = 20.0
Rule = Callable[[Recipe], str | None]


def expand_activations(graph: Graph) -> Graph:
    """Return the graph with every operator that has a rule written in simpler ones."""
    edits = Edits(graph)
    for node in graph.nodes:
        rule = RULES.get(node.op_type)
        if rule is None or node.domain or not _is_float(graph, node):
            continue
        recipe = Recipe(graph=graph, edits=edits, node=node)
        result = rule(recipe)
        if result is not None:
            recipe.finish(result)
    return edits.apply()


def _is_float(graph: Graph, node: Node) -> bool:
    return graph.values[node.outputs[0]].dtype.name in ("float32", "float16", "bfloat16")


def _constant(r: Recipe, index: int) -> Array | None:
    name = r.node.input_at(index)
    return r.graph.constants.get(name) if name else None


def _leaky_relu(r: Recipe) -> str:
    x, alpha = r.node.inputs[0], r.node.float_attribute("alpha", 0.01)
    return r.make("Max" if alpha <= 1 else "Min", x, r.mul(x, alpha))


def _prelu(r: Recipe) -> str:
    x, slope = r.node.inputs
    known = _constant(r, 1)
    if known is not None and bool((known <= 1).all()):
        return r.make("Max", x, r.mul(x, slope))
    negative = r.mul(r.make("Min", x, 0.0), slope)
    return r.add(r.make("Relu", x), negative)


def _hard_sigmoid(r: Recipe) -> str:
    alpha, beta = r.node.float_attribute("alpha", 0.2), r.node.float_attribute("beta", 0.5)
    return r.clip(r.add(r.mul(r.node.inputs[0], alpha), beta), 0.0, 1.0)


def _hard_swish(r: Recipe) -> str:
    x = r.node.inputs[0]
    return r.mul(x, r.clip(r.add(r.mul(x, 1 / 6), 0.5), 0.0, 1.0))


def _exponential_unit(r: Recipe, alpha: float, scale: float, gamma: float) -> str:
    """gamma * (max(x, 0) + alpha * (exp(min(x, 0) * scale) - 1))."""
    x = r.node.inputs[0]
    negative = r.make("Min", x, 0.0)
    power = r.make("Exp", negative if scale == 1 else r.mul(negative, scale))
    below = r.mul(r.add(power, -1.0), alpha * gamma)
    above = r.make("Relu", x)
    return r.add(above if gamma == 1 else r.mul(above, gamma), below)


def _elu(r: Recipe) -> str:
    return _exponential_unit(r, r.node.float_attribute("alpha", 1.0), 1.0, 1.0)


def _celu(r: Recipe) -> str:
    alpha = r.node.float_attribute("alpha", 1.0)
    return _exponential_unit(r, alpha, 1.0 / alpha, 1.0)


def _selu(r: Recipe) -> str:
    alpha = r.node.float_attribute("alpha", 1.6732632)
    return _exponential_unit(r, alpha, 1.0, r.node.float_attribute("gamma", 1.0507009))


def _swish(r: Recipe) -> str:
    x, alpha = r.node.inputs[0], r.node.float_attribute("alpha", 1.0)
    return r.mul(x, r.make("Sigmoid", x if alpha == 1 else r.mul(x, alpha)))


def _mish(r: Recipe) -> str:
    """X * n / (n + 2) with n = exp(x) * (exp(x) + 2), which is x * tanh(softplus(x))."""
    x = r.node.inputs[0]
    power = r.make("Exp", r.make("Min", x, _FAR))
    n = r.mul(power, r.add(power, 2.0))
    return r.mul(x, r.mul(n, r.reciprocal(r.add(n, 2.0), positive=True)))


def _softsign(r: Recipe) -> str:
    x = r.node.inputs[0]
    return r.mul(x, r.reciprocal(r.add(r.make("Abs", x), 1.0), positive=True))


def _gelu(r: Recipe) -> str:
    x = r.node.inputs[0]
    if r.node.text_attribute("approximate", "none") == "tanh":
        cube = r.mul(r.mul(x, x), x)
        bent = r.make("Tanh", r.mul(r.add(x, r.mul(cube, 0.044715)), sqrt(2 / pi)))
    else:
        bent = r.erf(r.mul(x, sqrt(0.5)))
    return r.mul(r.mul(x, 0.5), r.add(bent, 1.0))


def _softplus(r: Recipe) -> str:
    """max(x, 0) + ln(1 + exp(-|x|))."""
    x = r.node.inputs[0]
    power = r.make("Exp", r.make("Neg", r.make("Abs", x)))
    return r.add(r.make("Relu", x), r.log(r.add(power, 1.0)))


def _log_softmax(r: Recipe) -> str | None:
    """X - max + ln(the largest probability), which is that of the largest x."""
    x, shape = r.node.inputs[0], r.result.shape
    axis = single_axis(r.node, shape)
    if axis is None:
        return None
    like = r.edits.shaped(r.result, tuple(1 if a == axis else d for a, d in enumerate(shape)))
    axes = r.edits.constant(f"{r.node.name}:axes", np.asarray([axis]))
    share = r.make("ReduceMax", r.make("Softmax", x, axis=axis), axes, like=like)
    largest = r.make("ReduceMax", x, axes, like=like)
    offset = r.make("Sub", r.log(share, like), largest, like=like)
    return r.add(x, offset)


def _thresholded(r: Recipe) -> str:
    """X times 1 where it is above alpha, else times 0."""
    x, alpha = r.node.inputs[0], r.node.float_attribute("alpha", 1.0)
    if alpha == 0:
        return r.make("Relu", x)
    return r.mul(x, r.clip(_steep(r, r.add(x, -alpha)), 0.0, 1.0))


def _steep(r: Recipe, x: str) -> str:
    """X times so much that every number becomes at least one, or at most minus one."""
    factor, times = (3e4, 2) if r.result.dtype.name == "float16" else (1e19, 4)
    for _ in range(times):
        x = r.clip(r.mul(x, factor), -1.0, 1.0)
    return x


def _sign(r: Recipe) -> str:
    return _steep(r, r.node.inputs[0])


def _sqrt(r: Recipe) -> str:
    return r.sqrt(r.node.inputs[0])


def _reciprocal(r: Recipe) -> str:
    x = r.node.inputs[0]
    return r.reciprocal(x, positive=is_positive(r.graph, x))


def _divide(r: Recipe) -> str:
    """A constant divisor becomes its reciprocal, rounded once; another is inverted on the chip."""
    a, b = r.node.inputs
    known = _constant(r, 1)
    if known is not None:
        with np.errstate(divide="ignore"):
            return r.mul(a, r.number(1.0 / known.astype(np.float64)))
    inverse = r.reciprocal(b, r.graph.values[b], positive=is_positive(r.graph, b))
    return r.mul(a, inverse)


def _power(r: Recipe) -> str | None:
    x, known = r.node.inputs[0], _constant(r, 1)
    if known is None or known.size != 1:
        return None
    exponent = float(known.reshape(()))
    rules: dict[float, Callable[[], str]] = {
        0.5: lambda: r.sqrt(x),
        1.0: lambda: r.mul(x, 1.0),
        2.0: lambda: r.mul(x, x),
        3.0: lambda: r.mul(r.mul(x, x), x),
        -0.5: lambda: r.rsqrt(x),
        -1.0: lambda: r.reciprocal(x, positive=is_positive(r.graph, x)),
    }
    return rules[exponent]() if exponent in rules else None


def _sum(r: Recipe) -> str:
    return _total(r) if len(r.node.inputs) > 1 else r.mul(r.node.inputs[0], 1.0)


def _total(r: Recipe) -> str:
    total, *others = r.node.inputs
    shape = r.graph.values[total].shape
    for name in others:
        shape = np.broadcast_shapes(shape, r.graph.values[name].shape)
        like = r.edits.shaped(r.result, shape)
        total = r.make("Add", total, name, like=like)
    return total


def _mean(r: Recipe) -> str:
    if len(r.node.inputs) == 1:
        return _sum(r)
    return r.mul(_total(r), 1.0 / len(r.node.inputs))


def _reduced(r: Recipe, word: str) -> str:
    """The sum over the reduced axes of x * x (``Mul``) or of the absolute values (``Abs``)."""
    x, *parameters = r.node.inputs
    like = r.graph.values[x]
    each = r.make("Abs", x, like=like) if word == "Abs" else r.make("Mul", x, x, like=like)
    attributes: dict[str, Any] = {key: value for key, value in r.node.attributes.items() if key != "kinds"}
    return r.make("ReduceSum", each, *parameters, **attributes)


def _norm(r: Recipe) -> str:
    return r.sqrt(_reduced(r, "Mul"))


def is_positive(graph: Graph, tensor: str, *, zero: bool = False) -> bool:
    """Whether no element of a tensor is negative or (unless ``zero``) zero, as far as its operators tell."""
    if tensor in graph.constants:
        value = graph.constants[tensor]
        return bool((value >= 0).all() if zero else (value > 0).all())
    node = graph.producers.get(tensor)
    if node is None:
        return False
    if is_standard(node, "Exp", "Sigmoid"):
        return True
    if is_standard(node, "Abs", "Relu", "ReduceL2", "ReduceL1"):
        return zero
    if is_standard(node, "Sqrt", "Reshape", "ReduceSum", "ReduceMean", "Expand", "Unsqueeze", "Squeeze"):
        return is_positive(graph, node.inputs[0], zero=zero)
    if is_standard(node, "Add"):
        each = [is_positive(graph, name, zero=zero) for name in node.inputs]
        return all(is_positive(graph, name, zero=True) for name in node.inputs) and any(each)
    if is_standard(node, "Max"):
        return any(is_positive(graph, name, zero=zero) for name in node.inputs)
    if is_standard(node, "Mul"):
        square = node.inputs[0] == node.inputs[1]
        return (zero and square) or all(is_positive(graph, name, zero=zero) for name in node.inputs)
    return False


RULES: dict[str, Rule] = {
    "LeakyRelu": _leaky_relu,
    "PRelu": _prelu,
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": _hard_swish,
    "Elu": _elu,
    "Celu": _celu,
    "Selu": _selu,
    "Swish": _swish,
    "Mish": _mish,
    "Softsign": _softsign,
    "Gelu": _gelu,
    "Erf": lambda r: r.erf(r.node.inputs[0]),
    "Log": lambda r: r.log(r.node.inputs[0]),
    "LogSoftmax": _log_softmax,
    "Softplus": _softplus,
    "ThresholdedRelu": _thresholded,
    "Sign": _sign,
    "Sqrt": _sqrt,
    "Reciprocal": _reciprocal,
    "Div": _divide,
    "Pow": _power,
    "Sum": _sum,
    "Mean": _mean,
    "ReduceL1": lambda r: _reduced(r, "Abs"),
    "ReduceL2": _norm,
    "ReduceSumSquare": lambda r: _reduced(r, "Mul"),
}
