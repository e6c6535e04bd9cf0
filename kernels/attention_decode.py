"""attention_decode: a new token against a cache of keys and values, softmax(q k^T / sqrt(128)) v per head.

Data    q [groups * 8, 128] fp16: eight query heads share the keys of a group. k [128, groups * S] fp16, a
        column per key; v [groups * S, 256] fp16, 128 numbers per key and as many ones behind them. Both lie
        as weights do, and S is a multiple of 320. y [groups * 8, 128] fp16.
Flow    scores   the keys are the weights and eight queries go through: a tile of 320 keys takes 20 cycles
                 to load and 8 to use. e = exp(s - 2), stored in fp16; see kernels/attention_prefill.py for
                 what the fixed number does instead of a maximum
        values   e times v; the ones make the lanes above 128 the sum of e, which a shifter brings down
        divide   the sum's rsqrt, squared, times the values
        Groups go round the hemispheres. A group's values wait for its scores, not for those of others.
Bound   by loads: every key and value is used for eight vectors only. A tile of keys takes both planes of a
        hemisphere 20 cycles and one of values 16, 432 cycles for the larger size, of 1,018. A tile follows
        the one before after 31 to 35, because a buffer is free only when its tile has been installed, which
        waits for the activations. Three trips through the chip of 110 to 150 cycles each are the rest.
"""

import numpy as np

D, HEADS, FIXED, TOP = 128, 8, 2.0, 11.0
SIZES = {"small": {"groups": 1, "s": 320}, "large": {"groups": 8, "s": 960}}
CYCLES = {"small": 358, "large": 1018}
TOLERANCE = 2e-3


def build(kernel, groups, s):
    rows, blocks = groups * HEADS, s // kernel.lanes
    q = kernel.input("q", "fp16", [rows, D], parts=groups)
    keys = kernel.weights("k", "fp16", [D, groups * s])
    values = kernel.weights("v", "fp16", [groups * s, 2 * D])
    y = kernel.output("y", "fp16", [rows, D], parts=groups)
    power = kernel.scratch("power", "fp16", [rows, s], parts=groups)
    top, total = (kernel.scratch(name, "fp32", [rows, 2 * D], parts=groups) for name in ("top", "total"))
    for group in range(groups):
        for block in range(blocks):
            tile = kernel.load(keys, 0, group * blocks + block, plane=group % 2 * 2)
            with kernel.flow("scores", count=HEADS, side="WE"[group % 2]) as f:
                score = f.matmul(f.read(q, row=group * HEADS), tile, half="low") * float(D**-0.5)
                e = (score - FIXED).min(TOP).exp()
                f.write(e.to("fp16"), power, row=group * HEADS, block=block)
    for group in range(groups):
        row = group * HEADS
        for block in range(blocks):
            tile = kernel.load(values, group * blocks + block, 0, plane=group % 2 * 2)
            with kernel.flow("values", count=HEADS, interval=2, side="WE"[group % 2]) as f:
                e = f.read(power, row=row, block=block)
                sums = f.matmul(e, tile, row=0, add=block > 0)
                if block == blocks - 1:
                    f.write(sums, top, row=row)
                    f.write(f.shift(sums, -D), total, row=row)
    for group in range(groups):
        with kernel.flow("divide", count=HEADS) as f:
            root = f.read(total, row=group * HEADS).rsqrt()
            ratio = root * root * f.read(top, row=group * HEADS)
            f.write(ratio.to("fp16"), y, row=group * HEADS)


def inputs(seed, groups, s):
    rng = np.random.default_rng(seed)
    v = np.concatenate([rng.standard_normal((groups * s, D)), np.ones((groups * s, D))], axis=1)
    return {
        "q": rng.standard_normal((groups * HEADS, D)).astype(np.float16),
        "k": rng.standard_normal((D, groups * s)).astype(np.float16),
        "v": v.astype(np.float16),
    }


def expected(inputs, groups, s):
    q = inputs["q"].astype(np.float64).reshape(groups, HEADS, D)
    k = inputs["k"].astype(np.float64).reshape(D, groups, s).transpose(1, 0, 2)
    v = inputs["v"].astype(np.float64).reshape(groups, s, 2 * D)[:, :, :D]
    e = np.exp(q @ k / np.sqrt(D))
    y = e / e.sum(axis=2, keepdims=True) @ v
    return {"y": y.reshape(-1, D).astype(np.float16)}
