"""Claims about compiled matrix products: the utilisation curve of the 2022 paper."""

from __future__ import annotations

from functools import partial

from lpu_emu.bench.micro import products
from lpu_emu.bench.micro.lab import Lab
from lpu_emu.bench.micro.measured import Measured
from lpu_emu.bench.micro.products import Shape
from lpu_emu.bench.validate.claim import AT_LEAST, Claim

M, K = 2304, 4096
# Utilisation by N: the curve of Fig. 13 is published as a chart; these are points of the formula that reproduces it.
CURVE = {1376: 0.847, 1600: 0.985, 1601: 0.821, 1920: 0.985, 3500: 0.979}
CHART = "points of a formula that reproduces the chart; filling and draining come on top"


def utilisation(lab: Lab, n: int) -> Measured:
    """Return the share of the measured fp16 peak that the compiled product with N = ``n`` reaches."""
    shape = Shape(m=M, k=K, n=n)
    return products.utilisation_of(lab, lab.once(partials[n]), shape)


partials = {n: partial(products.compiled, shape=Shape(m=M, k=K, n=n)) for n in CURVE}


def lowest(lab: Lab) -> Measured:
    """Return the lowest utilisation of the measured points of the curve."""
    return min((utilisation(lab, n) for n in CURVE), key=lambda found: found.value)


PRODUCTS = (
    *(
        Claim(
            id=f"matmul.{n}", what=f"utilisation of [{M}, {K}] by [{K}, {n}] in fp16", group="kernel", source="S22",
            published=value, unit="of peak", measure=partial(utilisation, n=n), tolerance=0.05, reason=CHART,
            tag="derived",
        )
        for n, value in CURVE.items()
    ),
    Claim(
        id="matmul.least", what="the same, at least everywhere", group="kernel", source="S22", published=0.80,
        unit="of peak", measure=lowest, bound=AT_LEAST, reason="published as a lower bound",
    ),
)  # fmt: skip
