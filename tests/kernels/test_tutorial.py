"""The texts of the tutorial and the broken example: they do what is said about them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lpu_emu import reference
from lpu_emu.analysis import analyse, describe
from lpu_emu.asm import assemble, assemble_file
from lpu_emu.errors import HazardError
from lpu_emu.library import kernels

README = kernels.find("hello").path.parent / "README.md"
BROKEN = Path(__file__).parent / "broken_by_one.lpu"


def blocks(language: str) -> list[str]:
    found = re.findall(rf"^```{language}\n(.*?)^```$", README.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return [str(block) for block in found]


STEPS = blocks("lpu")


def wanted(step: int, inputs: dict[str, NDArray[Any]]) -> NDArray[Any]:
    """What a step computes: it moves, clamps, or adds."""
    if step == 3:
        return np.asarray(np.clip(inputs["a"].astype(np.int16) + inputs["b"], -128, 127))
    return np.asarray(np.maximum(inputs["x"], 0)) if step == 2 else inputs["x"]


@pytest.mark.parametrize("step", range(4))
def test_each_step_runs_as_stated(step: int) -> None:
    program = assemble(STEPS[step])
    analysis = analyse(program)
    assert analysis.hazards == ()
    assert re.findall(r"^; cycles: (\d+)$", STEPS[step], re.MULTILINE) == [str(analysis.cycles)]
    rng = np.random.default_rng(step)
    inputs = {
        b.name: rng.integers(-128, 128, size=b.layout.shape, dtype=np.int8).astype(b.dtype)
        for b in program.inputs
    }
    result = reference.run(program, inputs)
    np.testing.assert_array_equal(result.outputs["y"], wanted(step, inputs))
    assert result.cycles == analysis.cycles


def test_there_are_four_steps_and_the_last_is_the_kernel() -> None:
    assert len(STEPS) == 4
    last, kernel = assemble(STEPS[3]), assemble_file(kernels.find("vector_add").path)
    for name, text in kernel.queues.items():
        assert np.array_equal(text.opcodes, last.queues[name].opcodes)
        assert np.array_equal(text.args, last.queues[name].args)


def test_the_first_step_is_the_kernel() -> None:
    first, kernel = assemble(STEPS[0]), assemble_file(kernels.find("hello").path)
    assert all(np.array_equal(text.args, first.queues[name].args) for name, text in kernel.queues.items())


def test_the_broken_step_says_what_the_tutorial_quotes() -> None:
    text = STEPS[3].removeprefix("; cycles: 98\n").replace("read 0 -> e1", "@1 read 0 -> e1")
    program = assemble(text, filename="mine.lpu")
    analysis = analyse(program)
    said = "\n\n".join(describe(hazard, analysis) for hazard in analysis.hazards)
    quoted = next(block for block in blocks("text") if block.startswith("error:"))
    assert said == quoted.rstrip("\n")


def test_the_broken_example_differs_from_vector_add_by_one_cycle() -> None:
    good = kernels.find("vector_add").path.read_text(encoding="utf-8").split(".chip", 1)[1].splitlines()
    broken = BROKEN.read_text(encoding="utf-8").split(".chip", 1)[1].splitlines()
    changed = [(a.strip(), b.strip()) for a, b in zip(good, broken, strict=True) if a != b]
    assert changed == [("read 0 -> e1", "@1 read 0 -> e1")]


def test_the_broken_example_names_both_instructions() -> None:
    program = assemble_file(BROKEN)
    hazards = analyse(program).hazards
    assert [hazard.kind for hazard in hazards] == ["unmet", "overwritten"]
    lines = program.source.text.splitlines()
    sites = {site.queue: site for hazard in hazards for site in (hazard.first, hazard.second) if site}
    assert lines[sites["mem.W4"].line - 1].strip() == "@1 read 0 -> e1"
    assert lines[sites["vxm.0"].line - 1].strip() == "@3 add.int8.sat e0, e1 -> e1"


def test_the_broken_example_is_refused_by_the_executor_for_the_same_reasons() -> None:
    program = assemble_file(BROKEN)
    inputs = {b.name: np.zeros(b.layout.shape, dtype=np.int8) for b in program.inputs}
    with pytest.raises(HazardError) as caught:
        reference.run(program, inputs)
    assert caught.value.hazards == analyse(program).hazards
