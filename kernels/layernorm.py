"""layernorm: y = (x - mean) / sqrt(variance + 1e-5) * gamma + beta over 320 columns, fp16 in and out.

Data    x and y are [rows, 320] fp16; gamma and beta are fp32 [320], kept in latches.
Flow    mean     the product with a matrix of ones adds all lanes; times 1 / 320, fp32, the same in every
        lane
        spread   d = x - mean in fp32, and d^2 as the sum of two fp16 numbers
        scale    the sums of both parts (western and eastern planes) give the variance; rsqrt, times d,
                 gamma and beta
        Rows are cut into parts of 64 in slices of their own, so that one part can be a step ahead of the
        next.
Bound   by latency on short inputs: three trips from memory to memory, two of them through the planes. On
        long ones by the western planes, which take two cycles per row in the first and in the last step.
"""

import numpy as np

EPSILON = 1e-5
SIZES = {"small": {"rows": 16}, "large": {"rows": 256}}
CYCLES = {"small": 413, "large": 1317}
TOLERANCE = 1e-3


def split(value):
    """Return an fp32 value as two fp16 values whose sum it is, to 22 bits."""
    high = value.to("fp16")
    return high, (value - high.to("fp32")).to("fp16")


def build(k, rows):
    n, parts = k.lanes, max(1, rows // 64)
    x = k.input("x", "fp16", [rows, n], parts=parts)
    gamma, beta = (k.input(name, "fp32", [n]) for name in ("gamma", "beta"))
    y = k.output("y", "fp16", [rows, n], parts=parts)
    ones = k.weights("ones", "fp16", values=np.ones((n, n)))
    mean, apart = (k.scratch(name, "fp32", [rows, n], parts=parts) for name in ("mean", "apart"))
    high, low = (k.scratch(name, "fp16", [rows, n], parts=parts) for name in ("high", "low"))
    west, east = k.load(ones, plane=0), k.load(ones, plane=2)
    pieces = [(x.first_row(part), x.rows_of(part)) for part in range(parts)]
    for row, count in pieces:
        with k.flow("mean", count=count, interval=2) as f:
            f.write(f.matmul(f.read(x, row=row), west) * (1 / n), mean, row=row)
    for row, count in pieces:
        with k.flow("spread", count=count) as f:
            d = f.read(x, row=row).to("fp32") - f.read(mean, row=row)
            f.write(d, apart, row=row)
            for piece, home in zip(split(d * d), (high, low), strict=True):
                f.write(piece, home, row=row)
    for row, count in pieces:
        with k.flow("scale", count=count, interval=2) as f:
            total = f.matmul(f.read(high, row=row), west) + f.matmul(f.read(low, row=row), east)
            scale = (total * (1 / n) + EPSILON).rsqrt()
            value = scale * f.read(apart, row=row) * f.latch(gamma) + f.latch(beta)
            f.write(value.to("fp16"), y, row=row)


def inputs(seed, rows):
    rng = np.random.default_rng(seed)
    return {
        "x": (rng.standard_normal((rows, 320)) + 0.5).astype(np.float16),
        "gamma": rng.uniform(0.5, 2, 320).astype(np.float32),
        "beta": rng.uniform(-1, 1, 320).astype(np.float32),
    }


def expected(inputs):
    x = inputs["x"].astype(np.float64)
    d = x - x.mean(axis=1, keepdims=True)
    scale = 1 / np.sqrt((d * d).mean(axis=1, keepdims=True) + EPSILON)
    return {"y": (d * scale * inputs["gamma"] + inputs["beta"]).astype(np.float16)}
