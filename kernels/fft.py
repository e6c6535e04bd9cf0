"""fft: the Fourier transform of every column of N complex numbers, radix 2, fp32.

Data    re and im are [N / 2, 2 * 320] fp32: element i of 320 columns is row i / 2, block i % 2, and rows
        are in two parts, so that the elements 2j and 2j + 1, and also j and j + N / 2, lie in slices of
        their own. x comes in bit-reversed order, y is in natural order. Twiddle factors are constants.
Flow    every stage reads the elements 2j and 2j + 1 and writes a + w b and a - w b as elements j and j + N
        / 2. Real and imaginary parts of the results are flows of their own: five operations of large ALUs
        each (two products, their difference, the two results), where both together would be ten, and there
        are eight. The first stage has no factors. Stages go from one hemisphere to the other and back.
Bound   by the large ALUs: a butterfly of 320 columns takes ten operations, of which eight could be done in
        a cycle and five are. So N cycles per stage, where 0.625 N would be ideal, and about 30 until the
        first results of a stage can be read by the next: 1,131 cycles for the larger size, of which 560 are
        ideal.
"""

import numpy as np

SIZES = {"small": {"n": 16}, "large": {"n": 128}}
CYCLES = {"small": 250, "large": 1131}
TOLERANCE = 1e-5
# The two ALUs that add and subtract, one column apart: both see the same two streams, two cycles apart.
# Large ALUs of one column have no group of streams in common.
ALUS = {"W": (10, 7), "E": (13, 8)}


def reversed_bits(n):
    """Return the bit-reversed numbers below n."""
    bits = n.bit_length() - 1
    return np.array([int(f"{i:0{bits}b}"[::-1], 2) for i in range(n)])


def factors(n, stage):
    """Return the factor of every butterfly of a stage, complex [n / 2]."""
    bits = n.bit_length() - 1
    index = 2 * np.arange(n // 2)
    index = (index << stage | index >> (bits - stage)) & (n - 1)  # where the element is in the usual order
    return np.exp(-1j * np.pi * (index % (1 << stage)) / (1 << stage))


def sweeps(n):
    """Yield the flows of a stage: the first butterfly and how many follow, every other one."""
    for half in (0, n // 4):
        for parity in (0, 1):
            yield half + parity, n // 8


def build(k, n):
    lanes, stages = k.lanes, n.bit_length() - 1
    now = [k.input(name, "fp32", [n // 2, 2 * lanes], parts=2, side="W") for name in ("re", "im")]
    for stage in range(stages):
        side, across = "WE"[stage % 2], "EW"[stage % 2]
        kind = k.output if stage == stages - 1 else k.scratch
        names = ("y_re", "y_im") if stage == stages - 1 else (f"re{stage}", f"im{stage}")
        after = [kind(name, "fp32", [n // 2, 2 * lanes], parts=2, side=across) for name in names]
        w = factors(n, stage)[:, None] * np.ones(lanes)
        turns = [
            k.constant(f"w{name}{stage}", "fp32", values, parts=2, side=side)
            for name, values in (("re", w.real), ("im", w.imag))
            if stage
        ]
        for first, count in sweeps(n):
            for part in (0, 1):
                with k.flow("butterflies", count=count, side=side) as f:
                    a = f.read(now[part], row=first, step=2, block=0)
                    b = f.read(now[part], row=first, step=2, block=1)
                    if stage:
                        w_re, w_im = (f.read(turn, row=first, step=2) for turn in turns)
                        other = f.read(now[1 - part], row=first, step=2, block=1)
                        b = b * w_re - other * w_im if part == 0 else b * w_re + other * w_im
                    plus, minus = ALUS[side]
                    f.write(a.add(b, alu=plus), after[part], row=first // 2, block=first % 2)
                    f.write(a.sub(b, alu=minus), after[part], row=first // 2 + n // 4, block=first % 2)
        now = after


def inputs(seed, n):
    rng = np.random.default_rng(seed)
    return {name: rng.standard_normal((n // 2, 640)).astype(np.float32) for name in ("re", "im")}


def expected(inputs):
    re, im = (inputs[name].astype(np.float64).reshape(-1, 320) for name in ("re", "im"))
    y = np.fft.fft((re + 1j * im)[reversed_bits(len(re))], axis=0)
    return {
        name: part.astype(np.float32).reshape(-1, 640) for name, part in (("y_re", y.real), ("y_im", y.imag))
    }
