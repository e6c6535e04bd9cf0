"""What `matmul_fp16` computes, in NumPy: float64 sums in ascending order of the inputs, rounded once to float32."""

import numpy as np


def inputs(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    weights = (rng.standard_normal((320, 320)) / 16).astype(np.float16)  # [output, input]
    rows = rng.standard_normal((32, 320)).astype(np.float16)
    return {"w": weights.reshape(20, 16, 320), "x": rows}


def expected(inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    weights = inputs["w"].reshape(320, 320).astype(np.float64)
    rows = inputs["x"].astype(np.float64)
    total = np.zeros((32, 320))
    for k in range(320):
        total += rows[:, k, None] * weights[None, :, k]
    return {"y": total.astype(np.float32)}
