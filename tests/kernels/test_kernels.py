"""Every bundled kernel: free of hazards, right to the bit, and as long as its own comment says."""

from __future__ import annotations

import re
from functools import cache

import numpy as np
import pytest

from lpu_emu import reference
from lpu_emu.analysis import Analysis, analyse
from lpu_emu.asm import assemble_file
from lpu_emu.library import kernels
from lpu_emu.program.model import Program

BUNDLED = [entry for entry in kernels.bundled() if entry.kind == "kernel"]
NAMES = [entry.name for entry in BUNDLED]
SEEDS = (1, 2)
WIDEST = 100


@cache
def assembled(name: str) -> tuple[Program, Analysis]:
    program = assemble_file(kernels.find(name).path)
    return program, analyse(program)


def text(name: str) -> str:
    return kernels.find(name).path.read_text(encoding="utf-8")


def test_there_are_kernels_for_every_unit() -> None:
    assert len(NAMES) >= 8
    units = {
        queue.unit
        for name in NAMES
        for queue in assembled(name)[0].machine.queues
        if queue.name in assembled(name)[0].queues
    }
    assert units >= {"mem", "vxm", "mxm", "sxm"}


@pytest.mark.parametrize("name", NAMES)
def test_no_hazard_and_no_warning(name: str) -> None:
    assert assembled(name)[1].hazards == ()


@pytest.mark.parametrize("name", NAMES)
def test_the_comment_says_how_many_cycles(name: str) -> None:
    stated = re.findall(r"^; cycles: (\d+)$", text(name), re.MULTILINE)
    assert stated == [str(assembled(name)[1].cycles)]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", NAMES)
def test_outputs_are_exact(name: str, seed: int) -> None:
    program, analysis = assembled(name)
    beside = kernels.companion(kernels.find(name).path)
    assert beside is not None
    inputs = kernels.companion_inputs(beside, seed)
    before = {key: value.copy() for key, value in inputs.items()}
    expected = kernels.companion_expected(beside, inputs)
    result = reference.run(program, inputs)
    assert result.hazards == ()
    assert result.cycles == analysis.cycles
    assert sorted(result.outputs) == sorted(expected)
    for key, value in expected.items():
        assert result.outputs[key].dtype == value.dtype
        np.testing.assert_array_equal(
            result.outputs[key], value, err_msg=f"{name}: output {key}, seed {seed}"
        )
    for key, value in before.items():
        np.testing.assert_array_equal(inputs[key], value, err_msg=f"{name}: input {key} was changed")


@pytest.mark.parametrize("name", NAMES)
def test_companions_depend_on_the_seed_only(name: str) -> None:
    beside = kernels.companion(kernels.find(name).path)
    assert beside is not None
    first, again, other = (kernels.companion_inputs(beside, seed) for seed in (1, 1, 2))
    assert all(np.array_equal(first[key], again[key]) for key in first)
    assert any(not np.array_equal(first[key], other[key]) for key in first)


@pytest.mark.parametrize("name", NAMES)
def test_texts_are_made_for_reading(name: str) -> None:
    lines = text(name).splitlines()
    assert lines[0].startswith("; ")
    assert lines[0].endswith(".")
    assert max(map(len, lines)) <= WIDEST
    assert {"Data", "Timing", "Length"} <= {word for line in lines for word in line.split()[1:2]}


def test_the_list_in_the_readme_is_complete() -> None:
    readme = (kernels.find("copy").path.parent / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(\w+)` \| (\w+) \| (\d+) \|", readme, re.MULTILINE)
    found = [(entry.name, entry.chip, str(assembled(entry.name)[1].cycles)) for entry in BUNDLED]
    assert sorted(listed) == sorted(found)
