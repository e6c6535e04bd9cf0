"""conv3x3: a convolution with 3 x 3 windows, int8 in and out: y = clip(round((conv(x, w) + bias) * scale)).

Data    x is an image [H + 2, W + 2, C] int8 with a border of zeros, channels in the lanes, every image row
        in a slice of its own; y [H, W, N] likewise. The nine tiles [C, N] of w, bias and scale are
        constants.
Flow    each plane has a quarter of the image rows, and one accumulator row per pixel. It goes through its
        pixels once per tap of the window, with the tap's tile and the pixel that lies there, and adds;
        tiles of later taps are loaded meanwhile. The last tap lets the sums out: + bias, to fp32, * scale,
        to int8, to memory, four ALUs for each of four planes.
Bound   by the planes: a tap of a pixel costs one of them a cycle, ideal are 9 * H * W / 4 cycles for C and
        N up to 320, 576 of the 792 of the larger size. A tap takes 65 cycles where 64 are ideal, the last
        one ten more, because constants are latched anew for every image row; the rest is the first load and
        the way through the chip.
"""

import numpy as np

SIZES = {"small": {"h": 4, "w": 8, "c": 32, "n": 48}, "resnet": {"h": 16, "w": 16, "c": 256, "n": 256}}
CYCLES = {"small": 256, "resnet": 792}
ALUS = ((0, 1, 2, 3), (8, 9, 10, 11), (7, 6, 5, 4), (15, 14, 13, 12))  # by plane, in its direction


def constants(c, n):
    """Return w [3, 3, c, n] int8, bias int32 [n] and scale fp32 [n]."""
    rng = np.random.default_rng(3)
    w = rng.integers(-128, 128, (3, 3, c, n), dtype=np.int8)
    scale = (rng.uniform(0.5, 2, n) / (384 * np.sqrt(c))).astype(np.float32)
    return w, rng.integers(-10000, 10000, n, dtype=np.int32), scale


def build(k, h, w, c, n):
    weights, bias_values, scale_values = constants(c, n)
    x = k.input("x", "int8", [h + 2, w + 2, c], parts=h + 2)
    y = k.output("y", "int8", [h, w, n], parts=h)
    bias = k.constant("bias", "int32", bias_values)
    scale = k.constant("scale", "fp32", scale_values)
    taps = [(dy, dx) for dy in range(3) for dx in range(3)]
    tiles = {(dy, dx): k.weights(f"w{dy}{dx}", "int8", values=weights[dy, dx]) for dy, dx in taps}
    quarters = [range(h * plane // 4, h * (plane + 1) // 4) for plane in range(4)]
    for dy, dx in taps:
        for plane, rows in enumerate(quarters):
            tile = k.load(tiles[dy, dx], plane=plane) if rows else None
            for row in rows:
                with k.flow("conv", count=w, side="WE"[plane // 2]) as f:
                    pixels = f.read(x, row=(row + dy) * (w + 2) + dx)
                    sums = f.matmul(pixels, tile, row=(row - rows[0]) * w, add=(dy, dx) != taps[0])
                    if (dy, dx) == taps[-1]:
                        add, widen, times, narrow = ALUS[plane]
                        wide = sums.add(f.latch(bias), alu=add).to("fp32", alu=widen)
                        wide = wide.mul(f.latch(scale), alu=times)
                        f.write(wide.to("int8", saturate=True, alu=narrow), y, row=row * w)


def inputs(seed, h, w, c, n):
    x = np.zeros((h + 2, w + 2, c), dtype=np.int8)
    x[1:-1, 1:-1] = np.random.default_rng(seed).integers(-128, 128, (h, w, c), dtype=np.int8)
    return {"x": x}


def expected(inputs, h, w, c, n):
    weights, bias, scale = constants(c, n)
    x = inputs["x"].astype(np.int32)
    sums = sum(x[dy : dy + h, dx : dx + w] @ weights[dy, dx] for dy in range(3) for dx in range(3)) + bias
    return {"y": np.clip(np.rint(sums.astype(np.float32) * scale), -128, 127).astype(np.int8)}
