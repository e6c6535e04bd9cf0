"""Operators of a transformer on a GPU: how long they take."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log2

from lpu_emu.gpu.spec import DTYPE_BYTES, Gpu
from lpu_emu.gpu.tiles import NOTHING, Duration, Grid, run

QUERY_ROWS = 128  # query rows of a tile of prefill attention, as FlashAttention-3 takes them
FEWEST_ROWS = 64  # rows that a product of tensor cores has at least
SPLIT_KEYS = 1024  # keys that a tile of decode attention takes at least
ELEMENTS = 8192  # elements that a tile of an element-wise operator takes
NORM_FLOPS = 6.0  # square, add, scale, multiply per element, and the reduction


@dataclass(frozen=True, kw_only=True)
class Heads:
    """Heads of attention: of queries, of keys and values, and their widths.

    ``latent`` attention keeps one vector per token, of which the value is a part.
    """

    queries: int
    keys: int
    width: int
    value_width: int = 0
    latent: bool = False

    @property
    def values(self) -> int:
        """Width of a value."""
        return self.value_width or self.width

    def cached(self, dtype: str) -> float:
        """Bytes that a token leaves in the cache of a layer."""
        return self.keys * (self.width + (0 if self.latent else self.values)) * DTYPE_BYTES[dtype]


def attention_prefill(
    gpu: Gpu,
    heads: Heads,
    tokens: int,
    *,
    batch: int = 1,
    past: int = 0,
    causal: bool = True,
    dtype: str = "bf16",
) -> Duration:
    """Return the time of attention of ``tokens`` new tokens over themselves and ``past`` ones, in one kernel."""
    pairs = float(tokens) * past + (tokens * (tokens + 1) / 2 if causal else float(tokens) * tokens)
    tiles = batch * heads.queries * ceil(tokens / QUERY_ROWS)
    flops = 2.0 * batch * heads.queries * pairs * (heads.width + heads.values)
    share = gpu.sms / tiles
    tensor_s = flops * share / gpu.flops(dtype)
    softmax_s = batch * heads.queries * pairs * share / gpu["vector.exps"]
    visible = (1 - gpu["vector.overlap"]) * min(tensor_s, softmax_s)
    new = batch * tokens * heads.queries * (heads.width + heads.values) * DTYPE_BYTES[dtype]
    grid = Grid(
        tiles=tiles,
        tensor_s=max(tensor_s, softmax_s) + visible + gpu["attention.tile_seconds"],
        hbm_bytes=batch * (past + tokens) * heads.cached(dtype) + new,
        flops=flops,
    )
    return run(gpu, grid)


def attention_decode(
    gpu: Gpu,
    heads: Heads,
    context: int,
    *,
    batch: int,
    new: int = 1,
    dtype: str = "bf16",
    kv_dtype: str = "bf16",
) -> Duration:
    """Return the time of attention of ``new`` tokens per sequence over ``context`` cached ones.

    The keys of a sequence are dealt out to several tiles, so that few sequences fill the GPU too; a second,
    small kernel adds what the SMs have.
    """
    if not batch or not context:
        return NOTHING
    splits = max(1, min(ceil(context / SPLIT_KEYS), ceil(gpu.sms / (batch * heads.keys))))
    rows = new * heads.queries / heads.keys
    flops = 2.0 * batch * new * heads.queries * context * (heads.width + heads.values)
    tiles = batch * heads.keys * splits
    kv = batch * context * heads.cached(kv_dtype)
    grid = Grid(
        tiles=tiles,
        tensor_s=flops * max(1.0, FEWEST_ROWS / rows) / tiles * gpu.sms / gpu.flops(dtype),
        l2_bytes=kv / tiles,
        hbm_bytes=kv,
        flops=flops,
    )
    if splits == 1:
        return run(gpu, grid)
    partial = rows * heads.values * min(tiles, gpu.sms)
    return run(gpu, grid) + elementwise(gpu, partial, dtype="fp32")


def elementwise(
    gpu: Gpu, elements: float, *, reads: int = 1, writes: int = 1, flops: float = 1.0, dtype: str = "bf16"
) -> Duration:
    """Return the time of an operator that visits every element: activation, residual, copy."""
    tiles = max(1, ceil(elements / ELEMENTS))
    grid = Grid(
        tiles=tiles,
        vector_s=elements * flops / tiles * gpu.sms / gpu["vector.flops"],
        hbm_bytes=elements * (reads + writes) * DTYPE_BYTES[dtype],
        flops=elements * flops,
    )
    return run(gpu, grid)


def norm(gpu: Gpu, rows: int, width: int, *, dtype: str = "bf16") -> Duration:
    """Return the time of an RMS or layer norm with the residual added before it."""
    return elementwise(gpu, float(rows) * width, reads=2, writes=2, flops=NORM_FLOPS, dtype=dtype)


def sampling(gpu: Gpu, rows: int, vocabulary: int) -> Duration:
    """Return the time of softmax and choice over the vocabulary: logits read three times, two kernels."""
    logits = float(rows) * vocabulary
    first = elementwise(gpu, logits, reads=2, writes=0, flops=4.0, dtype="fp32")
    return first + elementwise(gpu, logits, reads=1, writes=0, flops=2.0, dtype="fp32")


def all_reduce(gpu: Gpu, size_bytes: float, gpus: int) -> Duration:
    """Return the time of the sum of a message over GPUs: in one shot where small, along a ring where large."""
    if gpus <= 1:
        return NOTHING
    rate = gpu["link.rate"] * gpu["link.efficiency"]
    step = gpu["link.latency_seconds"]
    one_shot = step + size_bytes * (gpus - 1) / rate
    ring = 2 * ceil(log2(gpus)) * step + 2 * size_bytes * (gpus - 1) / gpus / rate
    return _link(gpu, min(one_shot, ring), size_bytes)


def all_to_all(gpu: Gpu, size_bytes: float, gpus: int) -> Duration:
    """Return the time in which every GPU sends ``size_bytes`` in all to the others."""
    if gpus <= 1:
        return NOTHING
    rate = gpu["link.rate"] * gpu["link.efficiency"]
    return _link(gpu, gpu["link.latency_seconds"] + size_bytes * (gpus - 1) / gpus / rate, size_bytes)


def _link(gpu: Gpu, seconds: float, size_bytes: float) -> Duration:
    fixed = float(gpu["launch.seconds"])
    return Duration(seconds=fixed + seconds, parts={"link": seconds}, fixed_s=fixed, bytes=size_bytes)
