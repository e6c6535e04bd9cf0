"""Stages of a transformer as lists of operators: one list gives both the time on a GPU and, where asked, the values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil

from lpu_emu.errors import ModelError
from lpu_emu.gpu import formulas
from lpu_emu.gpu import operators as op
from lpu_emu.gpu.formulas import Formula, Tensors
from lpu_emu.gpu.models import Attention, Ffn, Model
from lpu_emu.gpu.operators import Heads
from lpu_emu.gpu.spec import DTYPE_BYTES, Gpu
from lpu_emu.gpu.tiles import NOTHING, Duration, gemm, grouped_gemm
from lpu_emu.gpu.values import Array

Time = Callable[[Gpu], Duration]


@dataclass(frozen=True, kw_only=True)
class Operator:
    """A step of a stage: its name, how long it takes on a GPU, and what it makes of named tensors.

    Without ``value`` only its time is known.
    """

    name: str
    time: Time
    value: Formula | None = None


@dataclass(frozen=True, kw_only=True)
class Load:
    """What a GPU is given in one step.

    ``sequences`` per GPU group of ``split`` GPUs that share heads and matrices, ``new`` tokens of each over
    ``context`` tokens. ``prefill``: the new tokens see each other, and most of the work is theirs. ``dtype``
    is multiplied, ``stored`` the type of weights in memory, ``kv_dtype`` that of the cache.
    """

    sequences: int
    context: int
    new: int = 1
    split: int = 1
    prefill: bool = False
    dtype: str = "fp8"
    stored: str = ""
    kv_dtype: str = "fp8"

    @property
    def rows(self) -> int:
        """Tokens of all sequences."""
        return self.sequences * self.new


def total(stage: Sequence[Operator], gpu: Gpu) -> Duration:
    """Return the time of a stage: its operators one behind the other."""
    return sum((step.time(gpu) for step in stage), start=NOTHING)


def evaluate(stage: Sequence[Operator], tensors: Tensors) -> dict[str, Array]:
    """Return all tensors after a stage, in NumPy; :mod:`lpu_emu.gpu.formulas` says which ones each step reads.

    Raises:
        ModelError: only the time of a step is modelled.
    """
    known = dict(tensors)
    for step in stage:
        if step.value is None:
            raise ModelError(f"stage step {step.name!r} is modelled as time only; it gives no values")
        known |= step.value(known)
    return known


def attention_stage(model: Model, attention: Attention, load: Load) -> tuple[Operator, ...]:
    """Return norm, projections, attention over the cache and output projection of a layer."""
    heads = _share(attention.heads, load.split)
    projections = (
        _latent(model, attention, heads, load) if attention.latent_rank else _plain(model, heads, load)
    )
    columns = heads.queries * heads.values
    return (
        _norm(model, load, formulas.norm("attention_norm")),
        *projections,
        _attend(attention, heads, load),
        *(_lift(attention, heads, load) if attention.latent_rank and not load.prefill else ()),
        _gemm("output projection", load, model.hidden, columns, formulas.product("attended", "out", "delta")),
        *_reduce(model, load),
    )


def _share(heads: Heads, split: int) -> Heads:
    """Heads of one GPU of a group."""
    return Heads(
        queries=ceil(heads.queries / split),
        keys=ceil(heads.keys / split),
        width=heads.width,
        value_width=heads.value_width,
        latent=heads.latent,
    )


def _plain(model: Model, heads: Heads, load: Load) -> tuple[Operator, ...]:
    columns = heads.queries * heads.width + 2 * heads.keys * heads.width
    return (
        _gemm(
            "query, key, value", load, columns, model.hidden, formulas.product("normed", "qkv", "projected")
        ),
        _pointwise("rotation, cache", load.rows * columns, value=formulas.rotation(heads)),
    )


def _latent(model: Model, attention: Attention, heads: Heads, load: Load) -> tuple[Operator, ...]:
    first = attention.query_rank + attention.latent_rank + attention.rope_width
    plain = heads.width - attention.rope_width
    # Decode takes the key matrix into the query, prefill makes real keys and values.
    keys = (
        _gemm("keys, values", load, heads.queries * (plain + heads.values), attention.latent_rank)
        if load.prefill
        else _heads_gemm("query to latent", load, heads.queries, attention.latent_rank, plain)
    )
    return (
        _gemm("latent query, key", load, first, model.hidden),
        _pointwise("norms, rotation, cache", load.rows * first),
        _gemm("queries", load, heads.queries * heads.width, attention.query_rank),
        keys,
    )


def _lift(attention: Attention, heads: Heads, load: Load) -> tuple[Operator, ...]:
    return (_heads_gemm("values from latent", load, heads.queries, heads.values, attention.latent_rank),)


def _attend(attention: Attention, heads: Heads, load: Load) -> Operator:
    seen = attention.seen(load.context)
    if load.prefill:
        past = min(load.context, attention.window) if attention.window else load.context
        dtype = "bf16" if load.dtype == "fp4" else load.dtype
        return Operator(
            name="attention",
            time=lambda gpu: op.attention_prefill(
                gpu, heads, load.new, batch=load.sequences, past=past, dtype=dtype
            ),
            value=None if attention.latent_rank else formulas.attention(attention.window),
        )
    cached = _share(attention.cache_heads, load.split)
    halved = Heads(queries=cached.queries, keys=cached.keys, width=cached.width, latent=True)
    return Operator(
        name="attention",
        time=lambda gpu: op.attention_decode(
            gpu,
            halved if attention.shared_kv else cached,
            seen,
            batch=load.sequences,
            new=load.new,
            kv_dtype=load.kv_dtype,
        ),
        value=None if attention.latent_rank else formulas.attention(attention.window),
    )


def ffn_stage(
    model: Model, ffn: Ffn, load: Load, *, gpus: int = 1, rows: int | None = None
) -> tuple[Operator, ...]:
    """Return norm, gate, up, activation and down of a layer.

    Dense layers are split over the ``load.split`` GPUs of a group. Experts lie on ``gpus`` GPUs, which
    together see ``rows`` tokens (by default those of one group).
    """
    if not ffn.experts:
        width = ceil(ffn.width / load.split)
        return (
            _norm(model, load, formulas.norm("ffn_norm")),
            *_gated("", model, load, width),
            *_reduce(model, load),
        )
    everyone = load.rows if rows is None else rows
    return (
        _norm(model, load, formulas.norm("ffn_norm")),
        _gemm("router", load, ffn.experts, model.hidden, formulas.product("normed", "router", "scores")),
        _pointwise("choice of experts", load.rows * ffn.experts, value=formulas.choice(ffn.active)),
        _exchange("dispatch", everyone / gpus * ffn.active * model.hidden * DTYPE_BYTES[_sent(load)], gpus),
        *_mixture(model, ffn, load, gpus, everyone),
        _exchange("combination", everyone / gpus * ffn.active * model.hidden * 2.0, gpus),
        *(_gated("shared ", model, load, ffn.width * ffn.shared) if ffn.shared else ()),
    )


def _sent(load: Load) -> str:
    return "bf16" if load.dtype in ("bf16", "fp16") else "fp8"


def _mixture(model: Model, ffn: Ffn, load: Load, gpus: int, rows: int) -> tuple[Operator, ...]:
    held = ceil(ffn.experts / gpus)
    hit = max(1, min(held, round(ffn.hit(rows) / gpus + 0.5)))
    each = max(1, ceil(rows * ffn.active / gpus / hit))
    groups = (each,) * hit

    def product(name: str, n: int, k: int, value: Formula) -> Operator:
        return Operator(
            name=name,
            time=lambda gpu: grouped_gemm(gpu, groups, n, k, load.dtype, stored=load.stored),
            value=value,
        )

    return (
        product("experts up", 2 * ffn.width, model.hidden, formulas.experts_up),
        _pointwise("activation", each * hit * ffn.width, reads=2, value=formulas.activation),
        product("experts down", model.hidden, ffn.width, formulas.experts_down),
    )


def _gated(prefix: str, model: Model, load: Load, width: int) -> tuple[Operator, ...]:
    shared = bool(prefix)
    return (
        _gemm(f"{prefix}gate, up", load, 2 * width, model.hidden, formulas.gate_up(shared)),
        _pointwise(f"{prefix}activation", load.rows * width, reads=2, value=formulas.activation),
        _gemm(f"{prefix}down", load, model.hidden, width, formulas.down(shared)),
    )


def head_stage(model: Model, load: Load) -> tuple[Operator, ...]:
    """Return last norm, logits and sampling of the tokens of a group; prefill needs them for its last token only."""
    rows = load.sequences if load.prefill else load.rows
    few = Load(
        sequences=rows,
        context=0,
        split=load.split,
        dtype=load.dtype,
        stored=load.stored,
        kv_dtype=load.kv_dtype,
    )
    columns = ceil(model.vocabulary / load.split)
    return (
        _norm(model, few, formulas.norm("last_norm")),
        _gemm("logits", few, columns, model.hidden, formulas.product("normed", "vocabulary", "logits")),
        Operator(name="sampling", time=lambda gpu: op.sampling(gpu, rows, columns), value=formulas.greedy),
    )


def _norm(model: Model, load: Load, value: Formula) -> Operator:
    return Operator(name="norm", time=lambda gpu: op.norm(gpu, load.rows, model.hidden), value=value)


def _gemm(name: str, load: Load, n: int, k: int, value: Formula | None = None) -> Operator:
    return Operator(
        name=name, time=lambda gpu: gemm(gpu, load.rows, n, k, load.dtype, stored=load.stored), value=value
    )


def _heads_gemm(name: str, load: Load, heads: int, n: int, k: int) -> Operator:
    return Operator(name=name, time=lambda gpu: gemm(gpu, load.rows, n, k, "bf16", batch=heads))


def _pointwise(name: str, elements: float, *, reads: int = 1, value: Formula | None = None) -> Operator:
    return Operator(name=name, time=lambda gpu: op.elementwise(gpu, elements, reads=reads), value=value)


def _reduce(model: Model, load: Load) -> tuple[Operator, ...]:
    """Sum over the GPUs of a group; the values are those of all of them together, so nothing is left to add."""
    if load.split == 1:
        return ()
    size = load.rows * model.hidden * 2.0
    step = Operator(
        name="all-reduce", time=lambda gpu: op.all_reduce(gpu, size, load.split), value=formulas.nothing
    )
    return (step,)


def _exchange(name: str, size_bytes: float, gpus: int) -> Operator:
    return Operator(name=name, time=lambda gpu: op.all_to_all(gpu, size_bytes, gpus), value=formulas.nothing)
