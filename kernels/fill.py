"""fill: y = one value in every element, fp32.

Data    y [rows, columns]; an fp32 takes four slices.
Flow    an ALU copies its immediate onto four streams, once per row, and the rows are written. Nothing is
        read.
Bound   by the slices that store: a slice takes a word a cycle, so rows * 320 elements take rows cycles.
        Blocks are in other slices and run side by side, one from each ALU.
"""

import numpy as np

VALUE = 0.5
SIZES = {"small": {"rows": 8, "columns": 320}, "wide": {"rows": 256, "columns": 1280}}
CYCLES = {"small": 68, "wide": 317}


def build(k, rows, columns):
    y = k.output("y", "fp32", [rows, columns])
    for block in range(y.blocks):
        with k.flow("fill", count=rows, side="WE"[block % 2]) as f:
            f.write(f.fill(VALUE, "fp32"), y, block=block)


def inputs(seed, rows, columns):
    return {}  # nothing is read


def expected(inputs, rows, columns):
    return {"y": np.full((rows, columns), VALUE, dtype=np.float32)}
