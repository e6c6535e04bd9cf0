"""The fast engine on kernels and compiled models, and without compilation."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

import lpu_emu as lpu
from lpu_emu.api import Executable
from lpu_emu.errors import FaultError, InputError
from lpu_emu.library import kernels
from lpu_emu.program.tensors import Tensor

ROOT = Path(lpu.__file__).resolve().parents[1]
KERNELS = sorted(path.stem for path in (ROOT / "kernels").glob("*.lpu"))
MODELS = [
    ("digits_mlp", "fp16", "tsp1"),
    ("digits_mlp_int8", "int8", "tsp1"),
    ("digits_mlp_int8", "int8", "lp30"),
]
NO_JIT = """
import numpy as np
import lpu_emu as lpu
from lpu_emu.library import kernels
program = lpu.assemble(kernels.find("hello").path)
x = {"x": np.arange(8, dtype=np.int8)}
fast, plain = (program.run(x, engine=engine) for engine in ("fast", "reference"))
assert all(np.array_equal(fast.memory[name], plain.memory[name]) for name in plain.memory)
print(fast.cycles == plain.cycles)
"""


def assert_equal_runs(program: Executable, inputs: Mapping[str, Tensor]) -> None:
    fast, plain = (program.run(inputs, engine=engine) for engine in ("fast", "reference"))
    assert (fast.cycles, fast.hazards) == (plain.cycles, plain.hazards)
    for name, output in plain.outputs.items():
        assert fast.outputs[name].tobytes() == output.tobytes(), name
    for name, words in plain.memory.items():
        assert np.array_equal(fast.memory[name], words), name


@pytest.mark.parametrize("name", KERNELS)
def test_kernels_run_as_on_the_reference(name: str) -> None:
    entry = kernels.find(name)
    beside = kernels.companion(entry.path)
    assert beside is not None
    assert beside.inputs is not None
    assert_equal_runs(lpu.assemble(entry.path), beside.inputs(5))


@pytest.mark.parametrize(("model", "precision", "chip"), MODELS)
def test_models_run_as_on_the_reference(model: str, precision: str, chip: str) -> None:
    program = lpu.compile(kernels.find(model).path, chip=chip, precision=precision, shapes={"x": (9, 64)})
    x = np.random.default_rng(3).random((9, 64), dtype=np.float32)
    assert_equal_runs(program, {"x": x})


def test_inputs_are_checked() -> None:
    program = lpu.assemble(kernels.find("hello").path)
    with pytest.raises(InputError, match="no value for input x"):
        program.run({}, engine="fast")


def test_a_fault_is_that_of_the_reference() -> None:
    program = lpu.assemble(kernels.find("gather").path)
    beside = kernels.companion(kernels.find("gather").path)
    assert beside is not None
    assert beside.inputs is not None
    inputs = dict(beside.inputs(0))
    name = next(n for n in inputs if "map" in n or "index" in n or "address" in n)
    inputs[name] = np.full_like(inputs[name], 99)
    messages = []
    for engine in ("fast", "reference"):
        with pytest.raises(FaultError) as caught:
            program.run(inputs, engine=engine)
        messages.append(str(caught.value))
    assert messages[0] == messages[1]


def test_the_same_sources_run_without_compilation() -> None:
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", NO_JIT], capture_output=True, text=True, env=environment, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, "True"), done.stderr
