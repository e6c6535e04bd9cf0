"""Every workload is free of hazards, does what NumPy does, and notices when it does not."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import pytest
from numpy.typing import NDArray

from lpu_emu import engine
from lpu_emu.bench.host.workload import Workload
from lpu_emu.bench.host.workloads import WORKLOADS
from lpu_emu.program.result import RunResult

RESULTS = {
    "int8_product": "W40",
    "fp16_product": "W43",
    "point_wise": "W20",
    "decode_1": "W40",
    "decode_4": "W41",
    "moves": "E6",
    "small_instructions": "E3",
}


@lru_cache
def ran(name: str) -> tuple[Workload, RunResult]:
    workload = WORKLOADS[name].quick()
    return workload, engine.run(workload.program)


def test_every_workload_is_tested() -> None:
    assert list(RESULTS) == list(WORKLOADS)


@pytest.mark.parametrize("name", RESULTS)
def test_values_are_those_of_numpy(name: str) -> None:
    workload, result = ran(name)
    assert not [hazard for hazard in result.hazards if not hazard.is_warning]
    assert workload.differing(result.memory) == 0


@pytest.mark.parametrize("name", RESULTS)
def test_other_values_are_noticed(name: str) -> None:
    workload, result = ran(name)
    memory: Mapping[str, NDArray[np.uint8]] = {
        slice_name: words.copy() if slice_name == RESULTS[name] else words
        for slice_name, words in result.memory.items()
    }
    row = np.flatnonzero(memory[RESULTS[name]].any(axis=1))[0]
    memory[RESULTS[name]][row] ^= 0x40
    assert workload.differing(memory) > 0


@pytest.mark.parametrize("name", RESULTS)
def test_what_the_table_takes_from_a_workload(name: str) -> None:
    workload, _ = ran(name)
    entry = WORKLOADS[name]
    assert workload.work > 0
    assert workload.unit in ("MAC", "element", "vector", "instruction")
    assert (workload.numpy is None) == (not entry.rival)
    if workload.numpy is not None:
        assert workload.numpy() is not None


def test_full_sizes_are_those_of_the_goals() -> None:
    int8, small = WORKLOADS["int8_product"].full(), WORKLOADS["small_instructions"].full()
    assert (int8.work, int8.goal) == (2304 * 4096 * 1376, 1.3)
    assert (small.work, small.goal) == (99_984, 2e6)
