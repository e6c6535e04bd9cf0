"""Which executor runs a program."""

from __future__ import annotations

import pytest

import lpu_emu as lpu
from lpu_emu.errors import UsageError
from lpu_emu.library import engines, kernels

LONG = """.chip tiny
.words a at W0:0
    0102030405060708
.queue mem.W0
    read 0 -> e0
    repeat 60000, 1, 0
    read 0 -> e0
    repeat 60000, 1, 0
"""


def test_small_programs_run_on_the_reference_and_large_ones_on_the_fast_engine() -> None:
    small = lpu.assemble(kernels.find("copy").path)
    assert engines.choose("auto", small.analysis) == "reference"
    assert engines.choose("auto", lpu.assemble(LONG).analysis) == "fast"


@pytest.mark.parametrize("engine", ["fast", "reference"])
def test_an_engine_that_is_named_is_taken(engine: str) -> None:
    assert engines.choose(engine, lpu.assemble(kernels.find("copy").path).analysis) == engine


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(
        UsageError, match=r"no engine 'fats'; engines: auto, fast, reference; did you mean 'fast'\?"
    ):
        lpu.assemble(kernels.find("copy").path).run(engine="fats")


def test_products_count() -> None:
    copy, product = (lpu.assemble(kernels.find(name).path).analysis for name in ("copy", "matmul"))
    assert engines.reference_seconds(product) > 3 * engines.reference_seconds(copy)
