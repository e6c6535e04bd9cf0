"""A whole model on GPUs: the time of a decode step and of a prefill."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil

from lpu_emu.gpu.models import Layer, Model
from lpu_emu.gpu.spec import DTYPE_BYTES, Gpu
from lpu_emu.gpu.stages import Load, attention_stage, ffn_stage, head_stage, total
from lpu_emu.gpu.tiles import NOTHING, Duration


@dataclass(frozen=True, kw_only=True)
class Placement:
    """How a model lies on ``gpus`` GPUs: groups of ``split`` share matrices and heads, experts lie on all of them."""

    gpus: int
    split: int = 1

    @property
    def groups(self) -> int:
        """Groups, each with sequences of its own."""
        return self.gpus // self.split


def step(gpu: Gpu, model: Model, load: Load, placement: Placement) -> Mapping[str, Duration]:
    """Return the times of one step of all layers by stage: ``attention``, ``ffn``, ``head``.

    ``load.sequences`` are those of one group; all groups work at the same time.
    """
    load = replace(load, split=placement.split)
    rows = load.rows * placement.groups
    times = {"attention": NOTHING, "ffn": NOTHING}
    for layer, count in kinds(model).items():
        for name, stage in (
            ("attention", attention_stage(model, layer.attention, load)),
            ("ffn", ffn_stage(model, layer.ffn, load, gpus=placement.gpus, rows=rows)),
        ):
            times[name] += repeated(total(stage, gpu), count)
    return {**times, "head": total(head_stage(model, load), gpu)}


def kinds(model: Model) -> Mapping[Layer, int]:
    """Return the different layers of a model and how many there are of each, in order of their first."""
    return Counter(model.layers)


def repeated(duration: Duration, count: int) -> Duration:
    """Return a duration ``count`` times, one behind the other."""
    return Duration(
        seconds=duration.seconds * count,
        parts={name: value * count for name, value in duration.parts.items()},
        fixed_s=duration.fixed_s * count,
        flops=duration.flops * count,
        bytes=duration.bytes * count,
        waves=duration.waves * count,
    )


def seconds(times: Mapping[str, Duration]) -> float:
    """Return the time of all stages."""
    return sum(duration.seconds for duration in times.values())


def generate(gpu: Gpu, model: Model, load: Load, placement: Placement, *, prompt: int, output: int) -> float:
    """Return the seconds of prefill and ``output`` tokens for all sequences; the middle token stands for all."""
    first = step(gpu, model, replace(load, new=prompt, context=0, prefill=True), placement)
    middle = step(gpu, model, replace(load, context=prompt + output // 2), placement)
    return seconds(first) + output * seconds(middle)


def memory_bytes(
    model: Model, load: Load, placement: Placement, *, experts_only_elsewhere: bool = False
) -> float:
    """Return the bytes that one GPU holds: weights and the cache of its sequences.

    ``experts_only_elsewhere``: feed-forward layers lie on other machines.
    """
    width = DTYPE_BYTES[load.stored or load.dtype]
    weights = (model.attention_weights + model.head_weights) / placement.split
    if not experts_only_elsewhere:
        for layer, count in kinds(model).items():
            share = placement.gpus if layer.ffn.experts else placement.split
            weights += count * layer.ffn.weights(model.hidden) / share
    return weights * width + cache_share(model, placement) * load.sequences * model.cached_bytes(
        load.context, load.kv_dtype
    )


def cache_share(model: Model, placement: Placement) -> float:
    """Return the share of a sequence's cache that one GPU of a group holds: heads that cannot be split are copied."""
    heads = min(layer.attention.cache_heads.keys for layer in kinds(model))
    return ceil(heads / placement.split) / heads
