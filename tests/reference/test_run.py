"""The run as a whole: inputs, outputs, strictness, faults."""

from __future__ import annotations

import inspect
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from numpy.typing import NDArray

import lpu_emu.reference
from lpu_emu.errors import FaultError, HazardError, InputError, ProgramError
from lpu_emu.program.layout import Piece, TensorLayout
from lpu_emu.program.model import Binding, DataSection, Program
from lpu_emu.reference import executor

from .builders import at, make, nop, program, repeat
from .chips import TINY

WORD = np.arange(8, dtype=np.uint8)


def binding(kind: str, dtype: str, element_bytes: int, shape: tuple[int, ...], first: int = 0) -> Binding:
    """Return a binding whose byte planes lie in slices W0, W1, ... from address ``first`` on."""
    rows = int(np.prod(shape[:-1]))
    pieces = tuple(
        Piece(block=0, byte_plane=plane, first_row=0, rows=rows, slice=f"W{plane}", address=first)
        for plane in range(element_bytes)
    )
    layout = TensorLayout(shape=shape, element_bytes=element_bytes, pieces=pieces)
    return Binding(name="x" if kind == "input" else "y", kind=kind, dtype=dtype, layout=layout)


def passing(dtype: str, element_bytes: int, shape: tuple[int, ...]) -> Program:
    """Return a program that hands its input on: both bindings name the same words."""
    bindings = [binding(kind, dtype, element_bytes, shape) for kind in ("input", "output")]
    return program(TINY, {}, bindings=bindings)


TENSORS: dict[str, tuple[int, Any]] = {
    "int8": (1, np.int8),
    "uint8": (1, np.uint8),
    "int16": (2, np.int16),
    "int32": (4, np.int32),
    "fp16": (2, np.float16),
    "fp32": (4, np.float32),
    "bf16": (2, ml_dtypes.bfloat16),
    "fp8": (1, ml_dtypes.float8_e4m3fn),
    "bool": (1, np.bool_),
}


@pytest.mark.parametrize("dtype", TENSORS)
def test_tensors_of_every_type_go_in_and_out(dtype: str) -> None:
    element_bytes, numpy_dtype = TENSORS[dtype]
    x = (
        np.arange(30).reshape(2, 3, 5) % 2 == 0 if dtype == "bool" else np.arange(30).reshape(2, 3, 5)
    ).astype(numpy_dtype)
    result = lpu_emu.reference.run(passing(dtype, element_bytes, (2, 3, 5)), {"x": x})
    assert result.outputs["y"].dtype == x.dtype
    assert np.array_equal(result.outputs["y"].astype(np.float64), x.astype(np.float64))
    assert (result.cycles, result.hazards) == (0, ())


def test_a_bool_is_any_byte_but_zero() -> None:
    made = program(TINY, {}, data={("W0", 0): WORD}, bindings=[binding("output", "bool", 1, (1, 3))])
    assert lpu_emu.reference.run(made).outputs["y"].tolist() == [[False, True, True]]


def test_inputs_are_written_over_data() -> None:
    bindings = [binding("input", "uint8", 1, (1, 8), 1)]
    made = program(TINY, {}, data={("W0", 0): np.stack([WORD] * 3)}, bindings=bindings)
    memory = lpu_emu.reference.run(made, {"x": WORD[None] + 50}).memory
    assert memory["W0"][:4].tolist() == [WORD.tolist(), (WORD + 50).tolist(), WORD.tolist(), [0] * 8]


def test_data_sections_have_steps_and_a_run_leaves_the_program_alone() -> None:
    section = DataSection(name="k", slice="W0", address=3, words=np.stack([WORD, WORD + 1]), step=10)
    queues = program(
        TINY,
        {"mem.W4": [make("read", address=0, to="e0")], "mem.W0": at(2, make("write", data="e0", address=3))},
        data={("W4", 0): WORD * 2},
    )
    made = Program(name="p", machine=TINY, queues=queues.queues, data=(section, *queues.data))
    for _ in range(2):
        memory = lpu_emu.reference.run(made).memory
        assert memory["W0"][[3, 13]].tolist() == [(WORD * 2).tolist(), (WORD + 1).tolist()]
    assert section.words.tolist() == [WORD.tolist(), (WORD + 1).tolist()]


def test_memory_has_every_slice() -> None:
    memory = lpu_emu.reference.run(program(TINY, {})).memory
    assert list(memory) == [f"{side}{n}" for side in "WE" for n in range(8)]
    assert {words.shape for words in memory.values()} == {(256, 8)}


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, "program 'test': no value for input x; its inputs: x"),
        ({"xx": WORD}, "program 'test' has no input 'xx'; its inputs: x; did you mean 'x'?"),
        (
            {"x": np.zeros((5, 2), np.int16)},
            "program 'test': input 'x' is int16[5, 2], expected int16[2, 5]; convert or reshape it first",
        ),
        (
            {"x": np.zeros((2, 5), np.int32)},
            "program 'test': input 'x' is int32[2, 5], expected int16[2, 5]; convert or reshape it first",
        ),
    ],
)
def test_wrong_inputs(inputs: dict[str, NDArray[Any]], message: str) -> None:
    with pytest.raises(InputError) as failure:
        lpu_emu.reference.run(passing("int16", 2, (2, 5)), inputs)
    assert str(failure.value) == message


def test_a_program_without_inputs_takes_none() -> None:
    with pytest.raises(InputError, match="has no input 'x'; its inputs: none"):
        lpu_emu.reference.run(program(TINY, {}), {"x": WORD})


def test_programs_are_checked_first() -> None:
    with pytest.raises(ProgramError, match=r"mem\.W0"):
        lpu_emu.reference.run(program(TINY, {"mem.W0": [make("read", address=999, to="e0")]}))


def broken() -> Program:
    queues = {
        "mem.W0": [make("read", address=0, to="e0"), repeat(2), make("read", address=8, to="e1")],
        "mem.W1": [make("read", address=0, to="e0"), repeat(2)],
        "mem.W2": [make("write", data=f"w{n}", address=n) for n in range(5)],
    }
    return program(TINY, queues, data={(f"W{n}", 0): np.stack([WORD]) for n in range(3)})


def test_strict_runs_raise_and_name_the_first_hazards() -> None:
    with pytest.raises(HazardError) as failure:
        lpu_emu.reference.run(broken())
    lines = str(failure.value).split("\n  ")
    assert lines[0] == "program 'test' breaks the timing rules of chip tiny: 7 hazards"
    assert lines[1] == (
        "cycle 0: undriven on stream w0 at x=5: mem.W2[0] write, dispatched in cycle 0; nothing was driven "
        "onto the stream for this cycle; check the producer's dispatch, func and hops"
    )
    assert lines[2] == (
        "cycle 1: double_drive on stream e0 at x=5 (3 times): mem.W0[0] read, dispatched in cycle 0 and "
        "mem.W1[0] read, dispatched in cycle 0; two instructions drive one stream register in the same "
        "cycle; move one in time or to another stream"
    )
    assert lines[6] == "... and 2 more"
    assert len(lines) == 7


def test_the_error_and_the_lenient_result_hold_the_same_hazards() -> None:
    with pytest.raises(HazardError) as failure:
        lpu_emu.reference.run(broken())
    result = lpu_emu.reference.run(broken(), strict=False)
    assert failure.value.hazards == result.hazards
    kinds = ["undriven", "double_drive", "undriven", "undriven", "undriven", "unwritten_read", "undriven"]
    assert [h.kind for h in result.hazards] == kinds


def test_hazards_without_a_dispatch_and_source_lines() -> None:
    made = program(TINY, {"mem.W0": [make("sync")]}, bindings=[binding("output", "int8", 1, (3, 2))])
    text = made.queues["mem.W0"]
    text.lines[0] = 12
    with pytest.raises(HazardError) as failure:
        lpu_emu.reference.run(made)
    assert str(failure.value).split("\n  ")[1:] == [
        "cycle 0: never_notified on mem.W0: mem.W0[0] sync in line 12, dispatched in cycle 0; "
        "the queue is parked for ever; a notify must follow",
        "cycle 3: unwritten_output on output y (3 times); the program never writes these words of an "
        "output binding",
    ]


def permuting(map_driven: bool) -> Program:
    """Return a program with a permute map that names lane 0 eight times, or with none at all."""
    item = make("permute", width="b1", x="e0", map="e2", to="w0")
    queues = {
        "mem.E4": [nop(7), make("read", address=0, to="e0")],
        "sxm.E.permute": at(8, item),
    }
    if map_driven:
        queues |= {f"mem.E{5 + n}": [nop(5), make("read", address=0, to=f"e{2 + n}")] for n in range(2)}
    data = {("E4", 0): WORD, ("E5", 0): 0 * WORD, ("E6", 0): 0 * WORD}
    return program(TINY, queues, data=data)


def test_a_fault_stops_the_run() -> None:
    for strict in (True, False):
        with pytest.raises(FaultError, match=r"sxm\.E\.permute\[1\]: permute dispatched in cycle 8"):
            lpu_emu.reference.run(permuting(True), strict=strict)


def test_values_mean_nothing_after_a_hazard_so_there_is_no_fault() -> None:
    result = lpu_emu.reference.run(permuting(False), strict=False)
    assert [h.kind for h in result.hazards] == ["unmet"]
    with pytest.raises(HazardError):
        lpu_emu.reference.run(permuting(False))


def test_warnings_do_not_hide_a_fault() -> None:
    made = permuting(True)
    more = program(
        TINY,
        {"mem.W4": [make("read", address=0, to="e9")], "mem.W0": at(1, make("read", address=0, to="e9"))},
        data={("W4", 0): WORD, ("W0", 0): WORD},
    )
    queues = {
        q.name: text
        for q in TINY.queues
        for text in [made.queues.get(q.name) or more.queues.get(q.name)]
        if text
    }
    both = Program(name="test", machine=TINY, queues=queues, data=(*made.data, *more.data))
    with pytest.raises(FaultError):
        lpu_emu.reference.run(both)


def test_runs_repeat_exactly() -> None:
    first, second = (lpu_emu.reference.run(broken(), strict=False) for _ in range(2))
    assert first.hazards == second.hazards
    assert first.cycles == second.cycles
    assert all(np.array_equal(first.memory[name], second.memory[name]) for name in first.memory)


def test_the_front_door_hands_on_its_arguments() -> None:
    front = set(inspect.signature(lpu_emu.reference.run).parameters)
    assert front == set(inspect.signature(executor.run).parameters) - {"observe"}
    with pytest.raises(ProgramError, match="the limit is 3"):
        lpu_emu.reference.run(program(TINY, {"mem.W0": [nop(5)]}), max_cycles=3)
