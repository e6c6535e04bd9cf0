"""linear_fp16: y = x w with fp16 operands and fp32 sums, on both pairs of planes.

Data    x [rows, K] fp16, w [K, N] fp16, y [rows, N] fp32. A tile of 320 x 320 two-byte weights takes both
        planes of a hemisphere, the even plane for the low and the odd one for the high bytes.
Flow    as linear_int8: the hemispheres take columns of tiles in turn and begin with different blocks of x.
        A block of 320 products is rounded once, then blocks are added in fp32 in the accumulators.
Bound   by the planes: a row takes a pair two cycles, so ideal are rows * K/320 * N/320 cycles with both
        pairs; about 150 more for the first load and the way through the chip.
"""

import numpy as np

SIZES = {"small": {"rows": 16, "k": 320, "n": 320}, "batch": {"rows": 64, "k": 640, "n": 640}}
CYCLES = {"small": 193, "batch": 425}
TOLERANCE = 1e-6


def build(kernel, rows, k, n):
    x = kernel.input("x", "fp16", [rows, k])
    w = kernel.weights("w", "fp16", [k, n])
    y = kernel.output("y", "fp32", [rows, n])
    for turn in range(-(-w.n_blocks // 2) * w.k_blocks):
        for side, plane in (("W", 0), ("E", 2)):
            column = turn // w.k_blocks * 2 + plane // 2
            if column == w.n_blocks:
                continue
            step = turn % w.k_blocks
            depth = (step + (side == "E")) % w.k_blocks
            tile = kernel.load(w, depth, column, plane=plane)
            with kernel.flow("product", count=rows, interval=2, side=side) as f:
                sums = f.matmul(f.read(x, block=depth), tile, row=0, add=step > 0)
                if step == w.k_blocks - 1:
                    f.write(sums, y, block=column)


def inputs(seed, rows, k, n):
    rng = np.random.default_rng(seed)
    return {
        "x": rng.standard_normal((rows, k)).astype(np.float16),
        "w": (rng.standard_normal((k, n)) / 16).astype(np.float16),
    }


def expected(inputs):
    return {"y": (inputs["x"].astype(np.float64) @ inputs["w"].astype(np.float64)).astype(np.float32)}
