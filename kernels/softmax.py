"""softmax: y = exp(x - max) / sum over the 320 columns of each row, fp16 in and out.

Data    x and y are [rows, 320] fp16, in two parts of rows.
Flow    copy     x twice, since a lane and its neighbour have to come from two slices to meet
        lanes    4 rounds of max with the lane 1, 2, 4 and 8 further, inside superlanes: a distributor moves
                 one copy of both parts and lets the other pass beside it
        rows     5 rounds of max with the superlane 1, 2, 4, 8 and 4 further, through the permuter; then
                 every lane of a row holds its maximum
        power    e = exp(x - max) in fp32, and as the sum of two fp16 numbers
        divide   a matrix of ones adds up all lanes, the western planes the first, the eastern ones the
                 second numbers; 1 / sum is rsqrt squared
Bound   by latency: ten trips through memory, one after the other. A round costs about 50 cycles with a
        distributor and 110 with the permuter, and then a cycle per row: on 64 rows that is a third of the
        time.
"""

import numpy as np

from lpu_emu.builder import distribution, permutation

SIZES = {"small": {"rows": 8}, "large": {"rows": 128}}
CYCLES = {"small": 900, "large": 1792}
TOLERANCE = 1e-3
PARTS = (0, 1)


def split(value):
    """Return an fp32 value as two fp16 values whose sum it is, to 22 bits."""
    high = value.to("fp16")
    return high, (value - high.to("fp32")).to("fp16")


def build(k, rows):
    n, wide = k.lanes, k.lanes_per_superlane
    x = k.input("x", "fp16", [rows, n], parts=2)
    y = k.output("y", "fp16", [rows, n], parts=2)
    pieces = [(x.first_row(part), x.rows_of(part)) for part in PARTS]

    def pair(name):
        return [k.scratch(f"{name}{copy}", "fp16", [rows, n], parts=2) for copy in "ab"]

    latest = pair("x")
    for row, count in pieces:
        with k.flow("copy", count=count) as f:
            value = f.read(x, row=row).copy()
            for home in latest:
                f.write(value, home, row=row)
    for turn, shift in enumerate((1, 2, 4, 8)):
        lanes = k.constant(f"lanes{shift}", "uint8", distribution((np.arange(wide) + shift) % wide, n))
        after = pair(f"lanes{shift}")
        with k.flow("lanes", count=pieces[0][1]) as f:
            values = [f.read(copy, row=row) for row, _ in pieces for copy in latest]
            moved = f.distribute(values, lanes, keep=[False, True] * 2, unit=turn)
            for part, (row, _) in enumerate(pieces):
                best = moved[2 * part].max(moved[2 * part + 1])
                for home in after:
                    f.write(best, home, row=row)
        latest = after
    for turn, shift in enumerate((1, 2, 4, 8, 4)):
        lanes_from = permutation((np.arange(n) + shift * wide) % n, n)
        maps = [k.constant(f"map{turn}{side}", "int16", lanes_from) for side in "WE"]
        after = pair(f"rows{turn}")
        for (row, count), side, lanes in zip(pieces, "WE", maps, strict=True):
            with k.flow("rows", count=count, side=side) as f:
                best = f.permute(f.read(latest[0], row=row), lanes).max(f.read(latest[1], row=row))
                for home in after:
                    f.write(best, home, row=row)
        latest = after
    power = k.scratch("power", "fp32", [rows, n], parts=2)
    high, low = (k.scratch(name, "fp16", [rows, n], parts=2) for name in ("high", "low"))
    for (row, count), top in zip(pieces, latest, strict=True):
        with k.flow("power", count=count) as f:
            e = (f.read(x, row=row).to("fp32") - f.read(top, row=row).to("fp32")).exp()
            f.write(e, power, row=row)
            for piece, home in zip(split(e), (high, low), strict=True):
                f.write(piece, home, row=row)
    ones = k.weights("ones", "fp16", values=np.ones((n, n)))
    west, east = k.load(ones, plane=0), k.load(ones, plane=2)
    for row, count in pieces:
        with k.flow("divide", count=count, interval=2) as f:
            total = f.matmul(f.read(high, row=row), west) + f.matmul(f.read(low, row=row), east)
            root = total.rsqrt()
            f.write((root * root * f.read(power, row=row)).to("fp16"), y, row=row)


def inputs(seed, rows):
    return {"x": (3 * np.random.default_rng(seed).standard_normal((rows, 320))).astype(np.float16)}


def expected(inputs):
    x = inputs["x"].astype(np.float64)
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return {"y": (e / e.sum(axis=1, keepdims=True)).astype(np.float16)}
