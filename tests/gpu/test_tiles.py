"""Grids of tiles: limits that hold for every GPU."""

from __future__ import annotations

import pytest

from lpu_emu.gpu.operators import (
    Heads,
    all_reduce,
    all_to_all,
    attention_decode,
    attention_prefill,
    elementwise,
)
from lpu_emu.gpu.spec import Gpu, gpu_names, load_gpu, with_values
from lpu_emu.gpu.tiles import NOTHING, Grid, gemm, grouped_gemm, run

HEADS = Heads(queries=32, keys=8, width=128)


@pytest.fixture(params=gpu_names())
def gpu(request: pytest.FixtureRequest) -> Gpu:
    return load_gpu(request.param)


def fixed(gpu: Gpu) -> float:
    return float(gpu["launch.seconds"] + gpu["launch.ramp_seconds"])


def test_a_large_product_is_bound_by_tensor_cores(gpu: Gpu) -> None:
    duration = gemm(gpu, 8192, 8192, 8192, "bf16")
    assert duration.bound_by == "tensor"
    share = duration.flops / duration.seconds / gpu.flops("bf16")
    assert 0.75 < share < 1


def test_few_rows_are_bound_by_memory(gpu: Gpu) -> None:
    duration = gemm(gpu, 8, 16384, 16384, "bf16")
    assert duration.bound_by == "hbm"
    assert duration.seconds == pytest.approx(duration.bytes / gpu.memory_rate, rel=0.2)


def test_one_tile_more_than_a_wave_takes_two(gpu: Gpu) -> None:
    one = run(gpu, Grid(tiles=gpu.sms, tensor_s=1e-3))
    two = run(gpu, Grid(tiles=gpu.sms + 1, tensor_s=1e-3))
    assert (one.waves, two.waves) == (1, 2)
    assert two.seconds - one.seconds == pytest.approx(1e-3)


def test_nothing_is_quicker_than_its_launch(gpu: Gpu) -> None:
    assert elementwise(gpu, 1).seconds >= fixed(gpu)
    assert elementwise(gpu, 1).bound_by == "launch"


def test_time_grows_with_every_side(gpu: Gpu) -> None:
    base = gemm(gpu, 256, 4096, 4096, "bf16").seconds
    assert gemm(gpu, 4096, 4096, 4096, "bf16").seconds > base
    assert gemm(gpu, 256, 16384, 4096, "bf16").seconds > base
    assert gemm(gpu, 256, 4096, 16384, "bf16").seconds > base


def test_one_group_is_a_plain_product_and_empty_groups_cost_nothing(gpu: Gpu) -> None:
    assert grouped_gemm(gpu, [256], 4096, 4096, "bf16") == gemm(gpu, 256, 4096, 4096, "bf16")
    assert grouped_gemm(gpu, [0, 256, 0], 4096, 4096, "bf16") == gemm(gpu, 256, 4096, 4096, "bf16")
    assert grouped_gemm(gpu, [0], 4096, 4096, "bf16") == NOTHING


def test_narrow_weights_are_read_quicker(gpu: Gpu) -> None:
    assert gemm(gpu, 8, 8192, 8192, "fp8", stored="fp4").bytes < gemm(gpu, 8, 8192, 8192, "fp8").bytes


def test_decode_attention_reads_the_cache_once_at_memory_rate(gpu: Gpu) -> None:
    duration = attention_decode(gpu, HEADS, 100_000, batch=32)
    cache = 32 * 100_000 * 8 * 256 * 2
    assert duration.seconds == pytest.approx(cache / gpu.memory_rate, rel=0.15)


def test_decode_attention_without_context_takes_no_time(gpu: Gpu) -> None:
    assert attention_decode(gpu, HEADS, 0, batch=1) == NOTHING


def test_causal_prefill_does_half_the_work(gpu: Gpu) -> None:
    half, whole = (attention_prefill(gpu, HEADS, 16384, causal=c) for c in (True, False))
    assert half.flops / whole.flops == pytest.approx(0.5, rel=1e-3)
    assert half.seconds < whole.seconds


def test_collectives_of_one_gpu_are_free_and_of_many_reach_the_rate(gpu: Gpu) -> None:
    assert all_reduce(gpu, 1e6, 1) == all_to_all(gpu, 1e6, 1) == NOTHING
    rate = gpu["link.rate"] * gpu["link.efficiency"]
    assert all_to_all(gpu, 1e9, 8).seconds == pytest.approx(1e9 * 7 / 8 / rate, rel=0.05)
    assert all_reduce(gpu, 1e9, 8).seconds == pytest.approx(2 * 1e9 * 7 / 8 / rate, rel=0.05)


def test_small_all_reduce_is_one_step() -> None:
    gpu = with_values(load_gpu("h100"), {"link.latency_seconds": 7e-6})
    assert all_reduce(gpu, 1024, 8).seconds == pytest.approx(7e-6 + gpu["launch.seconds"], rel=0.01)
