"""What `matmul` computes, in NumPy."""

import numpy as np


def inputs(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    weights = rng.integers(-128, 128, size=(320, 320), dtype=np.int8)  # [output, input]
    rows = rng.integers(-128, 128, size=(64, 320), dtype=np.int8)
    return {"w": weights.reshape(20, 16, 320), "x": rows}


def expected(inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    weights = inputs["w"].reshape(320, 320).astype(np.int32)
    return {"y": inputs["x"].astype(np.int32) @ weights.T}
