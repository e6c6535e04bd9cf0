"""Directives: chips, data, bindings, wires, operators."""

from __future__ import annotations

import shutil
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from asm.helpers import errors, marked, only_error, with_head
from lpu_emu import _resources
from lpu_emu.asm import assemble, assemble_file
from lpu_emu.errors import AssemblyError, SpecError
from lpu_emu.program.layout import Piece, fetch
from lpu_emu.program.model import Program
from lpu_emu.spec.chip import load_chip


def memory(program: Program) -> dict[str, np.ndarray[tuple[int, int], np.dtype[np.uint8]]]:
    """Return the SRAM image, uint8 [words, lanes] by slice."""
    chip = program.machine.chip
    slices = {f"{side}{n}": np.zeros((chip.words, chip.lanes), np.uint8) for side in "WE" for n in range(8)}
    for section in program.data:
        rows = section.address + section.step * np.arange(len(section.words))
        slices[section.slice][rows] = section.words
    return slices


# The chip


def test_the_chip_of_the_text_and_of_the_caller() -> None:
    assert assemble(".chip tiny\n").machine.chip.name == "tiny"
    assert assemble(".chip tiny\n", chip="tsp1").machine.chip.name == "tsp1"
    assert assemble("", chip=load_chip("tiny")).machine.chip.name == "tiny"
    with pytest.raises(SpecError):
        assemble(".chip tiny\n", chip="nothing")


def test_a_chip_file_beside_the_text(tmp_path: Path) -> None:
    shutil.copy(_resources.isa_folder() / "chips" / "tiny.toml", tmp_path / "mine.toml")
    (tmp_path / "a.lpu").write_text(".chip mine.toml\n", encoding="utf-8")
    assert assemble_file(tmp_path / "a.lpu").machine.chip.digest == load_chip("tiny").digest


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the text names no chip"),
        ("; .chip tiny", "the text names no chip"),
        (".chip", "expected the name of a chip, or the path of a chip file, but the line ends"),
        (".chip tiny 3", "expected the end of the line, got '3'"),
        (".chip tiny\n.chip tiny", "line 1 names the chip already"),
        ('.chip "a\\u0000.toml"', "a\0.toml: is not TOML: embedded null byte"),
    ],
)
def test_chips_that_are_none(text: str, message: str) -> None:
    assert [d.message for d in errors(text)] == [message]


def test_an_unknown_chip_is_named_with_those_there_are() -> None:
    (found,) = errors(".chip tinny\n.queue mem.W0\n")
    assert found.message.startswith("no chip named 'tinny'; known chips: ")
    assert "did you mean 'tiny'?" in found.message
    assert marked(found) == "tinny"


# Data

TYPES = "int8, uint8, int16, int32, fp16, fp32, bf16, fp8, bool"
LEAVES = "leaves the slice, which has the words 0x000..0x0ff"
TWO_BLOCKS = (
    "expected 2 blocks separated by '|', one per 8 of 9 columns, each with 1 place, one per byte of int8"
)
MANY = " | ".join(f"W0:{n}" for n in range(63))
NO_TENSOR = "a piece belongs to the .input or .output before it, and there is none"


def test_values_in_rows() -> None:
    program = with_head(".data w int8 [2, 8] at W3:0x010 step 2 = 1 2 3 4 5 6 7 8", "-1, -2, 0 0 0 0 0 127")
    (section,) = program.data
    assert (section.name, section.slice, section.address, section.step) == ("w", "W3", 16, 2)
    assert section.words.tolist() == [[1, 2, 3, 4, 5, 6, 7, 8], [255, 254, 0, 0, 0, 0, 0, 127]]


@pytest.mark.parametrize(
    ("content", "expected"),
    [("seq", [0, 1, 2, 3, 4, 5]), ("fill -7", [-7] * 6), ("1 2 3\n4 5 6 ; end", [1, 2, 3, 4, 5, 6])],
)
def test_contents(content: str, expected: list[int]) -> None:
    program = with_head(
        f".data w int32 [2, 3] at W0:0 W1:0 W2:0 W3:5 pad 9 = {content}".replace(" pad 9", "")
    )
    assert [s.slice for s in program.data] == ["W0", "W1", "W2", "W3"]
    planes = np.stack([s.words for s in program.data], axis=-1)[:, :3]
    assert np.ascontiguousarray(planes).view("<i4").ravel().tolist() == expected


def test_wide_tensors_have_blocks_and_padding() -> None:
    program = with_head(".data w uint8 [2, 10] pad 7 at W0:0 | W1:8 = seq")
    assert [(s.slice, s.address, s.words.tolist()) for s in program.data] == [
        ("W0", 0, [[*range(8)], [*range(10, 18)]]),
        ("W1", 8, [[8, 9, *[7] * 6], [18, 19, *[7] * 6]]),
    ]


def test_floats_and_raw_bits() -> None:
    program = with_head(".data w fp16 [3] at W0:0 W1:0 = 1.5 -inf 0x7e01")
    low, high = (s.words[0, :3].tolist() for s in program.data)
    assert [h << 8 | lo for lo, h in zip(low, high, strict=True)] == [0x3E00, 0xFC00, 0x7E01]


@pytest.mark.parametrize(
    ("dtype", "array"),
    [
        ("int8", np.arange(-8, 8, dtype=np.int8).reshape(2, 8)),
        ("fp16", np.linspace(-2, 2, 16, dtype=np.float16).reshape(2, 8)),
        ("fp32", np.asfortranarray(np.linspace(-2, 2, 16, dtype=np.float32).reshape(2, 8))),
        ("bf16", np.linspace(-2, 2, 16).reshape(2, 8).astype(ml_dtypes.bfloat16)),
        ("bool", np.eye(2, 8, dtype=np.bool_)),
    ],
)
def test_arrays_from_files(
    dtype: str, array: np.ndarray[tuple[int, int], np.dtype[np.generic]], tmp_path: Path
) -> None:
    np.save(tmp_path / "w.npy", array)
    places = " ".join(f"W{n}:4" for n in range(array.dtype.itemsize))
    line = f'.chip tiny\n.data w {dtype} [2, 8] at {places} = file "w.npy"\n'
    line += f".input x {dtype} [2, 8] at {places}\n"
    program = assemble(line, filename=str(tmp_path / "t.lpu"))
    back = fetch(program.bindings[0].layout, memory(program), array.dtype, 8)
    assert back.tobytes() == np.ascontiguousarray(array).tobytes()


def test_rows_of_hexadecimal_digits() -> None:
    program = with_head(
        '.words "a b" at E7:254 step -4', "0001020304050607", "  08 09 0a0b0C0D0e0f ; end", ".wire W0 E0"
    )
    (section,) = program.data
    assert (section.name, section.slice, section.address, section.step) == ("a b", "E7", 254, -4)
    assert section.words.tolist() == [[*range(8)], [*range(8, 16)]]


@pytest.mark.parametrize(
    ("lines", "line", "part", "message"),
    [
        ([".data"], 2, "", "expected a name, but the line ends"),
        ([".data w int9 [8] at W0:0 = seq"], 2, "int9", f"type 'int9' is none of {TYPES}; did you mean 'int8'?"),
        ([".data w int8 8 at W0:0 = seq"], 2, "8", "expected '[', got '8'"),
        ([".data w int8 [8 at W0:0 = seq"], 2, "at", "expected ',', got 'at'"),
        ([".data w int8 [0] at W0:0 = seq"], 2, "0", "a size 0 is out of range; it must be 1..2147483647"),
        ([".data w int8 [x] at W0:0 = seq"], 2, "x", "expected a size, a number; got 'x'"),
        ([".data w int8 [8] W0:0 = seq"], 2, "W0", "expected 'at', got 'W0'"),
        ([".data w int8 [8] at W0 = seq"], 2, "=", "expected ':', got '='"),
        ([".data w int8 [8] at W8:0 = seq"], 2, "W8", "chip tiny has no slice 'W8'; it has W0..W7 and E0..E7"),
        ([".data w int8 [8] at W0:256 = seq"], 2, "W0", f"W0:0x100..0x100 {LEAVES}"),
        ([".data w int8 [8] at W0:0 W1:0 = seq"], 2, "W0", "expected 1 place, one per byte of int8"),
        ([".data w int8 [9] at W0:0 = seq"], 2, "W0", TWO_BLOCKS),
        ([".data w int8 [8] at W0:0"], 2, "", "expected '=', but the line ends"),
        ([".data w int8 [8] at W0:0 = 1 2"], 2, "1", "expected 8 values for int8 [8], got 2"),
        ([".data w int8 [2] at W0:0 = 1 2", "3"], 3, "3", "2 values are enough for int8 [2]; got one more"),
        ([".data w int8 [2] at W0:0 = 1", "2x"], 3, "2x", "expected a number of type int8, got '2x'"),
        ([".data w int8 [2] at W0:0 =", "1"], 2, "", "expected 2 values for int8 [2], got 1"),
        ([".data w int8 [2] at W0:0 = fill"], 2, "", "expected a number of type int8, got ''"),
        ([".data w int8 [2] at W0:0 = fill 300"], 2, "300", "300 is outside int8, which holds -128..127"),
        ([".data w int8 [2] at W0:0 = fill 1 2"], 2, "2", "expected the end of the line, got '2'"),
        ([f".data w fp8 [500] at {MANY} = seq"], 2, "seq", "'465' is outside fp8, whose largest value is 448"),
        ([".data w int8 [2, 2] order [0, 0] at W0:0 = seq"], 2, "[", "the order must name each of the 2 axes, 0..1, once"),
        ([".data w int8 [2] at W0:0 = file"], 2, "", "expected the name of a .npy file, but the line ends"),
        ([".data w int8 [2] at W0:0 = 1 2", ".data v int8 [2] at W0:0 = 1 2"], 3, "W0", "v: overlaps w at W0:0x000"),
        ([".words w at W0:0", "00"], 3, "00", "expected 16 hexadecimal digits, one word of 8 lanes, got '00'"),
        ([".words w at W0:0", "zz"], 3, "zz", "expected 16 hexadecimal digits, one word of 8 lanes, got 'zz'"),
        ([".words w at W0:255", *["00" * 8] * 2], 2, "W0", f"W0:0x0ff..0x100 {LEAVES}"),
        ([".words w W0:0"], 2, "W0", "expected 'at', got 'W0'"),
    ],
)  # fmt: skip
def test_data_that_is_wrong(lines: list[str], line: int, part: str, message: str) -> None:
    found = only_error(*lines)
    assert (found.line, found.message) == (line, message)
    assert marked(found) == part


def test_files_that_do_not_fit(tmp_path: Path) -> None:
    np.save(tmp_path / "w.npy", np.zeros((2, 8), dtype=np.int16))
    np.savez(tmp_path / "z.npz", a=np.zeros(3))
    (tmp_path / "t.npy").write_text("no array")
    messages = []
    for name in ("w.npy", "z.npz", "t.npy", "missing.npy", "a\\u0000b.npy", "."):
        text = f'.chip tiny\n.data w int8 [2, 8] at W0:0 = file "{name}"\n'
        (found,) = errors(text, filename=str(tmp_path / "t.lpu"))
        messages.append(found.message)
    assert messages[0] == "the file holds int16 [2, 8], expected int8 [2, 8]"
    assert all("cannot be read as a .npy file: " in message for message in messages[1:])
    assert messages[3].endswith("no such file")


# Bindings


def test_bindings_and_pieces() -> None:
    program = with_head(
        ".input a int8 [4, 12] at W0:0x00 | W1:0x08 step 2",
        ".output y fp16 [2, 3, 4] order [1, 2, 0] columns 2 pad 255",
        ".piece block 0 plane 0 row 0 count 3 at E0:0x10",
        ".piece block 0 plane 1 row 0 count 2 at E1:0x10 step 3",
        ".piece block 0 plane 1 row 2 count 1 at E2:0",
    )
    a, y = program.bindings
    assert (a.kind, a.dtype, a.layout.shape, a.layout.pad) == ("input", "int8", (4, 12), 0)
    assert [(p.block, p.slice, p.address, p.step, p.rows) for p in a.layout.pieces] == [
        (0, "W0", 0, 2, 4),
        (1, "W1", 8, 2, 4),
    ]
    assert (y.kind, y.layout.order, y.layout.column_axes, y.layout.pad) == ("output", (1, 2, 0), 2, 255)
    assert y.layout.pieces[1] == Piece(
        block=0, byte_plane=1, first_row=0, rows=2, slice="E1", address=16, step=3
    )


@pytest.mark.parametrize(
    ("lines", "line", "part", "message"),
    [
        ([".input x int8 [8]"], 2, "x", "x: 0 of its 1 words have a place"),
        ([".input x int8 [8] at W0:0", ".input x int8 [8] at W0:1"], 3, "x", "x: there is another input of this name"),
        ([".input x int8 [8] columns 2"], 2, "2", "column axes 2 is out of range; it must be 0..1"),
        ([".input x int8 [8] pad 256"], 2, "256", "the padding byte 256 is out of range; it must be 0..255"),
        ([".piece block 0 plane 0 row 0 count 1 at W0:0"], 2, ".piece", NO_TENSOR),
        ([".wire W0 E9"], 2, "W0", "chip tiny has no link 'E9'; it has W0..W1 and E0..E1"),
        ([".wire W0"], 2, "", "expected the link that receives, but the line ends"),
        ([".foo"], 2, ".foo", "no directive '.foo'"),
        ([".quene mem.W0"], 2, ".quene", "no directive '.quene'; did you mean '.queue'?"),
        (['.program "a'], 2, '"', "the name of the program: the string is not closed, or has an unknown escape"),
        (['.program "\\q"'], 2, '"\\q"', "the name of the program: the string is not closed, or has an unknown escape"),
        ([".operator a b macs -1"], 2, "-1", f"macs -1 is out of range; it must be 0..{(1 << 63) - 1}"),
        ([".op 0"], 2, "0", "no operator 0; 0 are defined above"),
        ([".op a"], 2, "a", "0 operators are called 'a'"),
        ([".operator a x", ".operator a y", ".op a"], 4, "a", "2 operators are called 'a'"),
    ],
)  # fmt: skip
def test_directives_that_are_wrong(lines: list[str], line: int, part: str, message: str) -> None:
    found = only_error(*lines)
    assert (found.line, found.message) == (line, message)
    assert marked(found) == part


def test_operators_are_chosen_per_queue() -> None:
    program = with_head(
        ".operator conv Conv macs 10 ideal 2",
        ".operator relu Relu",
        ".queue mem.W0",
        "sync",
        ".op 1",
        "sync",
        ".op none",
        "sync",
        ".op conv",
        "sync",
        ".queue mem.W1",
        "sync",
    )
    assert [(o.name, o.op_type, o.macs, o.ideal_cycles) for o in program.operators] == [
        ("conv", "Conv", 10, 2),
        ("relu", "Relu", 0, 0),
    ]
    assert program.queues["mem.W0"].origins.tolist() == [-1, 1, -1, 0]
    assert program.queues["mem.W1"].origins.tolist() == [-1]


def test_queues_come_in_canonical_order_and_without_empty_ones() -> None:
    program = with_head(
        ".queue vxm.0", "sync", ".queue mem.E0", "sync", ".queue mem.W1", ".queue mem.W0", "sync"
    )
    assert list(program.queues) == ["mem.W0", "mem.E0", "vxm.0"]


def test_a_file_that_is_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "t.lpu"
    path.write_bytes(b".chip tiny\n; \xc3\xa4 \xff\n")
    with pytest.raises(AssemblyError) as caught:
        assemble_file(path)
    assert str(caught.value).splitlines()[0] == f"{path}:2:5: error: byte 0xff is not UTF-8 text"
    with pytest.raises(FileNotFoundError):
        assemble_file(tmp_path / "missing.lpu")
