"""rope: rotary position embedding, y = x * cos + swapped(x) * sin, in fp32, fp16 in and out.

Data    x and y are [rows, 320] fp16: row r is the vector of position r, five heads of 64 lanes. Lanes 2i
        and 2i + 1 form a pair that turns by r * 10000^(-2i / 64). The tables of cos and of sin (with the
        signs of the swap) are constants.
Flow    wide    x in fp32, stored twice
        turn    a distributor swaps the lanes of each pair in one copy and lets the other pass beside it, so
                that both arrive together; times the tables, added, back to fp16
Bound   by the slices: x is stored and read once more than needed, because a lane and its neighbour must
        come from two slices. Both flows take a row a cycle; the second can only begin when the first has
        written its part, so rows are cut into parts.
"""

import numpy as np

from lpu_emu.builder import distribution

SIZES = {"small": {"rows": 16}, "large": {"rows": 256}}
CYCLES = {"small": 148, "large": 442}
TOLERANCE = 1e-3
HEAD = 64


def tables(rows, lanes):
    """Return cos and signed sin for every position and lane, float64 [rows, lanes]."""
    pair = np.arange(lanes) % HEAD // 2
    angle = np.arange(rows)[:, None] * 10000.0 ** (-2 * pair / HEAD)
    return np.cos(angle), np.where(np.arange(lanes) % 2, 1, -1) * np.sin(angle)


def build(k, rows):
    n, parts = k.lanes, max(1, rows // 64)
    cos, sin = tables(rows, n)
    x = k.input("x", "fp16", [rows, n], parts=parts)
    y = k.output("y", "fp16", [rows, n], parts=parts)
    turns = [k.constant(name, "fp32", table, parts=parts) for name, table in (("cos", cos), ("sin", sin))]
    swap = k.constant("swap", "uint8", distribution(np.arange(k.lanes_per_superlane) ^ 1, n))
    copies = [k.scratch(name, "fp32", [rows, n], parts=parts) for name in ("first", "second")]
    for part in range(parts):
        row, count = x.first_row(part), x.rows_of(part)
        with k.flow("wide", count=count) as f:
            wide = f.read(x, row=row).to("fp32")
            for home in copies:
                f.write(wide, home, row=row)
        with k.flow("turn", count=count) as f:
            both = [f.read(copy, row=row) for copy in copies]
            straight, swapped = f.distribute(both, swap, keep=[True, False], unit=part % 4)
            by_cos, by_sin = (f.read(table, row=row) for table in turns)
            f.write((straight * by_cos + swapped * by_sin).to("fp16"), y, row=row)


def inputs(seed, rows):
    return {"x": np.random.default_rng(seed).standard_normal((rows, 320)).astype(np.float16)}


def expected(inputs):
    x = inputs["x"].astype(np.float64)
    cos, sin = tables(*x.shape)
    swapped = x.reshape(len(x), -1, 2)[:, :, ::-1].reshape(x.shape)
    return {"y": (x * cos + swapped * sin).astype(np.float16)}
