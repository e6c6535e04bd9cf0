"""axpy: z = a * x + y in fp32, the smallest useful flow.

Data    x, y and z are [rows, columns]; every 320 columns are a block in slices of its own, and each of the
        four bytes of an fp32 lies in a slice of its own, so a block takes 12 slices. Blocks take turns from
        west and east.
Flow    two reads, two ALUs, one write per block. The multiplication takes the number as an immediate; y is
        read just in time to meet the product.
Bound   by the slices: one queue serves a slice, so a block cannot be read more than once a cycle. Rows cost
        a cycle each, the way through the chip about 50 cycles once. Two blocks run side by side, since each
        needs one of the eight large ALUs for its multiplication and one for its addition.
"""

import numpy as np

A = 2.5
SIZES = {
    "small": {"rows": 8, "columns": 320},
    "wide": {"rows": 64, "columns": 640},
    "tall": {"rows": 512, "columns": 320},
}
CYCLES = {"small": 79, "wide": 138, "tall": 583}


def build(k, rows, columns):
    x = k.input("x", "fp32", [rows, columns])
    y = k.input("y", "fp32", [rows, columns])
    z = k.output("z", "fp32", [rows, columns])
    for block in range(x.blocks):
        with k.flow("axpy", count=rows, side="WE"[block % 2]) as f:
            f.write(A * f.read(x, block=block) + f.read(y, block=block), z, block=block)


def inputs(seed, rows, columns):
    rng = np.random.default_rng(seed)
    return {name: rng.standard_normal((rows, columns)).astype(np.float32) for name in "xy"}


def expected(inputs):
    return {"z": np.float32(A) * inputs["x"] + inputs["y"]}
