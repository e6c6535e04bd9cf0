"""Biases made of int8 weights and constants."""

from __future__ import annotations

import numpy as np
import pytest

from lpu_emu.compiler.lower.bias import bias_weights, constant_word, most_bias


@pytest.mark.parametrize("width", [2, 4, 16])
@pytest.mark.parametrize("seed", range(3))
def test_weights_times_constants_are_the_bias(width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    most = most_bias(width)
    bias = np.concatenate([rng.integers(-most, most + 1, 200), [most, -most, 0, 63, 64, -64]]).astype(
        np.int32
    )
    weights = bias_weights(bias, width).astype(np.int64)
    constants = constant_word(width, 3 * width)[width : 2 * width].astype(np.int64)
    assert (constants @ weights == bias).all(), f"seed {seed}, width {width}"


def test_a_bias_that_is_too_large_is_not_made() -> None:
    with pytest.raises(AssertionError):
        bias_weights(np.array([most_bias(4) + 127], dtype=np.int32), 4)
