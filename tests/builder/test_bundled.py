"""Every kernel of ``kernels/*.py``, in all of its sizes: free of hazards, right, and as long as its file says."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from lpu_emu import engine, reference
from lpu_emu.analysis import Analysis, analyse
from lpu_emu.builder.files import KernelFile, build_program, load_kernel
from lpu_emu.library import kernels
from lpu_emu.library.judge import check_kernel
from lpu_emu.program.model import Program
from lpu_emu.program.validate import require_valid
from lpu_emu.spec.machine import load_machine

BUNDLED = {entry.name: entry for entry in kernels.bundled() if entry.kind == "python"}
SEED = 20


@cache
def file_of(name: str) -> KernelFile:
    return load_kernel(BUNDLED[name].path)


@cache
def built(name: str, size: str) -> tuple[Program, Analysis]:
    kernel = file_of(name)
    program = build_program(kernel, machine=load_machine(kernel.chip), size=size)
    require_valid(program)
    return program, analyse(program)


CASES = [(name, size) for name in BUNDLED for size in file_of(name).sizes]


def test_there_are_kernels() -> None:
    wanted = {"fill", "axpy", "row_sum", "softmax", "layernorm", "rmsnorm", "gelu", "silu", "linear_int8", "linear_fp16",
              "rope", "embedding", "linear_gelu"}  # fmt: skip
    assert wanted <= set(BUNDLED)


@pytest.mark.parametrize("name", BUNDLED)
def test_a_file_is_complete(name: str) -> None:
    kernel = file_of(name)
    text = BUNDLED[name].path.read_text(encoding="utf-8")
    assert kernel.title.startswith(f"{name}: ")
    assert kernel.title == BUNDLED[name].title
    assert kernel.title.endswith(".")
    assert kernel.inputs is not None
    assert kernel.expected is not None
    assert set(kernel.cycles) == set(kernel.sizes), "CYCLES has an entry for every size"
    for part in ("\nData ", "\nFlow ", "\nBound "):
        assert part in text, f"the docstring has no paragraph {part.strip()!r}"
    assert max(map(len, text.splitlines())) <= 110


@pytest.mark.parametrize(("name", "size"), CASES)
def test_no_hazard_and_no_warning(name: str, size: str) -> None:
    assert built(name, size)[1].hazards == ()


@pytest.mark.parametrize("name", BUNDLED)
def test_cycles_are_those_of_the_file_and_of_the_scheduler(name: str, request: pytest.FixtureRequest) -> None:
    found = {}
    for size in file_of(name).sizes:
        program, analysis = built(name, size)
        assert analysis.cycles == int(program.attributes["predicted_cycles"])
        found[size] = analysis.cycles
    if request.config.getoption("--update-golden"):
        rewrite_cycles(BUNDLED[name].path, found)
    else:
        assert found == file_of(name).cycles, "--update-golden writes CYCLES anew"


def rewrite_cycles(path: Path, cycles: dict[str, int]) -> None:
    text = path.read_text(encoding="utf-8")
    line = ", ".join(f'"{size}": {number}' for size, number in cycles.items())
    path.write_text(
        re.sub(r"^CYCLES = \{.*?\}", f"CYCLES = {{{line}}}", text, flags=re.M | re.S), encoding="utf-8"
    )


@pytest.mark.parametrize(("name", "size"), CASES)
def test_outputs_are_as_expected(name: str, size: str) -> None:
    program, analysis = built(name, size)
    beside = kernels.python_companion(file_of(name), size)
    inputs = kernels.companion_inputs(beside, SEED)
    first = size == next(iter(file_of(name).sizes))
    result = (reference if first else engine).run(program, inputs)
    verdict = check_kernel(beside, inputs, result)
    assert verdict.passed, (SEED, verdict.details)
    assert result.cycles == analysis.cycles


@pytest.mark.parametrize("name", BUNDLED)
def test_both_executors_agree(name: str) -> None:
    size = next(iter(file_of(name).sizes))
    program, _ = built(name, size)
    inputs = kernels.companion_inputs(kernels.python_companion(file_of(name), size), SEED + 1)
    slow, fast = reference.run(program, inputs), engine.run(program, inputs)
    assert slow.cycles == fast.cycles
    for output in slow.outputs:
        np.testing.assert_array_equal(slow.outputs[output], fast.outputs[output], err_msg=f"seed {SEED + 1}")


@pytest.mark.parametrize("name", BUNDLED)
def test_the_program_is_the_same_every_time(name: str) -> None:
    from lpu_emu.program.file import content_digest

    kernel = file_of(name)
    again = build_program(kernel, machine=load_machine(kernel.chip))
    assert content_digest(again) == content_digest(built(name, next(iter(kernel.sizes)))[0])
