"""Rules for data, bindings and wires, each broken once on the chip ``tiny``."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from lpu_emu.program.layout import Piece, TensorLayout
from lpu_emu.program.model import Binding, DataSection, Program
from lpu_emu.program.validate import findings
from lpu_emu.spec.machine import load_machine

MACHINE = load_machine("tiny")


def section(name: str, slice_name: str, address: int, rows: int, step: int = 1) -> DataSection:
    return DataSection(
        name=name, slice=slice_name, address=address, step=step, words=np.zeros((rows, 8), dtype=np.uint8)
    )


LEAVES = "leaves the slice, which has the words 0x000..0x0ff"


@pytest.mark.parametrize(
    ("sections", "found"),
    [
        ([section("a", "W0", 0, 256), section("b", "E0", 255, 128, -2)], []),
        ([section("a", "W0", 0, 8, 2), section("b", "W0", 1, 8, 2)], []),
        ([section("a", "W8", 0, 1)], [(0, "a: chip tiny has no slice 'W8'; it has W0..W7 and E0..E7")]),
        ([section("a", "W0", 250, 4, 2)], [(0, f"a: W0:0x0fa..0x100 {LEAVES}")]),
        ([section("a", "W0", 3, 3, -2)], [(0, f"a: W0:-0x01..0x003 {LEAVES}")]),
        ([section("a", "W0", 0, 3), section("b", "W0", 4, 2, -2)], [(1, "b: overlaps a at W0:0x002")]),
        ([section("a", "W0", 5, 2, 0)], [(0, "a: overlaps a at W0:0x005")]),
    ],
)  # fmt: skip
def test_data(sections: list[DataSection], found: list[tuple[int, str]]) -> None:
    listed = findings(Program(name="p", machine=MACHINE, queues={}, data=tuple(sections)))
    assert [(f.index, f.message) for f in listed] == found
    assert {f.part for f in listed} <= {"data"}


def test_data_of_the_wrong_form() -> None:
    wide = DataSection(name="a", slice="W0", address=0, words=np.zeros((2, 9), dtype=np.uint8))
    found = findings(Program(name="p", machine=MACHINE, queues={}, data=(wide,)))
    assert [f.message for f in found] == ["a: words are uint8 [2, 9], expected uint8 [n, 8]"]


PIECE = Piece(block=0, byte_plane=0, first_row=0, rows=2, slice="W0", address=0)
LAYOUT = TensorLayout(shape=(2, 8), element_bytes=1, pieces=(PIECE,))
BINDING = Binding(name="x", kind="input", dtype="int8", layout=LAYOUT)


def bound(**changes: Any) -> Binding:
    """Return the sound binding with fields of it, its layout or its piece replaced."""
    piece = {k: v for k, v in changes.items() if k in vars(PIECE)}
    layout = {k: v for k, v in changes.items() if k in vars(LAYOUT)}
    own = {k: v for k, v in changes.items() if k in ("name", "kind", "dtype")}
    pieces = (dataclasses.replace(PIECE, **piece),)
    return dataclasses.replace(
        BINDING,
        layout=dataclasses.replace(LAYOUT, **{"pieces": pieces, **layout}),
        **own,
    )


@pytest.mark.parametrize(
    ("binding", "message"),
    [
        (bound(kind="inout"), "x: is of the kind 'inout', expected one of input, output"),
        (
            bound(dtype="int4"),
            "x: type 'int4' is none of int8, uint8, int16, int32, fp16, fp32, bf16, fp8, bool",
        ),
        (bound(dtype="fp16"), "x: elements have 1 bytes; fp16 has 2"),
        (bound(order=(0, 0)), "x: order [0, 0] does not name each of 2 axes once"),
        (bound(column_axes=3), "x: 3 column axes; the tensor has 2 axes"),
        (bound(shape=(1,) * 33), "x: has 33 axes; 32 are the most"),
        (bound(pad=256), "x: pad 256 is no byte"),
        (bound(shape=(-1, 8)), "x: shape [-1, 8] has a size below 1"),
        (bound(rows=1), "x: 1 of its 2 words have a place"),
        (bound(pieces=()), "x: 0 of its 2 words have a place"),
        (
            bound(pieces=(dataclasses.replace(PIECE, rows=1),) * 2),
            "x: some of its words have two places, others none",
        ),
        (bound(block=1), "x: a piece names block 1; there are 1"),
        (bound(byte_plane=1), "x: a piece names byte plane 1; elements have 1 bytes"),
        (bound(first_row=1), "x: a piece holds the rows 1..2; the tensor has 2 rows"),
        (bound(rows=0), "x: a piece holds the rows 0..-1; the tensor has 2 rows"),
        (bound(slice="W12"), "x: chip tiny has no slice 'W12'; it has W0..W7 and E0..E7"),
        (bound(address=255), "x: W0:0x0ff..0x100 leaves the slice, which has the words 0x000..0x0ff"),
    ],
)
def test_bindings(binding: Binding, message: str) -> None:
    found = findings(Program(name="p", machine=MACHINE, queues={}, bindings=(binding,)))
    assert [(f.part, f.index, f.message) for f in found] == [("bindings", 0, message)]


def test_names_of_bindings_are_unique_per_kind() -> None:
    listed = (BINDING, bound(kind="output"), BINDING)
    found = findings(Program(name="p", machine=MACHINE, queues={}, bindings=listed))
    assert [str(f) for f in found] == ["bindings[2]: x: there is another input of this name"]


@pytest.mark.parametrize(
    ("wires", "found"),
    [
        ([("W0", "E1"), ("E1", "W0"), ("W1", "W1")], []),
        ([("W0", "E2")], [(0, "chip tiny has no link 'E2'; it has W0..W1 and E0..E1")]),
        ([("W0", "E1"), ("W0", "E0")], [(1, "link W0 sends on another wire already")]),
        ([("W0", "E1"), ("W1", "E1")], [(1, "link E1 receives on another wire already")]),
    ],
)
def test_wires(wires: list[tuple[str, str]], found: list[tuple[int, str]]) -> None:
    listed = findings(Program(name="p", machine=MACHINE, queues={}, wires=tuple(wires)))
    assert [(f.index, f.message) for f in listed] == found
