"""Values of the operators: against plain loops, and whole stages against the same layer written differently."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lpu_emu.errors import ModelError
from lpu_emu.gpu import values as v
from lpu_emu.gpu.models import Ffn, load_model
from lpu_emu.gpu.spec import load_gpu
from lpu_emu.gpu.stages import Load, attention_stage, evaluate, ffn_stage, head_stage, total

SEED = 20261124
Array = NDArray[Any]
MODEL = load_model("smollm2-135m")
ONE = Load(sequences=1, context=5, new=3)


def random(*shape: int) -> Array:
    return np.asarray(np.random.default_rng([SEED, *shape]).standard_normal(shape) / np.sqrt(shape[0]))


def attend_slowly(q: Array, k: Array, value: Array, window: int) -> Array:
    result = np.zeros((q.shape[0], q.shape[1], value.shape[2]))
    for row in range(q.shape[0]):
        place = k.shape[0] - q.shape[0] + row
        first = max(0, place - window + 1) if window else 0
        for head in range(q.shape[1]):
            key = head // (q.shape[1] // k.shape[1])
            powers = np.exp([q[row, head] @ k[t, key] / np.sqrt(q.shape[2]) for t in range(first, place + 1)])
            result[row, head] = powers @ value[first : place + 1, key] / powers.sum()
    return result


@pytest.mark.parametrize("window", [0, 1, 3])
def test_attention(window: int) -> None:
    q, k, value = random(3, 6, 8), random(7, 2, 8), random(7, 2, 5)
    found = v.attention(q, k, value, window=window)
    np.testing.assert_allclose(found, attend_slowly(q, k, value, window), rtol=1e-12, err_msg=f"seed {SEED}")


def test_rotation_keeps_products_of_equal_distance() -> None:
    a, b = random(1, 1, 8), random(2, 1, 8)[:1]

    def at(x: Array, place: int) -> Array:
        return np.asarray(v.rotate(x, np.array([place]), base=1e4)[0, 0])

    assert at(a, 5) @ at(b, 3) == pytest.approx(at(a, 102) @ at(b, 100))
    np.testing.assert_array_equal(at(a, 0), a[0, 0])
    pairs = v.rotate(a, np.array([4]), base=1e4, interleaved=True)[0, 0]
    order = np.array([0, 4, 1, 5, 2, 6, 3, 7])
    np.testing.assert_allclose(pairs[np.argsort(order)][order], pairs)


def test_small_operators() -> None:
    x = random(4, 6)
    np.testing.assert_allclose(v.softmax(x).sum(axis=-1), 1)
    assert v.silu(np.array([-1e4, 0.0])).tolist() == [0.0, 0.0]
    assert v.greedy(np.array([[1.0, 3.0, 3.0]])).tolist() == [1]
    np.testing.assert_allclose(v.rms_norm(x, np.ones(6), epsilon=0.0) ** 2 @ np.ones(6), 6)
    assert all((part == 2 * x).all() for part in v.all_reduce([x, x]))
    logits = np.log([[0.25, 0.5, 0.25]])
    assert [int(v.sample(logits, np.array([u]))[0]) for u in (0.0, 0.3, 0.74, 0.9)] == [0, 1, 1, 2]


def tensors(**more: Array) -> dict[str, Array]:
    return {
        "x": random(3, 576),
        "delta": random(3, 576),
        "epsilon": np.asarray(1e-5),
        "base": np.asarray(1e5),
        **more,
    }


def test_attention_stage_grows_the_cache_and_times_the_same_list() -> None:
    stage = attention_stage(MODEL, MODEL.layers[0].attention, ONE)
    known = tensors(
        attention_norm=np.ones(576), qkv=random(576, 960), out=random(576, 576), positions=np.arange(5, 8),
        keys=random(5, 3, 64), values=random(5, 3, 64),
    )  # fmt: skip
    after = evaluate(stage, known)
    assert after["keys"].shape == after["values"].shape == (8, 3, 64)
    assert after["delta"].shape == (3, 576)
    np.testing.assert_array_equal(after["x"], known["x"] + known["delta"])
    assert total(stage, load_gpu("h100")).seconds == sum(s.time(load_gpu("h100")).seconds for s in stage)


def test_dense_stage() -> None:
    stage = ffn_stage(MODEL, MODEL.layers[0].ffn, ONE)
    known = tensors(ffn_norm=np.ones(576), gate_up=random(576, 3072), down=random(1536, 576))
    x = known["x"] + known["delta"]
    normed = x / np.sqrt((x**2).mean(axis=-1, keepdims=True) + 1e-5)
    gate, up = normed @ known["gate_up"][:, :1536], normed @ known["gate_up"][:, 1536:]
    expected = gate / (1 + np.exp(-gate)) * up @ known["down"]
    np.testing.assert_allclose(
        evaluate(stage, known)["delta"], expected, rtol=1e-5, atol=1e-5, err_msg=f"seed {SEED}"
    )


def test_expert_stage_is_the_sum_over_chosen_experts() -> None:
    ffn = Ffn(width=4, experts=6, active=2, shared=1)
    known = tensors(
        ffn_norm=np.ones(576), router=random(576, 6), experts_up=random(6, 576, 8), experts_down=random(6, 4, 576),
        shared_gate_up=random(576, 8), shared_down=random(4, 576),
    )  # fmt: skip
    after = evaluate(ffn_stage(MODEL, ffn, ONE, gpus=4), known)
    normed = after["normed"]

    def expert(row: Array, up: Array, down: Array) -> Array:
        wide = row @ up
        return np.asarray(v.silu(wide[:4]) * wide[4:] @ down)

    for row in range(3):
        scores = normed[row] @ known["router"]
        best = np.argsort(-scores)[:2]
        shares = np.exp(scores[best]) / np.exp(scores[best]).sum()
        expected = sum(
            s * expert(normed[row], known["experts_up"][e], known["experts_down"][e])
            for e, s in zip(best, shares, strict=True)
        ) + expert(normed[row], known["shared_gate_up"], known["shared_down"])
        np.testing.assert_allclose(
            after["delta"][row], expected, rtol=1e-5, atol=1e-5, err_msg=f"seed {SEED}"
        )


def test_head_stage_takes_the_best_token() -> None:
    known = tensors(last_norm=np.ones(576), vocabulary=random(576, 11))
    after = evaluate(head_stage(MODEL, ONE), known)
    assert after["tokens"].tolist() == np.argmax(after["normed"] @ known["vocabulary"], axis=-1).tolist()


def test_what_is_time_only_says_so() -> None:
    latent = load_model("deepseek-v3")
    stage = attention_stage(latent, latent.layers[0].attention, replace(ONE, split=8))
    with pytest.raises(ModelError, match="'latent query, key' is modelled as time only"):
        evaluate(stage, tensors(attention_norm=np.ones(576)))
