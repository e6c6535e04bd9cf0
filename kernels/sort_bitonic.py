"""sort_bitonic: every column of 16 numbers in ascending order, int16, by a bitonic network.

Data    x and y are [16, rows, 320] int16: element i of 320 * rows columns is part i, with slices of its
        own, so that any elements can meet.
Flow    ten layers of compare and exchange, min and max of elements that lie 1, 2, 4 or 8 apart. A flow does
        one or two layers on four elements: of two layers the second one's operands are the first one's
        results, and need no trip through memory. Within a phase all comparisons point the same way, because
        the first layer of a phase compares mirror images instead.
Bound   by the ALUs: 80 comparators of two operations each, 10 cycles per row of 320 columns on 16 ALUs, 640
        cycles for the larger size, of 782. A flow has eight of the ALUs, and two go side by side. What is
        left is five trips through memory, whose latency weighs less the more rows there are.
"""

import numpy as np

N = 16
SIZES = {"small": {"rows": 2}, "large": {"rows": 64}}
CYCLES = {"small": 200, "large": 782}


def layers():
    """Return the network: layers of pairs (i, j), the smaller number goes to i."""
    found, size = [], 2
    while size <= N:
        starts = range(0, N, size)
        found.append([(o + a, o + size - 1 - a) for o in starts for a in range(size // 2)])
        for distance in (8, 4, 2, 1):
            if distance <= size // 4:
                found.append([(i, i + distance) for i in range(N) if not i & distance])
        size *= 2
    return found


def groups(first, second):
    """Return sets of elements that two layers keep among themselves, as (elements, pairs, pairs)."""
    found = []
    for pair in first:
        near = {x for p in second if set(p) & set(pair) for x in p}
        if near not in [g for g, _, _ in found]:
            inside = [[p for p in layer if set(p) <= near] for layer in (first, second)]
            found.append((near, *inside))
    return found


def exchange(values, pairs):
    """Replace the values of each pair by the smaller and the larger one."""
    for i, j in pairs:
        values[i], values[j] = values[i].min(values[j]), values[i].max(values[j])


def build(k, rows):
    network = layers()
    before = k.input("x", "int16", [N, rows, k.lanes], parts=N)
    for turn in range(0, len(network), 2):
        last = turn + 2 >= len(network)
        after = (k.output if last else k.scratch)(
            "y" if last else f"layer{turn + 2}", "int16", [N, rows, k.lanes], parts=N
        )
        for number, (elements, first, second) in enumerate(groups(*network[turn : turn + 2])):
            with k.flow("exchange", count=rows, side="WE"[number % 2]) as f:
                values = {i: f.read(before, row=i * rows) for i in sorted(elements)}
                exchange(values, first)
                exchange(values, second)
                for i, value in values.items():
                    f.write(value, after, row=i * rows)
        before = after


def inputs(seed, rows):
    return {"x": np.random.default_rng(seed).integers(-(2**15), 2**15, (N, rows, 320), dtype=np.int16)}


def expected(inputs):
    return {"y": np.sort(inputs["x"], axis=0)}
