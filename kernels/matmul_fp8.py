"""matmul_fp8: y = x w with fp8 operands (E4M3) and fp32 sums, on all four planes of lp30.

Data    x [rows, K] fp8, w [K, N] fp8, y [rows, N] fp32. Numbers of one byte take a plane each, as int8
        does.
Flow    both planes of a hemisphere listen to one stream of x, so a row that is read once meets two tiles of
        w. The hemispheres begin with different blocks of x, because a slice serves one of them at a time.
        A block of 320 products is rounded once to fp32, then blocks are added in the accumulators; the last
        one lets the sums out to memory.
Bound   by the planes: a row costs each of them a cycle, ideal are rows * K/320 * N/320 / 4 cycles. The
        first load and the way from memory through a plane and back come to about 150 cycles, once.
"""

import ml_dtypes
import numpy as np

CHIP = "lp30"
SIZES = {"small": {"rows": 16, "k": 320, "n": 320}, "batch": {"rows": 256, "k": 640, "n": 1280}}
CYCLES = {"small": 183, "batch": 692}
TOLERANCE = 1e-6


def build(kernel, rows, k, n):
    x = kernel.input("x", "fp8", [rows, k])
    w = kernel.weights("w", "fp8", [k, n])
    y = kernel.output("y", "fp32", [rows, n])
    for first in range(0, w.n_blocks, 2):
        side = "WE"[first // 2 % 2]
        columns = [n for n in (first, first + 1) if n < w.n_blocks]
        for turn in range(w.k_blocks):
            depth = (turn + (side == "E")) % w.k_blocks
            tiles = {n: kernel.load(w, depth, n, plane=n % 4) for n in columns}
            with kernel.flow("product", count=rows, side=side) as f:
                row = f.read(x, block=depth)
                for n, tile in tiles.items():
                    sums = f.matmul(row, tile, row=0, add=turn > 0)
                    if turn == w.k_blocks - 1:
                        f.write(sums, y, block=n)


def inputs(seed, rows, k, n):
    rng = np.random.default_rng(seed)
    return {
        "x": rng.standard_normal((rows, k)).astype(ml_dtypes.float8_e4m3fn),
        "w": (rng.standard_normal((k, n)) / 4).astype(ml_dtypes.float8_e4m3fn),
    }


def expected(inputs):
    return {"y": (inputs["x"].astype(np.float64) @ inputs["w"].astype(np.float64)).astype(np.float32)}
