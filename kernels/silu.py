"""silu: y = x / (1 + exp(-x)) in fp32, fp16 in memory.

Data    x and y are [rows, columns] fp16: two slices each per block of 320 columns.
Flow    fp16 to fp32; exp(-x) + 1; the reciprocal as the square of rsqrt, since the chip has no division;
        times x; fp32 to fp16. Small ALUs carry x past the four operations in between.
Bound   by the VXM: six operations need large ALUs, of which there are eight, so one row a cycle is the
        limit.
"""

import numpy as np

SIZES = {"small": {"rows": 16, "columns": 320}, "large": {"rows": 256, "columns": 640}}
CYCLES = {"small": 108, "large": 612}
TOLERANCE = 1e-3


def build(k, rows, columns):
    x = k.input("x", "fp16", [rows, columns])
    y = k.output("y", "fp16", [rows, columns])
    for block in range(x.blocks):
        with k.flow("silu", count=rows, side="WE"[block % 2]) as f:
            wide = f.read(x, block=block).to("fp32")
            root = ((-wide).exp() + 1.0).rsqrt()
            f.write((wide * (root * root)).to("fp16"), y, block=block)


def inputs(seed, rows, columns):
    return {"x": np.random.default_rng(seed).uniform(-9, 9, (rows, columns)).astype(np.float16)}


def expected(inputs):
    x = inputs["x"].astype(np.float64)
    return {"y": (x / (1 + np.exp(-x))).astype(np.float16)}
