"""Shapes of language models: what their layers are made of, how many bytes they hold and leave in the cache."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from lpu_emu.gpu import facts as files
from lpu_emu.gpu.operators import Heads

GATED = 3  # matrices of a gated feed-forward layer: gate, up, down


@dataclass(frozen=True, kw_only=True)
class Attention:
    """Attention of a layer. ``window`` 0: it sees all tokens. Ranks above 0: latent attention."""

    heads: Heads
    window: int = 0
    shared_kv: bool = False
    query_rank: int = 0
    latent_rank: int = 0
    rope_width: int = 0

    @property
    def cache_heads(self) -> Heads:
        """What is attended over: the heads themselves, or one latent vector that all heads share."""
        if not self.latent_rank:
            return self.heads
        width = self.latent_rank + self.rope_width
        return Heads(
            queries=self.heads.queries, keys=1, width=width, value_width=self.latent_rank, latent=True
        )

    def cached_bytes(self, dtype: str) -> float:
        """Bytes that a token leaves in the cache."""
        whole = self.cache_heads.cached(dtype)
        return whole / 2 if self.shared_kv else whole

    def seen(self, context: int) -> int:
        """Return how many tokens of a context the layer sees."""
        return min(context, self.window) if self.window else context

    def weights(self, hidden: int) -> int:
        """Return the number of weights of a layer's attention."""
        h = self.heads
        out = h.queries * h.values * hidden
        if self.latent_rank:
            queries = self.query_rank * (hidden + h.queries * h.width)
            keys = hidden * (self.latent_rank + self.rope_width)
            return (
                queries + keys + self.latent_rank * h.queries * (h.width - self.rope_width + h.values) + out
            )
        kinds = 1 if self.shared_kv else 2
        return hidden * (h.queries * h.width + kinds * h.keys * h.width) + out


@dataclass(frozen=True, kw_only=True)
class Ffn:
    """The other half of a layer: one gated matrix triple of ``width``, or ``experts`` of it, ``active`` per token."""

    width: int
    experts: int = 0
    active: int = 0
    shared: int = 0

    def weights(self, hidden: int) -> int:
        """Return the number of weights."""
        return GATED * hidden * self.width * max(1, self.experts + self.shared)

    def active_weights(self, hidden: int) -> int:
        """Return the number of weights that one token uses."""
        return GATED * hidden * self.width * max(1, self.active + self.shared)

    def hit(self, tokens: float) -> float:
        """Return how many experts are expected to get a token, if each token picks its experts evenly."""
        if not self.experts:
            return 1.0
        return float(self.experts * (1 - (1 - self.active / self.experts) ** tokens))


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A kind of layer."""

    attention: Attention
    ffn: Ffn


@dataclass(frozen=True, kw_only=True)
class Model(files.Described):
    """A model's shape. Two matrices (embedding and output) count as one if the model ties them or not."""

    @property
    def hidden(self) -> int:
        """Width of the hidden state."""
        return int(self["shape.hidden"])

    @property
    def vocabulary(self) -> int:
        """Size of the vocabulary."""
        return int(self["shape.vocabulary"])

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """All layers in order."""
        return tuple(
            Layer(attention=_attention(self, i), ffn=_ffn(self, i)) for i in range(self["shape.layers"])
        )

    @property
    def ffn_weights(self) -> int:
        """Weights of all feed-forward layers and experts."""
        return sum(layer.ffn.weights(self.hidden) for layer in self.layers)

    @property
    def attention_weights(self) -> int:
        """Weights of attention of all layers."""
        return sum(layer.attention.weights(self.hidden) for layer in self.layers)

    @property
    def head_weights(self) -> int:
        """Weights of the matrix that gives the logits."""
        return self.hidden * self.vocabulary

    @property
    def weights(self) -> int:
        """All weights that a token may need; an embedding table of its own is not among them."""
        return self.ffn_weights + self.attention_weights + self.head_weights

    def cached_bytes(self, context: int, dtype: str) -> float:
        """Bytes of keys and values of one sequence."""
        return sum(
            layer.attention.seen(context) * layer.attention.cached_bytes(dtype) for layer in self.layers
        )


def _attention(model: Model, index: int) -> Attention:
    every = model["attention.full_every"]
    full = (index + 1) % every == 0
    heads = Heads(
        queries=model["attention.queries"],
        keys=model["attention.full_keys" if full else "attention.keys"],
        width=model["attention.full_width" if full else "attention.width"],
        value_width=model["attention.full_width"] if full and every > 1 else model["attention.value_width"],
    )
    return Attention(
        heads=heads,
        window=0 if full else model["attention.window"],
        shared_kv=bool(model["attention.shared_kv"]) and full,
        query_rank=model["attention.query_rank"],
        latent_rank=model["attention.latent_rank"],
        rope_width=model["attention.rope_width"],
    )


def _ffn(model: Model, index: int) -> Ffn:
    if index < model["ffn.dense_layers"] or not model["ffn.experts"]:
        return Ffn(width=model["ffn.width"])
    return Ffn(
        width=model["ffn.expert_width"],
        experts=model["ffn.experts"],
        active=model["ffn.active"],
        shared=model["ffn.shared"],
    )


def model_names() -> list[str]:
    """Return the names of the models that ship with the package, sorted."""
    return files.names("model")


@lru_cache(maxsize=32)
def load_model(name_or_path: str | Path) -> Model:
    """Load a bundled model by name, or a model file by path (anything with a ``.toml`` ending).

    Raises:
        SpecError: no such model, or the file breaks a rule; every finding is listed.
    """
    name, title, facts = files.facts_of("model", name_or_path)
    return Model(name=name, title=title, facts=facts)
