"""What `gather` computes, in NumPy."""

import numpy as np

FIRST_ADDRESS = 0x100


def inputs(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    table = rng.integers(0, 256, size=(256, 320), dtype=np.uint8)
    index = rng.integers(0, 256, size=(32, 20, 16), dtype=np.uint8)  # lanes 2 to 15 do not count
    address = FIRST_ADDRESS + rng.integers(0, 256, size=(32, 20))
    index[:, :, 0] = address % 256
    index[:, :, 1] = address // 256
    return {"table": table, "index": index.reshape(32, 320)}


def expected(inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    index = inputs["index"].reshape(32, 20, 16).astype(np.int64)
    word = index[:, :, 0] + 256 * index[:, :, 1] - FIRST_ADDRESS
    table = inputs["table"].reshape(256, 20, 16)
    return {"y": table[word, np.arange(20)].reshape(32, 320)}
