"""prefix_sum: y[i] = x[0] + ... + x[i] over a long vector of int8, exact in int32.

Data    x is the vector, 320 elements to a row: [rows, 320] int8. y is the same in int32.
Flow    two planes of the western hemisphere listen to one stream of x. One multiplies with ones and adds
        every product to the same accumulator row, so row r leaves it as the sum of rows 0 to r, in every
        lane. The other multiplies with -1 where a lane comes later: minus what that sum has too much. An
        ALU adds both. A flow counts accumulator rows upwards, so every row is a flow of its own here.
Bound   by the chain through the accumulators: a row a cycle, which is as fast as one slice can be read.
        With an ALU's latch in their place it would be three cycles a row. Above that are 160 cycles, the
        load of the two tiles and the way there and back. The eastern planes have nothing to do: their sums
        could begin only where the western ones end.
"""

import numpy as np

SIZES = {"small": {"rows": 16}, "large": {"rows": 256}}
CYCLES = {"small": 184, "large": 424}


def build(k, rows):
    n = k.lanes
    x = k.input("x", "int8", [rows, n])
    y = k.output("y", "int32", [rows, n])
    ones = np.ones((n, n), np.int8)
    up_to_here = k.load(k.weights("ones", "int8", values=ones), plane=0)
    later = k.load(k.weights("later", "int8", values=-np.tril(ones, -1)), plane=1)
    for row in range(rows):
        with k.flow("scan", count=1) as f:
            values = f.read(x, row=row)
            sums = f.matmul(values, up_to_here, row=0, add=row > 0)
            f.write(sums + f.matmul(values, later), y, row=row)


def inputs(seed, rows):
    return {"x": np.random.default_rng(seed).integers(-128, 128, (rows, 320), dtype=np.int8)}


def expected(inputs):
    return {"y": np.cumsum(inputs["x"], dtype=np.int32).reshape(inputs["x"].shape)}
