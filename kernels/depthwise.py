"""depthwise: a convolution of every channel with 3 x 3 windows of its own, int8 in, exact int32 sums.

Data    x [H + 2, W * C] int8: an image row is a row, its pixels and channels lie side by side in the lanes,
        and a row of zeros is above and below. y [H, W * C] int32. w [3, 3, C] is a constant of the program.
Flow    the three taps of an image row become one band matrix over the lanes: lane (pixel, channel) takes
        the channel of the pixel before, its own and the next one. So the planes do three taps of ten pixels
        (of 32 channels) at a time, where tiles that are mostly zero would do one tap of one. Three row
        taps, and the blocks of lanes next to a block, are added in the accumulators. Blocks of columns go
        round the planes; the last tile lets the sums out.
Bound   by the planes: a tile costs H cycles, and there are three per pair of neighbouring blocks, 3 B - 2
        pairs for B blocks; a quarter of that, 420 cycles, is ideal for the larger size. Blocks at the edges
        have one neighbour less, so that two planes are done after six tiles and two after nine, 504 cycles.
        About 190 are the first loads and the way through the chip. The order of neighbours keeps planes
        from wanting one block at a time.
"""

import numpy as np

SIZES = {"small": {"h": 8, "w": 10, "c": 32}, "large": {"h": 56, "w": 40, "c": 32}}
CYCLES = {"small": 212, "large": 697}


def window(c):
    """Return w [3, 3, c] int8."""
    return np.random.default_rng(5).integers(-128, 128, (3, 3, c), dtype=np.int8)


def band(taps, w):
    """Return the matrix of three taps [3, c] over a row of w pixels, int8 [w * c, w * c]."""
    return sum(
        np.kron(np.eye(w, k=1 - dx, dtype=np.int8), np.diag(tap)) for dx, tap in enumerate(taps)
    ).astype(np.int8)


def build(k, h, w, c):
    x = k.input("x", "int8", [h + 2, w * c])
    y = k.output("y", "int32", [h, w * c])
    bands = [k.weights(f"w{dy}", "int8", values=band(taps, w)) for dy, taps in enumerate(window(c))]
    turns = [
        [(n, depth, dy) for depth in (n, n ^ 1, 2 * n - (n ^ 1)) if 0 <= depth < x.blocks for dy in range(3)]
        for n in range(x.blocks)
    ]
    for turn in range(max(map(len, turns))):
        for n, steps in enumerate(turns):
            if turn < len(steps):
                _, depth, dy = steps[turn]
                tile = k.load(bands[dy], depth, n, plane=n % 4)
                with k.flow("conv", count=h, side="WE"[n % 4 // 2]) as f:
                    sums = f.matmul(f.read(x, row=dy, block=depth), tile, row=0, add=turn > 0)
                    if turn == len(steps) - 1:
                        f.write(sums, y, block=n)


def inputs(seed, h, w, c):
    x = np.zeros((h + 2, w * c), dtype=np.int8)
    x[1:-1] = np.random.default_rng(seed).integers(-128, 128, (h, w * c), dtype=np.int8)
    return {"x": x}


def expected(inputs, h, w, c):
    x = np.pad(inputs["x"].reshape(h + 2, w, c).astype(np.int32), ((0, 0), (1, 1), (0, 0)))
    taps = window(c)
    y = sum(x[dy : dy + h, dx : dx + w] * taps[dy, dx] for dy in range(3) for dx in range(3))
    return {"y": y.reshape(h, w * c)}
