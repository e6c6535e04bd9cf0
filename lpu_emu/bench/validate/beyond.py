"""Claims that one emulated chip cannot express, with the reason."""

from __future__ import annotations

from lpu_emu.bench.validate.claim import Claim

SEVERAL = "takes several chips; programs are for one"
RACK = "256 chips; one of them is measured by the rows of lp30"
SERVICE = "a rate of a whole service of hundreds of chips; one program says nothing about it"


def _beyond(
    id: str, what: str, source: str, published: float, unit: str, obstacle: str, chip: str = "tsp1"
) -> Claim:
    return Claim(
        id=f"beyond.{id}", what=what, group="kernel", source=source, published=published, unit=unit,
        obstacle=obstacle, chip=chip,
    )  # fmt: skip


BEYOND = (
    _beyond("matmul.8", "[800, 32576] by [32576, 8192] on 8 chips", "S22", 330, "us", SEVERAL),
    _beyond("matmul.16", "the same on 16 chips", "S22", 150, "us", SEVERAL),
    _beyond(
        "matmul.100",
        "the same on 100 chips",
        "S22",
        120,
        "us",
        f"{SEVERAL}; two readings of the chart disagree",
    ),
    _beyond("square.100", "large square product on 100 chips", "S22", 10_500, "TFLOPS", SEVERAL),
    _beyond("cholesky.4", "Cholesky factorisation on 4 chips", "S22", 14.9, "TFLOPS", SEVERAL),
    _beyond("cholesky.8", "Cholesky factorisation on 8 chips", "S22", 22.4, "TFLOPS", SEVERAL),
    _beyond("bert_large", "BERT-Large on 4 chips, 99 % of the runs", "S22", 1_225, "us", SEVERAL),
    _beyond("llama2_70b", "Llama-2 70B on 576 chips", "SEC", 240, "tokens/s", SERVICE),
    _beyond(
        "input.column", "input of a product of 100,000 squared, column-major", "S22", 570, "GB/s", SEVERAL
    ),
    _beyond("rack.fp8", "FP8 of a rack", "NV-LPX", 315, "PFLOPS", RACK, "lp30"),
    _beyond("rack.sram", "on-chip memory of a rack", "NV-LPX", 128, "GB", RACK, "lp30"),
    _beyond("rack.bandwidth", "SRAM bandwidth of a rack", "NV-LPX", 40, "PB/s", RACK, "lp30"),
    _beyond("rack.c2c", "scale-up links of a rack", "NV-LPX", 640, "TB/s", RACK, "lp30"),
)
