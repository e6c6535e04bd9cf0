"""linear_int8: y = x w with int8 operands and exact int32 sums, on all four planes.

Data    x [rows, K] int8, w [K, N] int8, y [rows, N] int32. w is cut into tiles of 320 x 320, one per plane
        at a time.
Flow    both planes of a hemisphere listen to one stream of x, so a row that is read once is multiplied with
        two tiles. The hemispheres begin with different blocks of x, because a slice serves one of them at a
        time. Sums over K stay in the accumulators, whose addition of integers has no order; the last tile
        of a column lets them out to memory. The next tiles are loaded while the planes still multiply with
        the ones before.
Bound   by the planes: each takes a row a cycle, so ideal are rows * K/320 * N/320 / 4 cycles. Above that
        come about 130 cycles for the first load and the way from memory through a plane and back, once.
"""

import numpy as np

SIZES = {
    "small": {"rows": 16, "k": 320, "n": 320},
    "square": {"rows": 128, "k": 640, "n": 640},
    "batch": {"rows": 256, "k": 640, "n": 1280},
}
CYCLES = {"small": 174, "square": 419, "batch": 683}


def build(kernel, rows, k, n):
    x = kernel.input("x", "int8", [rows, k])
    w = kernel.weights("w", "int8", [k, n])
    y = kernel.output("y", "int32", [rows, n])
    turns = {side: range(first, w.n_blocks, 4) for side, first in (("W", 0), ("E", 2))}
    for side, firsts in turns.items():
        for first in firsts:
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
        "x": rng.integers(-128, 128, (rows, k), dtype=np.int8),
        "w": rng.integers(-128, 128, (k, n), dtype=np.int8),
    }


def expected(inputs):
    return {"y": inputs["x"].astype(np.int32) @ inputs["w"].astype(np.int32)}
