"""Instruction lines: what they mean, and exactly what is wrong with those that mean nothing."""

from __future__ import annotations

import pytest

from asm.helpers import issues, marked, only_error, written
from lpu_emu.spec.isa import load_isa
from lpu_emu.spec.machine import IMMEDIATE, LATCH, NOTHING

ISA = load_isa()
FP32 = ISA.kinds["dtype"].values.index("fp32")


@pytest.mark.parametrize(
    ("queue", "line", "mnemonic", "args"),
    [
        ("mem.W3", "read 0x010 -> e5", "read", (16, 5)),
        ("mem.W3", "read 0b11->w15", "read", (3, 47)),
        ("mem.W3", "  write   w4->0x020;comment", "write", (36, 32)),
        ("mem.W3", "read_write 1, e2 -> w3, 4", "read_write", (1, 2, 35, 4)),
        ("mem.W3", "gather e0, 1, 2 -> w1", "gather", (0, 1, 2, 33)),
        ("mem.W3", "scatter e0, e1 -> 1, 2", "scatter", (0, 1, 1, 2)),
        ("mem.W3", "nop 5", "nop", (5,)),
        ("mem.W3", "sync", "sync", ()),
        ("mem.W3", "config 2", "config", (2,)),
        ("vxm.0", "add.int8.sat e0, e4 -> w8, latch", "add", (0, 1, 0, 4, 40, LATCH, NOTHING, 0)),
        ("vxm.0", "add.int8.mod e0, latch", "add", (0, 0, 0, LATCH, NOTHING, NOTHING, NOTHING, 0)),
        ("vxm.0", "copy.int8.mod e0 -> _, e1", "copy", (0, 0, 0, NOTHING, 1, NOTHING, 0)),
        ("vxm.0", "mul.fp32.mod e0, #1.5 -> e4", "mul", (FP32, 0, 0, IMMEDIATE, 4, NOTHING, NOTHING, 0x3FC00000)),
        ("vxm.0", "mul.fp32.mod e0, #0x3fc00000", "mul", (FP32, 0, 0, IMMEDIATE, 127, 127, 127, 0x3FC00000)),
        ("vxm.0", "sub.int8.mod #-1, #-1", "sub", (0, 0, IMMEDIATE, IMMEDIATE, 127, 127, 127, 0xFF)),
        ("vxm.0", "convert.fp32.int8.sat e0 -> w4", "convert", (FP32, 0, 1, 0, 36, NOTHING, NOTHING, 0)),
        ("mxm.0.activations", "abc.int8.all e3", "abc", (0, 0, 3)),
        ("mxm.0.weights", "lw e4, 1", "lw", (4, 1)),
        ("mxm.0.weights", "iw", "iw", ()),
        ("mxm.0.accumulate", "acc.set 3 -> w8", "acc", (0, 3, 40)),
        ("mxm.0.accumulate", "acc.add 3", "acc", (1, 3, NOTHING)),
        ("sxm.W.shift_n", "shift_up.b2 e2, 3, 0xff -> w2", "shift_up", (1, 2, 3, 255, 34)),
        ("sxm.W.rotate", "rotate 3, e1 -> e0", "rotate", (3, 1, 0)),
        ("c2c.W.0", "send e1 -> 1", "send", (1, 1)),
        ("c2c.W.0", "receive 1 -> e1", "receive", (1, 1)),
    ],
)  # fmt: skip
def test_what_lines_mean(queue: str, line: str, mnemonic: str, args: tuple[int, ...]) -> None:
    assert written(queue, line) == [(mnemonic, args)]


def test_blank_lines_and_comments_count_as_lines() -> None:
    assert [i.line for i in issues("mem.W0", "", "; a comment", ' sync ; -> # " ; more', "notify")] == [5, 6]


TANDEM = "abc: fp16 runs on two planes in tandem; dispatch it on the even one"


@pytest.mark.parametrize(
    ("queue", "line", "part", "message"),
    [
        ("mem.W0", "raed 0 -> e0", "raed", "no instruction 'raed'; did you mean 'read'?"),
        ("mem.W0", "-> e0", "->", "no instruction '->'"),
        ("mem.W0", "READ 0 -> e0", "READ", "no instruction 'READ'"),
        ("mem.W0", "read 0 e0", "e0", "expected '->', got 'e0'"),
        ("mem.W0", "read 0", "", "expected '->', but the line ends"),
        ("mem.W0", "read", "", "address: expected a number, but the line ends"),
        ("mem.W0", "read -> e0", "->", "address: expected a number, got '->'"),
        ("mem.W0", "read 0 ->", "", "to: expected a stream (e0..e31, w0..w31), but the line ends"),
        ("mem.W0", "read 0 -> e0 e1", "e1", "expected the end of the line, got 'e1'"),
        ("mem.W0", "read 0, 1 -> e0", ",", "expected '->', got ','"),
        ("mem.W0", "read 0 -> e32", "e32", "to: expected a stream (e0..e31, w0..w31), got 'e32'"),
        ("mem.W0", "read 0 -> latch", "latch", "to: expected a stream (e0..e31, w0..w31), got 'latch'"),
        ("mem.W0", "read 65536 -> e0", "65536", "address: 65536 is out of range; it must be 0..65535"),
        ("mem.W0", "read -1 -> e0", "-1", "address: -1 is out of range; it must be 0..65535"),
        ("mem.W0", "read 010 -> e0", "010", "address: expected a number, got '010'"),
        ("mem.W0", f"read {'9' * 5000} -> e0", "9" * 5000, f"address: expected a number, got '{'9' * 37}...'"),
        ("mem.W0", "read.int8 0 -> e0", "int8", "read: 'int8' is one suffix too many"),
        ("mem.W0", "read. 0 -> e0", " ", "read: '' is one suffix too many"),
        ("mem.W0", "read 300 -> e0", "300", "read: address 0x12c is outside 0x000..0x0ff, the words of a slice"),
        ("mem.W0", "read 3 -> e16", "e16", "read: to e16 does not exist; chip tiny has 16 streams per direction"),
        ("mem.W0", "@4 read 300 -> e0", "300", "read: address 0x12c is outside 0x000..0x0ff, the words of a slice"),
        ("mem.W0", "add.int8.mod e0, e1", "add", "add runs on vxm queues, not on mem.W0"),
        ("vxm.0", "add.int8 e0, e1", "add.int8", "add: the suffix overflow is missing: mod, sat"),
        ("vxm.0", "add.int8.sta e0, e1", "sta", "add: overflow 'sta' is none of mod, sat; did you mean 'sat'?"),
        ("vxm.0", "add.int8.mod e0", "", "expected ',' and the operand y, but the line ends"),
        ("vxm.0", "add.int8.mod e0, e1 -> e1, e2, e3, e0", ",", "expected the end of the line, got ','"),
        ("vxm.0", "add.int8.mod e0, e1 -> #1", "#1", "to: expected a stream, latch or _, got '#1'"),
        ("vxm.0", "add.int8.mod e0, _", "_", "y: expected a stream, latch or #value, got '_'"),
        ("vxm.0", "add.int8.mod e0, #128", "#128", "128 is outside int8, which holds -128..127"),
        ("vxm.0", "add.int8.mod e0, #", "#", "expected a number of type int8, got ''"),
        ("vxm.0", "add.int8.mod #1, #2", "#2", "an instruction holds one immediate; the operands need two"),
        ("vxm.0", "and.fp32.mod e0, e0", "fp32", "and: dtype is fp32; expected one of int8, uint8, int16, int32"),
        ("vxm.1", "max.fp32.mod e0, e4 -> e8, e8", "e8", "max: e8 is a target twice"),
        ("mxm.1.activations", "abc.fp16.low e0", "fp16", TANDEM),
        ("mxm.0.accumulate", "acc.set 0 -> latch", "latch", "acc: to 64 means nothing; expected a stream or nothing (127)"),
        ("mem.W0", "repeat 1, 1, 1", "repeat", "repeat: there is nothing before it to repeat"),
        ("mem.W0", "read 0 -> e0 \0", "\N{REPLACEMENT CHARACTER}", "expected the end of the line, got '\\x00'"),
        ("mem.W0", "“read” 0", "“read”", "no instruction '“read”'; did you mean 'read'?"),
    ],
)  # fmt: skip
def test_what_is_wrong_and_where(queue: str, line: str, part: str, message: str) -> None:
    found = only_error(f".queue {queue}", line)
    assert (found.line, found.message) == (3, message)
    assert marked(found) == part or (not part and found.column == len(line) + 1)


def test_every_wrong_operand_of_a_line_is_named() -> None:
    from asm.helpers import errors

    found = errors(".chip tiny\n.queue mem.W0\nread_write 70000, x -> e99, -1\n")
    assert [marked(d) for d in found] == ["70000", "x", "e99", "-1"]


def test_a_tab_before_a_wrong_token_does_not_shift_the_caret() -> None:
    found = only_error(".queue mem.W0", "\tread\t0 -> e77")
    assert str(found).splitlines()[1:3] == ["   read 0 -> e77", "             ^^^"]


def test_the_whole_message() -> None:
    assert str(only_error(".queue vxm.0", "    add.int8 e0, e1 -> e2")) == (
        "t.lpu:3:5: error: add: the suffix overflow is missing: mod, sat\n"
        "      add.int8 e0, e1 -> e2\n"
        "      ^^^^^^^^\n"
        "  hint: written as: add.<dtype>.<overflow> x, y [-> to[, to2[, to3]]]"
    )


def test_an_instruction_outside_a_queue() -> None:
    assert only_error("read 0 -> e0").message == "this instruction is in no queue"
    found = only_error(".queue mem.W0", "sync", ".program p", "notify")
    assert (found.line, found.message) == (5, "this instruction is in no queue")


def test_unknown_queues_are_named_once() -> None:
    found = only_error(".queue mem.W9", "read 0 -> e0", "read 1 -> e1")
    assert found.message == "chip tiny has no queue 'mem.W9'; did you mean 'mem.W7'?"
