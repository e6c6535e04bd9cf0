"""moe: a router picks one of two experts for every token, y = relu(x e0) or relu(x e1), exact.

Data    x [tokens, 320] int8 in two parts; e0 and e1 [320, N] int8, N up to 320; y [tokens, N] int32. The
        router is a constant: the difference of its two rows, repeated in every column.
Flow    route    x times the router puts the margin of expert 0 over expert 1 into every lane, and two
                 comparisons make it masks, 1 or 0
        experts  both planes of a hemisphere listen to one stream of x, each with one expert; the masks keep
                 one of the two sums. Each hemisphere has half of the tokens.
        The chip has no branches: both experts work on every token, and one result of each is thrown away.
Bound   by the planes: three products per token on four planes, of which the first uses two and the others
        all four, so that tokens / 2 cycles go to each flow: 512 for the larger size, of 795. Two trips
        through the chip, one waiting for the other, and the loads are the rest.
"""

import numpy as np

SIZES = {"small": {"tokens": 16, "n": 64}, "large": {"tokens": 512, "n": 320}}
CYCLES = {"small": 210, "large": 795}
K = 320


def margin():
    """Return the weights of expert 0 minus those of expert 1 in the router, int8 [320]."""
    return np.random.default_rng(11).integers(-128, 128, K, dtype=np.int8)


def build(k, tokens, n):
    parts = max(2, tokens // 128 * 2)
    x = k.input("x", "int8", [tokens, K], parts=parts)
    experts = [k.weights(name, "int8", [K, n]) for name in ("e0", "e1")]
    router = k.weights("router", "int8", values=np.repeat(margin()[:, None], n, axis=1))
    y = k.output("y", "int32", [tokens, n], parts=parts)
    masks = [k.scratch(name, "int32", [tokens, n], parts=parts) for name in ("first", "second")]
    pieces = [(x.first_row(part), x.rows_of(part), part % 2) for part in range(parts)]
    routers = [k.load(router, plane=2 * east) for east in (0, 1)]
    for row, count, east in pieces:
        with k.flow("route", count=count, side="WE"[east]) as f:
            better = f.matmul(f.read(x, row=row), routers[east])
            for mask, home in zip((better.gt(0), better.le(0)), masks, strict=True):
                f.write(mask, home, row=row)
    tiles = [[k.load(expert, plane=2 * east + i) for i, expert in enumerate(experts)] for east in (0, 1)]
    for row, count, east in pieces:
        with k.flow("experts", count=count, side="WE"[east]) as f:
            token = f.read(x, row=row)
            first, second = (
                f.matmul(token, tile).mask(f.read(mask, row=row))
                for tile, mask in zip(tiles[east], masks, strict=True)
            )
            f.write(first.add(second).relu(), y, row=row)


def inputs(seed, tokens, n):
    rng = np.random.default_rng(seed)
    shapes = {"x": (tokens, K), "e0": (K, n), "e1": (K, n)}
    return {name: rng.integers(-128, 128, shape, dtype=np.int8) for name, shape in shapes.items()}


def expected(inputs):
    x, e0, e1 = (inputs[name].astype(np.int32) for name in ("x", "e0", "e1"))
    first = x @ margin().astype(np.int32) > 0
    return {"y": np.maximum(np.where(first[:, None], x @ e0, x @ e1), 0)}
