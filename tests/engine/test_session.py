"""Running a program again: in a new SRAM, in the same one, and without checking it again."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lpu_emu import engine, reference
from lpu_emu.analysis.core import Analysis, analyse
from lpu_emu.engine import executor
from lpu_emu.engine.executor import prepare
from lpu_emu.engine.trust import schedule_digest
from lpu_emu.errors import HazardError, InputError, LpuError
from lpu_emu.program.layout import Piece, TensorLayout
from lpu_emu.program.model import Binding, DataSection, Program
from lpu_emu.program.text import issue, pack_text
from lpu_emu.spec.machine import IMMEDIATE, Machine, load_machine

MACHINE = load_machine("tiny")
READ_AT = 4


def queue_text(machine: Machine, *entries: tuple[str, dict[str, int]]) -> object:
    return pack_text(machine.isa, [issue(machine.isa, name, **operands) for name, operands in entries])


def tensor(kind: str, name: str, where: str, address: int) -> Binding:
    piece = Piece(block=0, byte_plane=0, first_row=0, rows=1, slice=where, address=address)
    layout = TensorLayout(shape=(1, MACHINE.chip.lanes), element_bytes=1, pieces=(piece,))
    return Binding(name=name, kind=kind, dtype="uint8", layout=layout)


def increment() -> Program:
    """Add 3 to word 0 of W0 and store it in word 1 of E0, over what data put there; x lies in word 0."""
    alu = MACHINE.queue_by_name["vxm.0"]
    read, add, write = (MACHINE.timing(MACHINE.isa[name]) for name in ("read", "add", "write"))
    stands = READ_AT + read["func"] + MACHINE.x_in(alu, 0) - MACHINE.x_out(MACHINE.queue_by_name["mem.W0"], 0)
    dispatched = stands - add["skew"]
    stored = (
        dispatched + add["func"] + MACHINE.x_in(MACHINE.queue_by_name["mem.E0"], 0) - MACHINE.x_out(alu, 0)
    )
    queues = {
        "mem.W0": (("nop", {"count": READ_AT}), ("read", {"address": 0, "to": 0})),
        "mem.E0": (("nop", {"count": stored - write["skew"]}), ("write", {"address": 1, "data": 4})),
        "vxm.0": (
            ("nop", {"count": dispatched}),
            ("add", {"x": 0, "y": IMMEDIATE, "immediate": 3, "to": 4}),
        ),
    }
    words = np.arange(16, dtype=np.uint8).reshape(2, 8)
    return Program(
        name="increment",
        machine=MACHINE,
        queues={name: queue_text(MACHINE, *entries) for name, entries in queues.items()},  # type: ignore[misc]
        data=(DataSection(name="below", slice="E0", address=0, words=words),),
        bindings=(tensor("input", "x", "W0", 0), tensor("output", "y", "E0", 1)),
    )


def test_a_session_gives_what_new_runs_give() -> None:
    program, rng = increment(), np.random.default_rng(3)
    session = prepare(program).session()
    for _ in range(3):
        x = rng.integers(0, 256, (1, 8)).astype(np.uint8)
        expected, found = reference.run(program, {"x": x}), session.run({"x": x})
        assert np.array_equal(found.outputs["y"], x + np.uint8(3))
        assert all(np.array_equal(found.memory[name], words) for name, words in expected.memory.items())


def test_results_of_single_runs_stay_as_they_are() -> None:
    prepared = prepare(increment())
    one, other = (prepared.run({"x": np.full((1, 8), n, np.uint8)}) for n in (1, 2))
    assert one.memory["E0"][1, 0] == 4
    assert other.memory["E0"][1, 0] == 5


def test_inputs_are_checked_in_every_run() -> None:
    session = prepare(increment()).session()
    session.run({"x": np.zeros((1, 8), np.uint8)})
    with pytest.raises(InputError, match="no value for input x"):
        session.run()


def test_programs_with_hazards_give_no_values_and_are_refused() -> None:
    program = increment()
    broken = replace(
        program, queues={name: text for name, text in program.queues.items() if name != "mem.W0"}
    )
    inputs = {"x": np.zeros((1, 8), np.uint8)}
    with pytest.raises(HazardError, match="undriven"):
        engine.run(broken, inputs)
    with pytest.raises(HazardError, match="undriven"):
        engine.prepare(broken)
    with pytest.raises(HazardError, match="undriven"):
        engine.run(broken, inputs, verify=False)  # was never verified
    for verify in (True, False):
        result = engine.run(broken, inputs, strict=False, verify=verify)
        assert (result.outputs, result.memory) == ({}, {})
        assert result.cycles == reference.run(broken, inputs, strict=False).cycles
        assert result.hazards == reference.run(broken, inputs, strict=False).hazards


def test_trusted_programs_run_as_checked_ones() -> None:
    inputs = {"x": np.arange(8, dtype=np.uint8).reshape(1, 8)}
    one, other = (engine.run(increment(), inputs, verify=verify) for verify in (True, False))
    assert np.array_equal(one.outputs["y"], other.outputs["y"])
    assert (one.cycles, one.hazards) == (other.cycles, other.hazards)


def test_only_what_was_verified_is_trusted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LPU_EMU_CACHE_DIR", os.fspath(tmp_path))
    searches: list[bool] = []

    def counted(program: Program, *, hazard_free: bool = False) -> Analysis:
        searches.append(not hazard_free)
        return analyse(program, hazard_free=hazard_free)

    monkeypatch.setattr(executor, "analyse", counted)
    for _ in range(2):
        prepare(increment(), verify=False)
    assert searches == [True, False]
    other_data = replace(increment(), data=())
    assert schedule_digest(other_data) != schedule_digest(increment())
    prepare(other_data, verify=False)
    prepare(increment())
    assert searches == [True, False, True, True]


def test_values_of_data_do_not_matter_for_trust() -> None:
    program = increment()
    section = program.data[0]
    other = replace(program, data=(replace(section, words=section.words + np.uint8(1)),))
    assert schedule_digest(other) == schedule_digest(program)


def test_an_analysis_is_not_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    program = increment()
    analysis = analyse(program)
    monkeypatch.setattr(executor, "analyse", None)
    x = np.zeros((1, 8), np.uint8)
    result = engine.run(program, {"x": x}, analysis=analysis)
    assert np.array_equal(result.outputs["y"], x + np.uint8(3))
    assert engine.prepare(program, analysis=analysis).plan.analysis is analysis
    with pytest.raises(LpuError, match="another program"):
        engine.prepare(increment(), analysis=analysis)
