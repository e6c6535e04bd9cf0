"""Claims about LP30. Its model is set so that totals come out, so these rows check the arithmetic, not the machine."""

from __future__ import annotations

from typing import Unpack

from lpu_emu.bench.micro import links, matrix, memory
from lpu_emu.bench.micro.lab import Lab
from lpu_emu.bench.micro.measured import Measured
from lpu_emu.bench.validate.claim import Claim, Measure, Optional
from lpu_emu.bench.validate.units import TERA

PETA, MEGA = 1e15, 1e6
INFERRED = "clock and slices are inferred from this very figure"


def ridge(lab: Lab) -> Measured:
    """Return operations per byte where compute and memory take equally long."""
    compute, sram = lab.once(matrix.peak_fp8), lab.once(memory.both_banks)
    return Measured(
        value=2 * compute.value / sram.value, programs=compute.programs + sram.programs, cycles=sram.cycles
    )


def _claim(
    id: str, what: str, source: str, published: float, unit: str, measure: Measure, **more: Unpack[Optional]
) -> Claim:
    return Claim(
        id=f"lp30.{id}", what=what, group="unit", source=source, published=published, unit=unit, measure=measure,
        chip="lp30", **more,
    )  # fmt: skip


LP30 = (
    _claim(
        "fp8", "FP8 peak", "NV-LPX", 1.2, "PFLOPS", matrix.peak_fp8, scale=2 / PETA, at_clock=True, tolerance=0.03,
        reason=f"two digits; {INFERRED}",
    ),
    _claim(
        "fp8.press", "FP8 peak, press", "TOMS", 1.23, "PFLOPS", matrix.peak_fp8, scale=2 / PETA, at_clock=True,
        tolerance=0.01, reason=f"three digits; {INFERRED}",
    ),
    _claim(
        "sram", "on-chip memory", "NV-LPX", 500, "MB", memory.capacity, scale=1 / MEGA, tolerance=0.01,
        reason=f"three digits; {INFERRED}",
    ),
    _claim(
        "sram.press", "on-chip memory, other figure", "TOMS", 512, "MB", memory.capacity, scale=1 / MEGA,
        tolerance=0.03, reason="contradicts the maker's 500 MB, which the model follows",
    ),
    _claim(
        "bandwidth", "SRAM bandwidth", "NV-LPX", 150, "TB/s", memory.both_banks, scale=1 / TERA, at_clock=True,
        tolerance=0.03, reason=f"two digits; {INFERRED}",
    ),
    _claim(
        "bytes", "SRAM bytes per cycle at 1.5 GHz", "NV-LPX", 100_000, "B/cycle", memory.both_banks, tag="derived",
        tolerance=0.03, reason="a whole number of slices gives 102,400",
    ),
    _claim("ridge", "ridge point in FP8", "NV-LPX", 8.2, "FLOP/B", ridge, tag="derived", tolerance=0.03,
           reason="a quotient of two figures with two digits"),
    _claim("links", "C2C links in use at a time", "NV-LPX", 96, "links", links.links_in_use),
    _claim(
        "c2c", "C2C, both directions", "NV-LPX", 2.5, "TB/s", links.all_links, scale=1 / TERA, at_clock=True,
        tolerance=0.10, reason="published as line rate; the model counts payload, 100 of 112 Gb/s and 320 of 328 bytes",
    ),
    _claim(
        "c2c.lines", "96 links of 112 Gb/s", "NV-LPX", 2.69, "TB/s", links.all_links, scale=1 / TERA, at_clock=True,
        tag="derived", obstacle="a line rate with coding and framing; links are modelled by their payload",
    ),
)  # fmt: skip
