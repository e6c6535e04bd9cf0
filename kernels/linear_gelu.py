"""linear_gelu: y = gelu(x w + bias) in one pass over memory, fp16 in and out, 640 inputs and 320 outputs.

Data    x [rows, 640] and y [rows, 320] are fp16. w and bias are constants of the program, both multiplied
        with the cube root of C beforehand, which leaves eight operations for large ALUs instead of nine.
Flow    a hemisphere multiplies 64 rows with both tiles of w, one after the other, and sends the finished
        sums through bias and gelu to memory. The hemispheres take turns: one is in its second tile, and has
        the VXM, while the other is in its first. A part begins with the tile that the part before it ended
        with, so that every other load is saved.
Bound   by the planes: a row takes a pair of planes two cycles per tile, ideal are 2 * rows cycles.
        docs/kernels.md gets there step by step.
"""

import numpy as np

K, N = 640, 320
ROWS = 64
SIZES = {"small": {"rows": 32}, "large": {"rows": 512}}
CYCLES = {"small": 305, "large": 1402}
TOLERANCE = 2e-3

rng = np.random.default_rng(7)
WEIGHTS = rng.standard_normal((K, N)) / np.sqrt(K)
BIAS = rng.standard_normal(N)
B = np.sqrt(2 / np.pi)  # gelu(v) = v / 2 * (1 + tanh(v * (B + C * v * v)))
C = 0.044715 * B
S = float(np.cbrt(C))  # u = v * S, so that v * (B + C * v * v) = u * (B / S + u * u)


def scaled_gelu(u):
    """Return gelu(u / S) of an fp32 value of a flow."""
    return u * (0.5 / S) * ((u * (u * u + float(B) / S)).tanh() + 1.0)


def build(k, rows):
    parts = max(2, rows // ROWS)
    x = k.input("x", "fp16", [rows, K], parts=parts)
    w = k.weights("w", "fp16", values=(WEIGHTS * S).astype(np.float16))
    bias = k.constant("bias", "fp32", BIAS * S)
    y = k.output("y", "fp16", [rows, N], parts=parts)
    tiles = {"W": None, "E": None}
    for part in range(parts):
        side, plane = ("W", 0) if part % 2 == 0 else ("E", 2)
        row, count = x.first_row(part), x.rows_of(part)
        blocks = (0, 1) if part % 4 < 2 else (1, 0)
        for block in blocks:
            if tiles[side] is None or tiles[side].k != block:
                tiles[side] = k.load(w, block, plane=plane)
            with k.flow("layer", count=count, interval=2, side=side) as f:
                values = f.read(x, row=row, block=block)
                product = f.matmul(values, tiles[side], row=0, add=block == blocks[1])
                if block == blocks[1]:
                    f.write(scaled_gelu(product + f.latch(bias)).to("fp16"), y, row=row)


def inputs(seed, rows):
    return {"x": np.random.default_rng(seed).standard_normal((rows, K)).astype(np.float16)}


def expected(inputs):
    v = inputs["x"].astype(np.float64) @ WEIGHTS + BIAS
    return {"y": (v / 2 * (1 + np.tanh(v * (B + C * v * v)))).astype(np.float16)}
