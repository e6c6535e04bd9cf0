"""ffn_swiglu: a gated feed-forward block, y = (silu(x gate) * (x up)) down, int8 products, fp16 out.

Data    x [rows, K] int8, one scale for all of it; gate and up [K, F], down [F, K] int8; y [rows, K] fp16.
        The hidden values h [rows, F] are int8 again, in two parts of rows.
Flow    hidden   the two planes of a hemisphere listen to one stream of x, one with a tile of gate, the
                 other with the same tile of up, so that both sums arrive together. silu(v) is v / 2 * (1 +
                 tanh(v / 2)); that, times the other sum, scaled to int8, takes six of the eight large ALUs,
                 so that the hemispheres take turns: one is in the last block of K, and in the VXM, while
                 the other is in an earlier one.
        down     each hemisphere multiplies half of the rows of h with both tiles of its planes
Bound   by the planes: 3 * K/320 * F/320 tiles, each a cycle per row, on four planes: 768 cycles for the
        larger size, of 1,257. Its other 490: the first tiles and the way through the chip (190), half of a
        pass for the hemispheres being out of step, the way from x to h, which down has to wait for, and
        loads of tiles that lie in memory once while several planes want them.
"""

import numpy as np

SIZES = {
    "small": {"rows": 16, "k": 320, "hidden": 320},
    "large": {"rows": 128, "k": 640, "hidden": 1280},
}
CYCLES = {"small": 322, "large": 1257}
TOLERANCE = 2e-3


def scales(k, hidden):
    """Return what sums of gate and up, the hidden values, and the sums of down are multiplied with."""
    return 1 / (2000 * np.sqrt(k)), 16.0, 1 / (500 * np.sqrt(hidden))


# ALUs from west to east and back for the western planes, the other way round for the eastern ones. The
# second list is the first one's mirror image, a row further, where large ALUs lie alike.
ALUS = {"W": (12, 0, 4, 13, 5, 10, 6, 15, 7, 2, 1), "E": (3, 7, 11, 2, 10, 13, 9, 0, 8, 5, 6)}


def gate_values(g, u, first, middle, alus):
    """Return silu(g * first) * u * first * middle as int8.

    Sums of two planes that listen to one stream arrive together, so both have to begin in one column.
    """
    narrow_g, wide_g, wide_u, half, product, tanh, wait, plus, scale, last, narrow = alus
    inner = g.to("fp32", alu=narrow_g).mul(first / 2, alu=half).tanh(alu=tanh).add(1.0, alu=plus)
    outer = g.to("fp32", alu=wide_g).mul(u.to("fp32", alu=wide_u), alu=product)
    outer = outer.copy(alu=wait).mul(first / 2 * first * middle, alu=scale)
    return inner.mul(outer, alu=last).to("int8", saturate=True, alu=narrow)


def build(kernel, rows, k, hidden):
    x = kernel.input("x", "int8", [rows, k])
    gate, up = (kernel.weights(name, "int8", [k, hidden]) for name in ("gate", "up"))
    down = kernel.weights("down", "int8", [hidden, k])
    h = kernel.scratch("h", "int8", [rows, hidden], parts=2)
    y = kernel.output("y", "fp16", [rows, k], parts=2)
    first, middle, last = scales(k, hidden)
    for group in range(0, gate.n_blocks, 2):
        for turn in range(gate.k_blocks):
            for n in range(group, min(group + 2, gate.n_blocks)):
                side = "WE"[n % 2]
                depth = (turn + n) % gate.k_blocks
                tiles = [kernel.load(w, depth, n, plane=n % 2 * 2 + i) for i, w in enumerate((gate, up))]
                for part in (0, 1):
                    row, count = h.first_row(part), h.rows_of(part)
                    with kernel.flow("hidden", count=count, side=side) as f:
                        values = f.read(x, row=row, block=depth)
                        g, u = (f.matmul(values, tile, row=row, add=turn > 0) for tile in tiles)
                        if turn == gate.k_blocks - 1:
                            gated = gate_values(g, u, first, middle, ALUS[side])
                            f.write(gated, h, row=row, block=n)
    for group in range(0, down.n_blocks, 2):
        for turn in range(down.k_blocks):
            for part, side in enumerate("WE"):
                depth = (turn + part) % down.k_blocks
                blocks = range(group, min(group + 2, down.n_blocks))
                tiles = {n: kernel.load(down, depth, n, plane=2 * part + n % 2) for n in blocks}
                row = h.first_row(part)
                with kernel.flow("down", count=h.rows_of(part), side=side) as f:
                    values = f.read(h, row=row, block=depth)
                    for n, tile in tiles.items():
                        sums = f.matmul(values, tile, row=0, add=turn > 0)
                        if turn == down.k_blocks - 1:
                            f.write((sums.to("fp32") * last).to("fp16"), y, row=row, block=n)


def inputs(seed, rows, k, hidden):
    rng = np.random.default_rng(seed)
    shapes = {"x": (rows, k), "gate": (k, hidden), "up": (k, hidden), "down": (hidden, k)}
    return {name: rng.integers(-128, 128, shape, dtype=np.int8) for name, shape in shapes.items()}


def expected(inputs):
    k, hidden = inputs["gate"].shape
    first, middle, last = scales(k, hidden)
    x = inputs["x"].astype(np.float64)
    g, u = (x @ inputs[name].astype(np.float64) * first for name in ("gate", "up"))
    h = np.clip(np.rint(g * u / (1 + np.exp(-g)) * middle), -128, 127)
    return {"y": (h @ inputs["down"].astype(np.float64) * last).astype(np.float16)}
