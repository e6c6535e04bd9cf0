"""How much memory a program takes, in a process of its own: the peak beyond what Python and the engine take anyway.

``extra_info["ratio"]`` is that, the program's own copy of its data included, over the SRAM image and the largest
tensors. Goal: at most 2.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lpu_emu.engine.executor import warm_up
from lpu_emu.program.file import save

from . import workloads
from .workloads import Workload

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

GOAL = 2.0
WORKLOADS: dict[str, Callable[[], Workload]] = {
    "decode": lambda: workloads.decode(1),
    "product": lambda: workloads.int8_product(2304, 4096, 1376),
    "point_wise": lambda: workloads.point_wise(4),
}

# Everything is loaded and has run once before the measurement begins.
PROBE = """
import json, sys
import h5py
from lpu_emu.engine.executor import prepare, warm_up
from lpu_emu.program.file import load

def status(name):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(name)) / 1024

warm_up()
begin = status("VmRSS:")
program = load(sys.argv[1])
loaded = status("VmHWM:")
result = prepare(program).session().run()
image = sum(section.words.nbytes for section in program.data) / 2**20
written = sum(int((words != 0).any(axis=1).sum()) * words.shape[1] for words in result.memory.values()) / 2**20
print(json.dumps({"image_mib": image, "written_mib": max(written - image, 0.0), "loaded_mib": loaded - begin,
                  "peak_mib": status("VmHWM:") - begin}))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the peak where Linux tells it")
@pytest.mark.parametrize("name", WORKLOADS)
def test_memory(benchmark: BenchmarkFixture, name: str, tmp_path: Path) -> None:
    warm_up()
    path = tmp_path / "program.h5"
    save(WORKLOADS[name]().program, path)

    def probe() -> dict[str, float]:
        done = subprocess.run(
            [sys.executable, "-c", PROBE, str(path)], capture_output=True, text=True, check=True
        )
        found: dict[str, float] = json.loads(done.stdout)
        return found

    info = benchmark.pedantic(probe, rounds=1)  # type: ignore[no-untyped-call]
    benchmark.extra_info.update(info)
    live = info["image_mib"] + info["written_mib"]
    benchmark.extra_info["ratio"], benchmark.extra_info["goal"] = info["peak_mib"] / live, GOAL
