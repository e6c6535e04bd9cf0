"""im2col: the nine neighbours of every pixel side by side, int8, 32 channels in, 288 out.

Data    x [H + 2, W + 2, 32] int8 with its border. y [H * W, 288] int8: channel c of tap t in lane 32 t + c.
        The table between them is pinned to one slice.
Flow    spread   a product with ten unit matrices side by side repeats the channels of a pixel in all lanes
        collect  a gather looks up one pixel per superlane: two superlanes per tap, each with the address of
                 its own neighbour. Addresses depend on the shape only and are a constant.
        No data are moved between lanes but by the first product.
Bound   by the slice that holds the table: a gather looks up a row a cycle, and the table has to be complete
        first. So a pixel costs two cycles, one on its way in and one on its way out, and both ways through
        the chip come on top, about 190 cycles. Several tables would let them overlap.
"""

import numpy as np

from lpu_emu.builder import row_addresses

C, TAPS = 32, 9
SIZES = {"small": {"h": 4, "w": 6}, "large": {"h": 16, "w": 16}}
CYCLES = {"small": 256, "large": 764}


def addresses(h, w, superlanes):
    """Return the row of the table for each pixel and superlane, int64 [h * w, superlanes]."""
    pixel = np.arange(h)[:, None] * (w + 2) + np.arange(w)
    tap = np.minimum(np.arange(superlanes) * TAPS // (2 * TAPS), TAPS - 1)
    return pixel.reshape(-1, 1) + tap // 3 * (w + 2) + tap % 3


def build(k, h, w):
    pixels = (h + 2) * (w + 2)
    x = k.input("x", "int8", [h + 2, w + 2, C])
    y = k.output("y", "int8", [h, w, TAPS * C])
    table = k.scratch("table", "int8", [pixels, k.lanes], at="E10:0")
    rows = row_addresses(
        addresses(h, w, k.lanes // k.lanes_per_superlane), base=0, lanes=k.lanes, superlanes=20
    )
    where = k.constant("where", "uint8", rows)
    units = np.tile(np.eye(C, dtype=np.int8), k.lanes // C)
    tile = k.load(k.weights("units", "int8", values=units), plane=0)
    with k.flow("spread", count=pixels) as f:
        f.write(f.matmul(f.read(x), tile).to("int8"), table)
    with k.flow("collect", count=h * w) as f:
        f.write(f.gather(f.read(where), table), y)


def inputs(seed, h, w):
    x = np.zeros((h + 2, w + 2, C), dtype=np.int8)
    x[1:-1, 1:-1] = np.random.default_rng(seed).integers(-128, 128, (h, w, C), dtype=np.int8)
    return {"x": x}


def expected(inputs):
    x = inputs["x"]
    h, w = x.shape[0] - 2, x.shape[1] - 2
    return {"y": np.concatenate([x[t // 3 : t // 3 + h, t % 3 : t % 3 + w] for t in range(TAPS)], axis=2)}
