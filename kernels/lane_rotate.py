"""What `lane_rotate` computes, in NumPy."""

import numpy as np


def inputs(seed: int) -> dict[str, np.ndarray]:
    return {"x": np.random.default_rng(seed).integers(-128, 128, size=(32, 320), dtype=np.int8)}


def expected(inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {"y": np.roll(inputs["x"], 1, axis=1)}
