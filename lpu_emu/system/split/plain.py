"""The same model in plain NumPy, written without any of the stages: what the split run is compared with."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lpu_emu.system.split.weights import Llama

Array = NDArray[Any]


class Plain:
    """A model with its cache. float32 throughout."""

    def __init__(self, llama: Llama) -> None:
        self._llama = llama
        self._cache: list[tuple[list[Array], list[Array]]] = [([], []) for _ in llama.layers]

    def logits(self, token: int) -> Array:
        """Return the logits [vocabulary] behind one more token."""
        llama = self._llama
        x = llama.embedding[token].copy()
        for layer, (keys, values) in zip(llama.layers, self._cache, strict=True):
            x = x + self._attention(self._norm(x, layer["attention_norm"]), layer, keys, values)
            wide = self._norm(x, layer["ffn_norm"]) @ layer["gate_up"]
            gate, up = wide[: len(wide) // 2], wide[len(wide) // 2 :]
            x = x + (gate / (1 + np.exp(-gate)) * up) @ layer["down"]
        result: Array = self._norm(x, llama.last_norm) @ llama.vocabulary
        return result

    def _norm(self, x: Array, weight: Array) -> Array:
        result: Array = x / np.sqrt((x * x).mean() + np.float32(self._llama.epsilon)) * weight
        return result

    def _attention(self, x: Array, layer: Any, keys: list[Array], values: list[Array]) -> Array:
        model = self._llama.model
        width, heads, key_heads = (model[f"attention.{k}"] for k in ("width", "queries", "keys"))
        rows = (x @ layer["qkv"]).reshape(-1, width)
        angles = len(keys) * self._llama.base ** (-2 * np.arange(width // 2) / width)
        turns = np.exp(1j * angles).astype(np.complex64)
        paired = (rows[:, : width // 2] + 1j * rows[:, width // 2 :]) * turns
        turned = np.concatenate([paired.real, paired.imag], axis=1).astype(np.float32)
        keys.append(turned[heads : heads + key_heads])
        values.append(rows[heads + key_heads :])
        k, v = np.stack(keys, axis=1), np.stack(values, axis=1)
        found = []
        for head in range(heads):
            scores = k[head * key_heads // heads] @ turned[head] / np.float32(np.sqrt(width))
            powers = np.exp(scores - scores.max())
            found.append(powers / powers.sum() @ v[head * key_heads // heads])
        result: Array = np.concatenate(found) @ layer["out"]
        return result
