"""maxpool: the maximum of 3 x 3 windows in steps of two, int8, with a border of one pixel that never wins.

Data    x [H, W / 2, 2 * 320] int8: an image row is a part, with a slice for its even and one for its odd
        pixels. 320 lanes are the channels of a pixel, or of the same pixel of several images. y [H / 2, W /
        2, 320] int8.
Flow    down      the maximum of three image rows, for even and odd pixels: six reads, four ALUs. Odd pixels
                  are wanted by two windows at a time, so that they are stored twice.
        across    an even pixel and the odd ones on both sides: three reads, two ALUs. The first pixel of an
                  image row has no neighbour on its left and is a flow of its own.
Bound   by the VXM: six operations per output, so that 3/8 of a cycle per output would do on 16 ALUs, 168
        cycles for the larger size. Parts of the image go side by side as long as there are ALUs. Above that
        are two trips through memory of about 50 cycles, and each flow is but W / 2 cycles long.
"""

import numpy as np

SIZES = {"small": {"h": 4, "w": 8}, "resnet": {"h": 16, "w": 112}}
CYCLES = {"small": 102, "resnet": 297}


def highest(values):
    """Return the maximum of a list of values."""
    best = values[0]
    for value in values[1:]:
        best = best.max(value)
    return best


def build(k, h, w):
    n, half = k.lanes, w // 2
    x = k.input("x", "int8", [h, half, 2 * n], parts=h)
    y = k.output("y", "int8", [h // 2, half, n], parts=h // 2)
    even, left, right = (
        k.scratch(name, "int8", [h // 2, half, n], parts=h // 2) for name in ("even", "left", "right")
    )
    for row in range(h // 2):
        above = [r for r in (2 * row - 1, 2 * row, 2 * row + 1) if r >= 0]
        for block, homes in enumerate(((even,), (left, right))):
            with k.flow("down", count=half, side="WE"[block]) as f:
                best = highest([f.read(x, row=r * half, block=block) for r in above])
                for home in homes:
                    f.write(best, home, row=row * half)
    for row in range(h // 2):
        first = row * half
        with k.flow("edge", count=1) as f:
            f.write(f.read(even, row=first).max(f.read(right, row=first)), y, row=first)
        with k.flow("across", count=half - 1) as f:
            windows = f.read(even, row=first + 1), f.read(right, row=first + 1), f.read(left, row=first)
            f.write(highest(windows), y, row=first + 1)


def inputs(seed, h, w):
    return {"x": np.random.default_rng(seed).integers(-128, 128, (h, w // 2, 640), dtype=np.int8)}


def expected(inputs):
    h, half, _ = inputs["x"].shape
    x = np.pad(inputs["x"].reshape(h, 2 * half, 320), ((1, 0), (1, 0), (0, 0)), constant_values=-128)
    windows = [x[dy : dy + h : 2, dx : dx + 2 * half : 2] for dy in range(3) for dx in range(3)]
    return {"y": np.maximum.reduce(windows)}
