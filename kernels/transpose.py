"""What `transpose` computes, in NumPy."""

import numpy as np


def inputs(seed: int) -> dict[str, np.ndarray]:
    return {"x": np.random.default_rng(seed).integers(-128, 128, size=(20, 16, 320), dtype=np.int8)}


def expected(inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    blocks = inputs["x"].reshape(20, 16, 20, 16)  # [tile, row, superlane, lane]
    return {"y": blocks.transpose(0, 3, 2, 1).reshape(20, 16, 320)}
