"""vector_mul: z = x * y in fp16, element by element.

Data    x, y and z are [rows, columns] fp16; every block of 320 columns has two slices of its own per
        tensor.
Flow    two reads meet at one large ALU, and the product goes on to memory on the other side. Blocks take
        turns between the hemispheres, so that four of them flow at a time.
Bound   by the streams: a block takes four streams on its way in and two on its way out. A row costs a
        cycle, and four blocks go side by side as long as there are large ALUs (eight) and streams; above
        that are the 60 cycles that the first row is on its way.
"""

import numpy as np

SIZES = {"small": {"rows": 16, "columns": 320}, "large": {"rows": 512, "columns": 1280}}
CYCLES = {"small": 79, "large": 578}


def build(k, rows, columns):
    x = k.input("x", "fp16", [rows, columns])
    y = k.input("y", "fp16", [rows, columns])
    z = k.output("z", "fp16", [rows, columns])
    for block in range(x.blocks):
        with k.flow("multiply", count=rows, side="WE"[block % 2]) as f:
            f.write(f.read(x, block=block) * f.read(y, block=block), z, block=block)


def inputs(seed, rows, columns):
    rng = np.random.default_rng(seed)
    return {name: rng.standard_normal((rows, columns)).astype(np.float16) for name in ("x", "y")}


def expected(inputs):
    return {"z": inputs["x"] * inputs["y"]}
