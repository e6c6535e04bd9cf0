"""gelu: y = x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))) in fp32, fp16 in memory.

Data    x and y are [rows, columns] fp16: two slices each per block of 320 columns.
Flow    fp16 to fp32, eight operations, fp32 to fp16. x is wanted four times along the way; small ALUs carry
        it. The two constants of the cubic are folded, so that x * (b + c x^2) is all that goes into tanh.
Bound   by the VXM: eight operations need large ALUs, and there are eight. So one row a cycle is the limit
        whatever the memory could do, and a second block has to wait for the first.
"""

import numpy as np

B = float(np.float32(np.sqrt(2 / np.pi)))
C = float(np.float32(0.044715 * np.sqrt(2 / np.pi)))
SIZES = {"small": {"rows": 16, "columns": 320}, "large": {"rows": 256, "columns": 640}}
CYCLES = {"small": 110, "large": 628}
TOLERANCE = 1e-3


def gelu(x):
    """Return gelu of an fp32 value of a flow."""
    inner = x * (x * x * C + B)
    return x * 0.5 * (inner.tanh() + 1.0)


def build(k, rows, columns):
    x = k.input("x", "fp16", [rows, columns])
    y = k.output("y", "fp16", [rows, columns])
    for block in range(x.blocks):
        with k.flow("gelu", count=rows, side="WE"[block % 2]) as f:
            value = gelu(f.read(x, block=block).to("fp32"))
            f.write(value.to("fp16"), y, block=block)


def inputs(seed, rows, columns):
    return {"x": np.random.default_rng(seed).uniform(-6, 6, (rows, columns)).astype(np.float16)}


def expected(inputs):
    x = inputs["x"].astype(np.float64)
    return {"y": (x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))).astype(np.float16)}
