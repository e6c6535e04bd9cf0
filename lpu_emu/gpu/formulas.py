"""What the steps of a stage make of named tensors.

Rows are tokens. ``x`` [rows, hidden] is the residual stream and ``delta`` what the stage before adds to it. A layer has
``attention_norm``, ``qkv`` [hidden, (queries + 2 keys) * width], ``out``, ``ffn_norm``, then ``gate_up``
[hidden, 2 * width] and ``down``, or ``router`` [hidden, experts], ``experts_up`` [experts, hidden, 2 * width],
``experts_down`` and, where there is one, ``shared_gate_up`` and ``shared_down``. ``keys`` and ``values``
[tokens, heads, width] are the cache and grow; ``positions`` [rows] are those of the rows. ``base`` and
``epsilon`` are arrays of one number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from lpu_emu.gpu import values as v
from lpu_emu.gpu.operators import Heads
from lpu_emu.gpu.values import Array

Tensors = Mapping[str, Array]
Formula = Callable[[Tensors], Mapping[str, Array]]


def nothing(tensors: Tensors) -> Mapping[str, Array]:
    """Change nothing: data move, values stay."""
    return {}


def norm(weight: str) -> Formula:
    """Return the step that adds ``delta`` to ``x`` and norms it."""

    def step(t: Tensors) -> Mapping[str, Array]:
        x = t["x"] + t["delta"]
        return {
            "x": x,
            "delta": np.zeros_like(x),
            "normed": v.rms_norm(x, t[weight], epsilon=float(t["epsilon"])),
        }

    return step


def product(x: str, weights: str, result: str) -> Formula:
    """Return the step ``result = x @ weights``."""
    return lambda t: {result: v.gemm(t[x], t[weights])}


def rotation(heads: Heads) -> Formula:
    """Return the step that turns queries and keys by their positions and puts keys and values into the cache."""

    def step(t: Tensors) -> Mapping[str, Array]:
        rows = t["projected"].reshape(len(t["projected"]), -1, heads.width)
        queries, keys, values = np.split(rows, [heads.queries, heads.queries + heads.keys], axis=1)
        base = float(t["base"])
        return {
            "queries": v.rotate(queries, t["positions"], base=base),
            "keys": np.concatenate([t["keys"], v.rotate(keys, t["positions"], base=base)]),
            "values": np.concatenate([t["values"], values]),
        }

    return step


def attention(window: int) -> Formula:
    """Return the step of attention over the cache; window 0: all of it."""

    def step(t: Tensors) -> Mapping[str, Array]:
        attended = v.attention(t["queries"], t["keys"], t["values"], window=window)
        return {"attended": attended.reshape(len(attended), -1)}

    return step


def choice(active: int) -> Formula:
    """Return the step that picks the experts of each row."""

    def step(t: Tensors) -> Mapping[str, Array]:
        chosen, shares = v.route(t["scores"], active)
        return {"chosen": chosen, "shares": shares}

    return step


def experts_up(t: Tensors) -> Mapping[str, Array]:
    """Multiply by the first matrices of the chosen experts."""
    return {"wide": v.experts_up(t["normed"], t["experts_up"], t["chosen"])}


def experts_down(t: Tensors) -> Mapping[str, Array]:
    """Multiply by the last matrices of the chosen experts and add up."""
    return {"delta": v.experts_down(t["inner"], t["experts_down"], t["chosen"], t["shares"])}


def activation(t: Tensors) -> Mapping[str, Array]:
    """Gate the second half of the columns by the first."""
    gate, up = np.split(t["wide"], 2, axis=-1)
    return {"inner": v.gated(gate, up)}


def gate_up(shared: bool) -> Formula:
    """Return the first product of a dense layer, or of the expert that all rows share."""
    return product("normed", "shared_gate_up" if shared else "gate_up", "wide")


def down(shared: bool) -> Formula:
    """Return the last product of a dense layer, or of the expert that all rows share, whose result is added."""
    if not shared:
        return product("inner", "down", "delta")
    return lambda t: {"delta": t["delta"] + v.gemm(t["inner"], t["shared_down"])}


def greedy(t: Tensors) -> Mapping[str, Array]:
    """Choose the token of the highest logit."""
    return {"tokens": v.greedy(t["logits"])}
