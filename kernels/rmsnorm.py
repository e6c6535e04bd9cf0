"""rmsnorm: y = x / sqrt(mean(x^2) + 1e-5) * gamma over the 320 columns of each row, fp16 in and out.

Data    x and y are [rows, 320] fp16, gamma is fp32 [320], kept in a latch.
Flow    squares  x^2 in fp32, as the sum of two fp16 numbers (the second is what the first loses in
        rounding)
        scale    a matrix of ones adds up all lanes: the western planes take the first parts, the eastern
                 ones the second. The two sums meet in the VXM; rsqrt, times x, times gamma. Every lane has
                 the sum, because the ones have 320 columns.
        Rows are cut into parts of 64 in slices of their own: a slice is written or read, not both, so
        without parts the second flow would begin when the first is over.
Bound   by the planes: a two-byte vector takes a pair of them two cycles. On short inputs the two ways
        through the chip are most of it.
"""

import numpy as np

EPSILON = 1e-5
SIZES = {"small": {"rows": 16}, "large": {"rows": 256}}
CYCLES = {"small": 264, "large": 844}
TOLERANCE = 1e-3


def split(value):
    """Return an fp32 value as two fp16 values whose sum it is, to 22 bits."""
    high = value.to("fp16")
    return high, (value - high.to("fp32")).to("fp16")


def build(k, rows):
    n, parts = k.lanes, max(1, rows // 64)
    x = k.input("x", "fp16", [rows, n], parts=parts)
    gamma = k.input("gamma", "fp32", [n])
    y = k.output("y", "fp16", [rows, n], parts=parts)
    ones = k.weights("ones", "fp16", values=np.ones((n, n)))
    high, low = (k.scratch(name, "fp16", [rows, n], parts=parts) for name in ("high", "low"))
    west, east = k.load(ones, plane=0), k.load(ones, plane=2)
    for part in range(parts):
        count, row = x.rows_of(part), x.first_row(part)
        with k.flow("squares", count=count) as f:
            wide = f.read(x, row=row).to("fp32")
            for piece, home in zip(split(wide * wide), (high, low), strict=True):
                f.write(piece, home, row=row)
    for part in range(parts):
        count, row = x.rows_of(part), x.first_row(part)
        with k.flow("scale", count=count, interval=2) as f:
            total = f.matmul(f.read(high, row=row), west) + f.matmul(f.read(low, row=row), east)
            scale = (total * (1 / n) + EPSILON).rsqrt()
            f.write((scale * f.read(x, row=row).to("fp32") * f.latch(gamma)).to("fp16"), y, row=row)


def inputs(seed, rows):
    rng = np.random.default_rng(seed)
    return {
        "x": rng.standard_normal((rows, 320)).astype(np.float16),
        "gamma": rng.uniform(0.5, 2, 320).astype(np.float32),
    }


def expected(inputs):
    x = inputs["x"].astype(np.float64)
    scale = 1 / np.sqrt((x * x).mean(axis=1, keepdims=True) + EPSILON)
    return {"y": (x * scale * inputs["gamma"]).astype(np.float16)}
