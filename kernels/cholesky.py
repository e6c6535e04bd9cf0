"""cholesky: A = L L^T for one n x n matrix per lane and row, fp32, many small ones at a time.

Data    a and l are [n (n + 1) / 2, rows, 320] fp32: an element of the lower triangle is a part, row by row,
        with slices of its own, for 320 * rows matrices at a time.
Flow    for every column
        root     the rsqrt of the diagonal element, stored once for every element below, since all want it
                 at a time; the chip has no division, and a column needs none
        column   every element below times that root
        update   for every element to the right, minus the product of two of the column
        There is no traffic between lanes.
Bound   by slices and latency: the updates of a column all read its elements, and a slice serves one of them
        at a time, so that they run two at a time at best; root, column and update wait for each other n
        times, about 40 cycles each. The large ALUs alone would need a third of the time. One large matrix,
        as published results have it, needs computed panels as weights of the planes, which is not done
        here.
"""

import numpy as np

SIZES = {"small": {"n": 3, "rows": 4}, "large": {"n": 4, "rows": 64}}
CYCLES = {"small": 227, "large": 862}
TOLERANCE = 1e-5


def number(i, j):
    """Return where element (i, j) lies, j <= i."""
    return i * (i + 1) // 2 + j


def build(k, n, rows):
    count = number(n, 0)
    a = k.input("a", "fp32", [count, rows, k.lanes], parts=count)
    factor = k.output("l", "fp32", [count, rows, k.lanes], parts=count)
    homes = {(i, j): (a, number(i, j) * rows) for i in range(n) for j in range(i + 1)}
    for j in range(n):
        roots = {i: k.scratch(f"root{j}_{i}", "fp32", [rows, k.lanes]) for i in range(j + 1, n)}
        with k.flow("root", count=rows) as f:
            tensor, row = homes[j, j]
            diagonal = f.read(tensor, row=row)
            root = diagonal.rsqrt()
            f.write(diagonal * root, factor, row=number(j, j) * rows)
            for home in roots.values():
                f.write(root, home)
        for i, home in roots.items():
            with k.flow("column", count=rows, side="WE"[i % 2]) as f:
                tensor, row = homes[i, j]
                f.write(f.read(tensor, row=row) * f.read(home), factor, row=number(i, j) * rows)
        for i in range(j + 1, n):
            for m in range(j + 1, i + 1):
                home = k.scratch(f"a{j}_{i}_{m}", "fp32", [rows, k.lanes])
                with k.flow("update", count=rows, side="WE"[(i + m) % 2]) as f:
                    tensor, row = homes[i, m]
                    left = f.read(factor, row=number(i, j) * rows)
                    right = left if i == m else f.read(factor, row=number(m, j) * rows)
                    f.write(f.read(tensor, row=row) - left * right, home)
                homes[i, m] = (home, 0)


def inputs(seed, n, rows):
    half = np.random.default_rng(seed).standard_normal((rows, 320, n, n))
    whole = half @ half.transpose(0, 1, 3, 2) + 2 * np.eye(n)
    return {"a": np.stack([whole[:, :, i, j] for i in range(n) for j in range(i + 1)]).astype(np.float32)}


def expected(inputs, n, rows):
    whole = np.zeros((rows, 320, n, n))
    for i in range(n):
        for j in range(i + 1):
            whole[:, :, i, j] = whole[:, :, j, i] = inputs["a"][number(i, j)]
    factor = np.linalg.cholesky(whole)
    return {"l": np.stack([factor[:, :, i, j] for i in range(n) for j in range(i + 1)]).astype(np.float32)}
