"""embedding: y[i] = table[id[i]], rows of an fp16 table fetched by number.

Data    table [words, 640] fp16, pinned to address 0 of the slices W0 .. W3: the two bytes of two blocks of
        320 columns, side by side, so that one stream of addresses serves all four. addresses [n, 320] holds
        the number of a row in the first two lanes of every superlane. y [n, 640] fp16.
Flow    the addresses flow past the four slices; each gathers its byte of the row, which goes on to the east
        and is written there.
Bound   by the gather: a slice looks up one row a cycle (each superlane could take another row for the same
        price), and one part of the table is as long as a bank. Rows cost a cycle each.
"""

import numpy as np

from lpu_emu.builder import row_addresses

SIZES = {"small": {"n": 16, "words": 64}, "large": {"n": 256, "words": 4096}}
CYCLES = {"small": 77, "large": 317}
COLUMNS = 640


def build(k, n, words):
    table = k.input("table", "fp16", [words, COLUMNS], at=["W0:0", "W1:0", "W2:0", "W3:0"])
    addresses = k.input("addresses", "uint8", [n, k.lanes])
    y = k.output("y", "fp16", [n, COLUMNS])
    with k.flow("fetch", count=n) as f:
        rows = f.read(addresses)
        for block in range(table.blocks):
            f.write(f.gather(rows, table, block=block), y, block=block)


def inputs(seed, n, words):
    rng = np.random.default_rng(seed)
    ids = rng.integers(0, words, n)
    return {
        "table": rng.standard_normal((words, COLUMNS)).astype(np.float16),
        "addresses": row_addresses(ids, base=0, lanes=320, superlanes=20),
    }


def expected(inputs):
    low, high = (inputs["addresses"][:, lane].astype(np.int64) for lane in (0, 1))
    return {"y": inputs["table"][low + 256 * high]}
