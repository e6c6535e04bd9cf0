"""conv1x1: a convolution with 1 x 1 windows, int8 in and out: y = clip(round((x w + bias) * scale)).

Data    x [pixels, C] and y [pixels, N] int8, pixels in the order of memory, channels in the lanes. w [C, N]
        int8; bias int32 and scale fp32 are per channel. x and y are in two parts of pixels, or in four.
Flow    each hemisphere has half of the pixels, and both of its planes listen to one stream of them, with
        the tiles of two blocks of output channels. With an odd number of blocks every plane has a quarter
        of the pixels instead. Sums over blocks of C stay in the accumulators, and parts begin with
        different tiles, since tiles lie in memory once. The last block lets sums out: + bias, to fp32, *
        scale, to int8, to memory. That is four ALUs for each of four planes, which is all of them, so they
        are dealt out by hand.
Bound   by the planes: a pixel costs each of them a cycle per tile, so that pixels * tiles / 4 cycles are
        ideal, 196 for both larger sizes. About 190 come on top: 35 until the queues begin together, 20 for
        the first tile, 115 through the chip, 20 for the other superlanes. Tiles are of 320 x 320 channels:
        256 inputs leave a fifth of every plane idle, and 1,024 outputs fill four tiles to 80 %.
"""

import numpy as np

SIZES = {
    "small": {"pixels": 32, "c": 64, "n": 320},
    "resnet": {"pixels": 14 * 14, "c": 256, "n": 1024},
    "reduce": {"pixels": 14 * 14, "c": 1024, "n": 256},
}
CYCLES = {"small": 278, "resnet": 389, "reduce": 396}
ALUS = ((0, 1, 2, 3), (8, 9, 10, 11), (7, 6, 5, 4), (15, 14, 13, 12))  # by plane, in its direction


def build(k, pixels, c, n):
    w = k.weights("w", "int8", [c, n])
    sharing = 2 - w.n_blocks % 2  # planes that work on the same pixels
    parts = 4 // sharing
    x = k.input("x", "int8", [pixels, c], parts=parts)
    bias = k.input("bias", "int32", [n])
    scale = k.input("scale", "fp32", [n])
    y = k.output("y", "int8", [pixels, n], parts=parts)
    for turn in range(w.n_blocks // sharing * w.k_blocks):
        for part in range(parts):
            group = (turn // w.k_blocks + part) % (w.n_blocks // sharing)
            depth = (turn + part) % w.k_blocks
            plane, blocks = part * sharing, range(group * sharing, (group + 1) * sharing)
            tiles = {b: k.load(w, depth, b, plane=plane + b % sharing) for b in blocks}
            row, step = x.first_row(part), turn % w.k_blocks
            with k.flow("conv", count=x.rows_of(part), side="WE"[plane // 2]) as f:
                values = f.read(x, row=row, block=depth)
                for b, tile in tiles.items():
                    sums = f.matmul(values, tile, row=0, add=step > 0)
                    if step == w.k_blocks - 1:
                        add, widen, times, narrow = ALUS[plane + b % sharing]
                        wide = sums.add(f.latch(bias, block=b), alu=add).to("fp32", alu=widen)
                        wide = wide.mul(f.latch(scale, block=b), alu=times)
                        f.write(wide.to("int8", saturate=True, alu=narrow), y, row=row, block=b)


def inputs(seed, pixels, c, n):
    rng = np.random.default_rng(seed)
    return {
        "x": rng.integers(-128, 128, (pixels, c), dtype=np.int8),
        "w": rng.integers(-128, 128, (c, n), dtype=np.int8),
        "bias": rng.integers(-10000, 10000, n, dtype=np.int32),
        "scale": (rng.uniform(0.5, 2, n) / (128 * np.sqrt(c))).astype(np.float32),
    }


def expected(inputs):
    sums = inputs["x"].astype(np.int32) @ inputs["w"].astype(np.int32) + inputs["bias"]
    return {"y": np.clip(np.rint(sums.astype(np.float32) * inputs["scale"]), -128, 127).astype(np.int8)}
