"""The microbenchmarks of the modelled chip in pytest-benchmark: simulated cycles in ``extra_info``, exact.

The wall time is what it takes to build, assemble and verify the programs; it says nothing about the chip.
"""

from __future__ import annotations

from typing import Any

import pytest

from lpu_emu.bench.micro.lab import Lab
from lpu_emu.bench.micro.runner import row
from lpu_emu.bench.micro.suite import Micro, suite
from lpu_emu.bench.table import Row
from lpu_emu.spec.machine import load_machine

MACHINE = load_machine("tsp1")
SUITE = suite(MACHINE)


@pytest.mark.parametrize("micro", SUITE, ids=lambda micro: micro.name)
def test_micro(benchmark: Any, micro: Micro) -> None:
    benchmark.group = micro.name.partition(".")[0]

    def measure() -> Row:
        return row(Lab(MACHINE, values=False), micro)

    found = benchmark.pedantic(measure, rounds=1)
    benchmark.extra_info.update(
        {k: found[k] for k in ("value", "unit", "cycles", "expected", "tag", "asks", "note")}
    )
    assert found["value"] is not None, found["note"]
