"""row_sum: the sum of every row of an fp16 matrix, in fp32.

Data    x [rows, columns] fp16, y [rows, 1] fp32. The weights are a matrix of ones with as many rows as x
        has columns.
Flow    lanes cannot be added to each other in the VXM, but a matrix plane adds all lanes of a vector at
        once: the sum of a row is its product with ones. It is exact to the one rounding to fp32 per block
        of 320 columns. Blocks are added in the accumulators. The western planes add up one half of the
        rows, the eastern ones the other.
Bound   by the planes: a two-byte vector over all lanes takes a pair of them two cycles. Adding by rounds of
        lane rotations in the SXM instead takes nine trips through memory of about 110 cycles each (see
        softmax, which has no choice for its maximum).
"""

import numpy as np

SIZES = {"small": {"rows": 16, "columns": 320}, "wide": {"rows": 128, "columns": 960}}
CYCLES = {"small": 155, "wide": 522}
TOLERANCE = 1e-6


def build(k, rows, columns):
    x = k.input("x", "fp16", [rows, columns], parts=2)
    ones = k.weights("ones", "fp16", values=np.ones((columns, 1)))
    y = k.output("y", "fp32", [rows, 1], parts=2)
    for block in range(x.blocks):
        for part, side in enumerate("WE"):
            tile = k.load(ones, block, plane=2 * part)
            row = x.first_row(part)
            with k.flow("sum", count=x.rows_of(part), interval=2, side=side) as f:
                sums = f.matmul(f.read(x, row=row, block=block), tile, row=0, add=block > 0)
                if block == x.blocks - 1:
                    f.write(sums, y, row=row)


def inputs(seed, rows, columns):
    return {"x": np.random.default_rng(seed).standard_normal((rows, columns)).astype(np.float16)}


def expected(inputs):
    return {"y": inputs["x"].astype(np.float64).sum(axis=1, keepdims=True).astype(np.float32)}
