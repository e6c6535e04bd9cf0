"""What `fused_linear` computes, in NumPy."""

import numpy as np

SCALE = np.float32(0.001)
ZERO_POINT = -128


def inputs(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    weights = rng.integers(-128, 128, size=(320, 320), dtype=np.int8)  # [output, input]
    rows = rng.integers(-128, 128, size=(64, 320), dtype=np.int8)
    bias = rng.integers(-100_000, 100_000, size=320, dtype=np.int32)
    zero = np.int32(round(ZERO_POINT / float(SCALE)))
    return {"w": weights.reshape(20, 16, 320), "x": rows, "bias": bias + zero}


def expected(inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    weights = inputs["w"].reshape(320, 320).astype(np.int32)
    total = inputs["x"].astype(np.int32) @ weights.T + inputs["bias"]
    scaled = total.astype(np.float32) * SCALE
    return {"y": np.clip(np.rint(scaled), -128, 127).astype(np.int8)}
