"""topk: the four largest of 16 numbers in every column, with their indices, int8, as a router wants them.

Data    x [16, rows, 320] int8: candidate i of 320 * rows columns is part i, with a slice of its own. value
        and index [4, rows, 320] int8, the largest first, of equals the one with the lower index.
Flow    pack     x * 256 + 15 - i in int16: the index goes along in the low byte, and decides between equals
        order    a bitonic network of max and min sorts groups of four in descending order
        merge    the larger of a and mirrored b are the four largest of two groups, in bitonic order; two
                 more layers sort them. Two merges, then one of the two results
        unpack   the high byte is the value, 15 minus the low byte the index
        Flows do one or two layers on up to four elements, since two layers need no memory between them.
Bound   by the ALUs: 148 operations per row of 320 columns, nine cycles on 16 ALUs, 592 cycles for the
        larger size, of 987. The last layers have few flows and leave ALUs idle; seven trips through memory
        of about 40 cycles, one after the other, are most of the time on few rows.
"""

import numpy as np

N, TOP = 16, 4
SIZES = {"small": {"rows": 2}, "large": {"rows": 64}}
CYCLES = {"small": 245, "large": 987}


def order(values, pairs):
    """Put the larger value of each pair first."""
    for i, j in pairs:
        values[i], values[j] = values[i].max(values[j]), values[i].min(values[j])


class Step:
    """A tensor of elements that flows of one layer or two write, from those of the step before."""

    def __init__(self, k, name, count, rows, before):
        self.k, self.rows, self.before = k, rows, before
        self.home = k.scratch(name, "int16", [count, rows, k.lanes], parts=count)
        self.flows = 0

    def flow(self, name):
        """Begin a flow on the side whose turn it is."""
        self.flows += 1
        return self.k.flow(name, count=self.rows, side="WE"[self.flows % 2])

    def read(self, f, elements):
        """Read elements of the step before, by number."""
        return {i: f.read(self.before, row=i * self.rows) for i in elements}

    def write(self, f, values):
        """Write values to their elements."""
        for i, value in values.items():
            f.write(value, self.home, row=i * self.rows)


def build(k, rows):
    x = k.input("x", "int8", [N, rows, k.lanes], parts=N)
    outputs = [k.output(name, "int8", [TOP, rows, k.lanes], parts=TOP) for name in ("value", "index")]
    step = Step(k, "packed", N, rows, x)
    for i in range(N):
        with step.flow("pack") as f:
            first = 4 * (i % 4)
            wide = f.read(x, row=i * rows).to("int16", alu=first).shl(8, alu=first + 1)
            step.write(f, {i: wide.bit_or(N - 1 - i, alu=first + 2)})
    step = Step(k, "bitonic", N, rows, step.home)
    for a in range(0, N, TOP):
        with step.flow("order") as f:
            values = step.read(f, range(a, a + TOP))
            order(values, [(a, a + 1), (a + 2, a + 3)])
            order(values, [(a, a + 3), (a + 1, a + 2)])
            step.write(f, values)
    step = Step(k, "halves", 2 * TOP, rows, step.home)
    for half in (0, 1):
        a, b = 2 * TOP * half, 2 * TOP * half + TOP
        for i in (0, 2):
            pairs = (a + i, a + i + 1), (b + 2 - i, b + 3 - i)
            with step.flow("merge") as f:
                values = step.read(f, [n for pair in pairs for n in pair])
                order(values, pairs)
                best = {TOP * half + i + n: values[pairs[0][n]].max(values[pairs[1][1 - n]]) for n in (0, 1)}
                step.write(f, best)
    step = Step(k, "sorted", 2 * TOP, rows, step.home)
    for a in (0, TOP):
        with step.flow("order") as f:
            values = step.read(f, range(a, a + TOP))
            order(values, [(a, a + 2), (a + 1, a + 3)])
            order(values, [(a, a + 1), (a + 2, a + 3)])
            step.write(f, values)
    step = Step(k, "best", TOP, rows, step.home)
    for i in (0, 1):
        with step.flow("merge") as f:
            values = step.read(f, (i, i + 2, TOP + 3 - i, TOP + 1 - i))
            best = {n: values[n].max(values[TOP + 3 - n]) for n in (i, i + 2)}
            order(best, [(i, i + 2)])
            step.write(f, best)
    step = Step(k, "top", TOP, rows, step.home)
    for i in (0, 2):
        with step.flow("order") as f:
            values = step.read(f, (i, i + 1))
            order(values, [(i, i + 1)])
            step.write(f, values)
    for i in range(TOP):
        with k.flow("unpack", count=rows, side="WE"[i % 2]) as f:
            key = f.read(step.home, row=i * rows)
            f.write(key.shr(8).to("int8"), outputs[0], row=i * rows)
            f.write(key.bit_and(N - 1).bit_xor(N - 1).to("int8"), outputs[1], row=i * rows)


def inputs(seed, rows):
    return {"x": np.random.default_rng(seed).integers(-128, 128, (N, rows, 320), dtype=np.int8)}


def expected(inputs):
    x = inputs["x"]
    index = np.argsort(-x.astype(np.int16), axis=0, kind="stable")[:TOP]
    return {"value": np.take_along_axis(x, index, axis=0), "index": index.astype(np.int8)}
