"""What the operators of a GPU compute, in NumPy: the same operators whose time the tile model gives.

Rows are tokens. Everything is computed in the type of the first operand, sums in float32 where that is float16
or float32.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def gemm(x: Array, weights: Array) -> Array:
    """Return x [rows, k] times weights [k, n]."""
    result: Array = x @ weights
    return result


def rms_norm(x: Array, weight: Array, *, epsilon: float) -> Array:
    """Return each row [rows, n] over its root mean square, times weight [n]."""
    mean: Array = np.mean(np.square(x, dtype=np.float32), axis=-1, keepdims=True)
    result: Array = x / np.sqrt(mean + np.float32(epsilon)) * weight
    return result


def silu(x: Array) -> Array:
    """Return x / (1 + exp(-x))."""
    with np.errstate(over="ignore"):  # exp(-x) may be infinite; the quotient is 0 then, as it should be
        result: Array = x / (1 + np.exp(-x))
    return result


def gated(gate: Array, up: Array) -> Array:
    """Return silu(gate) * up."""
    return silu(gate) * up


def rotate(x: Array, positions: Array, *, base: float, interleaved: bool = False) -> Array:
    """Return heads [rows, heads, width] turned by their positions [rows] (RoPE).

    A pair is (i, i + width / 2), or (2 i, 2 i + 1) when ``interleaved``.
    """
    half = x.shape[-1] // 2
    rates = base ** (-np.arange(half, dtype=np.float64) / half)
    angles = positions[:, None, None] * rates
    cos, sin = np.cos(angles).astype(x.dtype), np.sin(angles).astype(x.dtype)
    first, second = (x[..., ::2], x[..., 1::2]) if interleaved else (x[..., :half], x[..., half:])
    turned = (first * cos - second * sin, first * sin + second * cos)
    if interleaved:
        return np.stack(turned, axis=-1).reshape(x.shape)
    result: Array = np.concatenate(turned, axis=-1)
    return result


def softmax(x: Array) -> Array:
    """Return the softmax over the last axis."""
    powers: Array = np.exp(x - x.max(axis=-1, keepdims=True))
    result: Array = powers / powers.sum(axis=-1, keepdims=True)
    return result


def attention(queries: Array, keys: Array, values: Array, *, causal: bool = True, window: int = 0) -> Array:
    """Return attention of queries [rows, heads, width] over keys [tokens, key heads, width] and values.

    The rows are the last of the tokens. A key head serves heads / key heads query heads in turn. ``window``
    above 0: a token sees so many tokens, itself included. The result is [rows, heads, value width].
    """
    rows, heads, width = queries.shape
    tokens, key_heads, _ = keys.shape
    group = heads // key_heads
    grouped = queries.reshape(rows, key_heads, group, width)
    scores = np.einsum("rkgw,tkw->kgrt", grouped, keys) / np.asarray(np.sqrt(width), queries.dtype)
    here = np.arange(tokens - rows, tokens)[:, None]
    there = np.arange(tokens)[None, :]
    hidden = (there > here) & causal | (there <= here - window) & bool(window)
    weights = softmax(np.where(hidden, -np.inf, scores).astype(queries.dtype))
    result: Array = np.einsum("kgrt,tkw->rkgw", weights, values)
    return result.reshape(rows, heads, values.shape[-1])


def route(logits: Array, active: int) -> tuple[Array, Array]:
    """Return the experts [rows, active] of the highest logits, the lower index first at ties, and their softmax."""
    chosen = np.argsort(-logits, axis=-1, kind="stable")[:, :active]
    return chosen, softmax(np.take_along_axis(logits, chosen, axis=-1))


def experts_up(x: Array, weights: Array, chosen: Array) -> Array:
    """Return x [rows, n] times the matrices [experts, n, width] that each row has chosen: [rows, active, width]."""
    result: Array = np.einsum("rn,ranw->raw", x, weights[chosen])
    return result


def experts_down(x: Array, weights: Array, chosen: Array, shares: Array) -> Array:
    """Return x [rows, active, width] times the chosen matrices [experts, width, n], summed by shares: [rows, n]."""
    result: Array = np.einsum("raw,rawn,ra->rn", x, weights[chosen], shares.astype(x.dtype))
    return result


def all_reduce(parts: list[Array]) -> list[Array]:
    """Return the sum of all parts, once per GPU."""
    total = np.sum(parts, axis=0, dtype=parts[0].dtype)
    return [total.copy() for _ in parts]


def greedy(logits: Array) -> Array:
    """Return the token of the highest logit of each row, the lowest at ties."""
    result: Array = np.argmax(logits, axis=-1)
    return result


def sample(logits: Array, uniform: Array, *, temperature: float = 1.0) -> Array:
    """Return one token per row by its probability; ``uniform`` are numbers of [0, 1), one per row."""
    sums = np.cumsum(softmax(logits.astype(np.float64) / temperature), axis=-1)
    result: Array = np.sum(sums < uniform[:, None] * sums[:, -1:], axis=-1)
    return result
