"""Operators that work element by element.

Functions that are not correctly rounded by IEEE 754 (exp, log, tanh ...) go through float64, so that
their float32 results do not depend on the vector instructions of the host.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from math import erf

import numpy as np

from lpu_emu.graph.ir import Array
from lpu_emu.graph.numpy_ops.registry import Call, kernel

_ERF = np.frompyfunc(erf, 1, 1)


def through_float64(x: Array, function: Callable[[Array], Array]) -> Array:
    """Apply a function in float64 and round once to the type of the input."""
    return np.asarray(function(x.astype(np.float64))).astype(x.dtype)


def error_function(x: Array) -> Array:
    """The error function of a float64 array."""
    return np.asarray(_ERF(x)).astype(np.float64)


def _unary(op_type: str, function: Callable[[Array], Array]) -> None:
    @kernel(op_type)
    def apply(call: Call) -> list[Array]:
        x = call.need(0)
        return [np.asarray(function(x)).astype(x.dtype)]


def _unary_float64(op_type: str, function: Callable[[Array], Array]) -> None:
    @kernel(op_type)
    def apply(call: Call) -> list[Array]:
        return [through_float64(call.need(0), function)]


def _binary(op_type: str, function: Callable[[Array, Array], Array]) -> None:
    @kernel(op_type)
    def apply(call: Call) -> list[Array]:
        a, b = call.need(0), call.need(1)
        return [np.asarray(function(a, b)).astype(a.dtype)]


def _comparison(op_type: str, function: Callable[[Array, Array], Array]) -> None:
    @kernel(op_type)
    def apply(call: Call) -> list[Array]:
        return [np.asarray(function(call.need(0), call.need(1)))]


def _divide(a: Array, b: Array) -> Array:
    if np.issubdtype(a.dtype, np.integer):
        quotient = np.abs(a) // np.where(b == 0, 1, np.abs(b)).astype(b.dtype)
        return np.where(b == 0, 0, quotient * (np.sign(a) * np.sign(b)))
    return a / b


def _power(a: Array, b: Array) -> Array:
    if np.issubdtype(a.dtype, np.integer) and np.issubdtype(b.dtype, np.integer):
        return np.where(b < 0, 0, np.power(a, np.maximum(b, 0)))
    return np.power(a.astype(np.float64), b.astype(np.float64))


def _sigmoid(x: Array) -> Array:
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0 / (1.0 + small), small / (1.0 + small))


for _name, _function in {
    "Neg": np.negative, "Abs": np.abs, "Sqrt": np.sqrt, "Floor": np.floor, "Ceil": np.ceil,
    "Round": np.rint, "Sign": np.sign, "Not": np.logical_not, "BitwiseNot": np.invert,
}.items():  # fmt: skip
    _unary(_name, _function)
_unary("Reciprocal", lambda x: np.asarray(1, dtype=x.dtype) / x)
_unary("Relu", lambda x: np.maximum(x, np.asarray(0, dtype=x.dtype)))
for _name, _function in {
    "Exp": np.exp, "Log": np.log, "Sin": np.sin, "Cos": np.cos, "Tan": np.tan, "Tanh": np.tanh,
    "Sinh": np.sinh, "Cosh": np.cosh, "Asin": np.arcsin, "Acos": np.arccos, "Atan": np.arctan,
    "Asinh": np.arcsinh, "Acosh": np.arccosh, "Atanh": np.arctanh,
}.items():  # fmt: skip
    _unary_float64(_name, _function)
_unary_float64("Sigmoid", _sigmoid)
_unary_float64("Erf", error_function)
_unary_float64("Softplus", lambda x: np.logaddexp(0.0, x))
_unary_float64("Softsign", lambda x: x / (1.0 + np.abs(x)))
_unary_float64("HardSwish", lambda x: x * np.clip(x / 6.0 + 0.5, 0.0, 1.0))
_unary_float64("Mish", lambda x: x * np.tanh(np.logaddexp(0.0, x)))
_BINARY: dict[str, Callable[[Array, Array], Array]] = {
    "Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": _divide, "Pow": _power,
    "BitwiseAnd": np.bitwise_and, "BitwiseOr": np.bitwise_or, "BitwiseXor": np.bitwise_xor,
}  # fmt: skip
for _name, _both in _BINARY.items():  # fmt: skip
    _binary(_name, _both)
for _name, _both in {
    "Equal": np.equal, "Less": np.less, "Greater": np.greater, "LessOrEqual": np.less_equal,
    "GreaterOrEqual": np.greater_equal, "And": np.logical_and, "Or": np.logical_or, "Xor": np.logical_xor,
}.items():  # fmt: skip
    _comparison(_name, _both)
_binary("PRelu", lambda x, slope: np.where(x < 0, x * slope, x))


@kernel("Mod")
def modulo(call: Call) -> list[Array]:
    """The remainder with the sign of the divisor, or with ``fmod`` that of the dividend."""
    a, b = call.need(0), call.need(1)
    return [np.fmod(a, b) if call.node.int_attribute("fmod", 0) else np.mod(a, b)]


@kernel("Min", "Max", "Sum", "Mean")
def variadic(call: Call) -> list[Array]:
    """Combine any number of tensors, left to right."""
    tensors, op_type = call.present(), call.node.op_type
    combine = {"Min": np.minimum, "Max": np.maximum}.get(op_type, np.add)
    result = np.asarray(reduce(combine, tensors))
    if op_type == "Mean":
        result = result / np.asarray(len(tensors), dtype=result.dtype)
    return [np.asarray(result).astype(tensors[0].dtype)]


@kernel("Where")
def where(call: Call) -> list[Array]:
    """Elements of the second input where the first is true, of the third elsewhere."""
    return [np.where(call.need(0), call.need(1), call.need(2))]


@kernel("Clip")
def clip(call: Call) -> list[Array]:
    """Limit to an interval; when the limits are crossed the upper one wins."""
    x = call.need(0)
    for index, name, limit in ((1, "min", np.maximum), (2, "max", np.minimum)):
        bound = call.optional(index)
        if bound is None and name in call.node.attributes:
            bound = np.asarray(call.node.float_attribute(name, 0.0))
        if bound is not None:
            x = np.asarray(limit(x, bound.astype(x.dtype)))
    return [x]


@kernel("IsNaN")
def is_nan(call: Call) -> list[Array]:
    """True where the input is not a number."""
    return [np.isnan(call.need(0))]


@kernel("IsInf")
def is_infinite(call: Call) -> list[Array]:
    """True where the input is infinite with a detected sign."""
    x = call.need(0)
    positive = np.isposinf(x.astype(np.float64)) & bool(call.node.int_attribute("detect_positive", 1))
    negative = np.isneginf(x.astype(np.float64)) & bool(call.node.int_attribute("detect_negative", 1))
    return [positive | negative]


@kernel("LeakyRelu")
def leaky_relu(call: Call) -> list[Array]:
    """x where positive, alpha * x elsewhere."""
    x = call.need(0)
    alpha = np.asarray(call.node.float_attribute("alpha", 0.01), dtype=x.dtype)
    return [np.where(x < 0, x * alpha, x)]


@kernel("Elu", "Celu", "Selu", "Swish", "ThresholdedRelu", "HardSigmoid")
def parametrised(call: Call) -> list[Array]:
    """Activations with one or two parameters."""
    node = call.node
    defaults = {"Selu": (1.6732632, 1.0507009), "HardSigmoid": (0.2, 0.5)}
    alpha_default, second_default = defaults.get(node.op_type, (1.0, 1.0))
    alpha = node.float_attribute("alpha", alpha_default)
    functions: dict[str, Callable[[Array], Array]] = {
        "Elu": lambda x: np.where(x < 0, alpha * np.expm1(x), x),
        "Celu": lambda x: np.where(x < 0, alpha * np.expm1(x / alpha), x),
        "Selu": lambda x: (
            node.float_attribute("gamma", second_default) * np.where(x < 0, alpha * np.expm1(x), x)
        ),
        "Swish": lambda x: x * _sigmoid(alpha * x),
        "ThresholdedRelu": lambda x: np.where(x > alpha, x, 0.0),
        "HardSigmoid": lambda x: np.clip(alpha * x + node.float_attribute("beta", second_default), 0.0, 1.0),
    }
    return [through_float64(call.need(0), functions[node.op_type])]


@kernel("Gelu")
def gelu(call: Call) -> list[Array]:
    """The Gaussian error linear unit, exact or in its tanh form."""
    if call.node.text_attribute("approximate", "none") == "tanh":
        return [through_float64(call.need(0), _tanh_gelu)]
    return [through_float64(call.need(0), lambda x: 0.5 * x * (1.0 + error_function(x / np.sqrt(2.0))))]


def _tanh_gelu(x: Array) -> Array:
    inner = np.sqrt(2.0 / np.pi) * (x + 0.044715 * x**3)
    return np.asarray(0.5 * x * (1.0 + np.tanh(inner)))
