"""What a caller can ask of the compiler."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lpu_emu.errors import UsageError, did_you_mean

PRECISIONS = ("auto", "fp16", "fp32", "int8")


@dataclass(frozen=True, kw_only=True)
class CompileOptions:
    """Options of one compilation.

    ``precision``: ``"int8"`` runs quantised layers as integers, ``"fp16"`` everything as fp16 products with fp32
    sums, ``"fp32"`` everything in fp32, products in three passes of fp16 halves, ``"auto"`` takes int8 when the model
    has QuantizeLinear or DequantizeLinear nodes, else fp16. ``shapes`` gives sizes to open input dimensions (used when
    a file is read). ``verify`` checks the finished program by validation and analysis. ``name`` is the program's name,
    by default the model's.

    Raises:
        UsageError: an unknown precision.
    """

    precision: str = "auto"
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    verify: bool = True
    name: str = ""

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            known = ", ".join(PRECISIONS)
            raise UsageError(
                f"unknown precision {self.precision!r}; choose one of {known}"
                f"{did_you_mean(self.precision, PRECISIONS)}"
            )
