"""scatter_add: y = table, and y[index[i]] += x[i] for 320 updates, exact also where rows repeat.

Data    table and y are [rows, columns] int32 with up to 320 columns, in four parts of rows. x [320,
        columns] int8 lies as weights do. index [320] int16: update i of the row index[i], in lane i. The
        numbers of the rows are a constant.
Flow    for row r an ALU compares all indices with r at once; the ones and zeros, as int8, are multiplied
        with x, which adds up all updates of the row, however many there are. The row of the table joins at
        another ALU on the way to memory. Scattering with addresses instead would have to read, add and
        store one update after the other, each a whole trip through the chip, wherever two of them might
        meet in a row.
Bound   by the planes: a row costs one of four planes a cycle, whether it is updated or not, so 256 cycles
        for the larger size, and as many again for the load of x, which all four planes want, and the way
        through the chip. The work does not depend on the number of updates up to 320, which is what a tile
        takes.
"""

import numpy as np

UPDATES = 320
SIZES = {"small": {"rows": 32, "columns": 64}, "large": {"rows": 1024, "columns": 320}}
CYCLES = {"small": 200, "large": 512}


def build(k, rows, columns):
    table = k.input("table", "int32", [rows, columns], parts=4)
    x = k.weights("x", "int8", [UPDATES, columns])
    index = k.input("index", "int16", [UPDATES])
    numbers = np.repeat(np.arange(rows, dtype=np.int16)[:, None], UPDATES, axis=1)
    row_numbers = k.constant("numbers", "int16", numbers, parts=4)
    y = k.output("y", "int32", [rows, columns], parts=4)
    for plane in range(4):
        tile = k.load(x, plane=plane)
        row = table.first_row(plane)
        with k.flow("add", count=table.rows_of(plane), side="WE"[plane // 2]) as f:
            here = f.read(row_numbers, row=row).eq(f.latch(index)).to("int8")
            f.write(f.matmul(here, tile) + f.read(table, row=row), y, row=row)


def inputs(seed, rows, columns):
    rng = np.random.default_rng(seed)
    return {
        "table": rng.integers(-(2**20), 2**20, (rows, columns), dtype=np.int32),
        "x": rng.integers(-128, 128, (UPDATES, columns), dtype=np.int8),
        "index": (rows * rng.random(UPDATES) ** 2).astype(np.int16),
    }


def expected(inputs):
    y = inputs["table"].copy()
    np.add.at(y, inputs["index"].astype(np.int64), inputs["x"].astype(np.int32))
    return {"y": y}
