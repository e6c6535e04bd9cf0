"""Every rule of "What is checked before time starts", each broken once on the chip ``tiny``."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from lpu_emu.errors import ProgramError
from lpu_emu.program.model import Operator, Program
from lpu_emu.program.text import Issue, QueueText, issue, pack_text
from lpu_emu.program.validate import Finding, findings, require_valid
from lpu_emu.spec.machine import IMMEDIATE, LATCH, NOTHING, load_machine

MACHINE = load_machine("tiny")
ISA = MACHINE.isa
E, W = 0, 32  # e5 is E + 5


def op(mnemonic: str, **operands: int | str) -> Issue:
    """Make an instruction; enumerations may be given by name."""
    values = {}
    for name, value in operands.items():
        kind = ISA[mnemonic].operands[ISA[mnemonic].operand_index(name)].kind
        values[name] = kind.values.index(value) if isinstance(value, str) else value
    return issue(ISA, mnemonic, **values)


def program(queue: str, *issues: Issue) -> Program:
    return Program(name="p", machine=MACHINE, queues={queue: pack_text(ISA, issues)})


def messages(queue: str, *issues: Issue) -> list[tuple[int, str, str]]:
    return [(f.index, f.operand, f.message) for f in findings(program(queue, *issues))]


GOOD = [
    ("mem.W3", [op("read", address=255, to=E + 15)]),
    ("mem.W3", [op("read", address=0, to=W + 15), op("repeat", count=51, interval=1, stride=5)]),
    ("mem.W3", [op("gather", map=3, base=7, limit=7, to=W)]),
    ("vxm.0", [op("add", dtype="fp32", x=E, y=W + 4, to=LATCH, to2=W, to3=E)]),
    ("vxm.0", [op("mul", dtype="int8", x=IMMEDIATE, y=LATCH, immediate=0xFFFFFFFF, to=E + 15)]),
    ("vxm.1", [op("max", dtype="fp32", x=E, y=E, to=NOTHING)]),
    ("vxm.4", [op("add", dtype="int8", x=W + 8, y=W + 15, to=W + 7)]),
    ("mxm.0.activations", [op("abc", dtype="fp16", half="low", x=W + 14)]),
    ("mxm.3.activations", [op("abc", dtype="fp8", x=W + 15)]),
    ("mxm.0.weights", [op("lw", rows=12, row_group=1), op("iw"), op("iw_stream", rows=W, row_group=0)]),
    ("mxm.0.accumulate", [op("acc", row=15, to=NOTHING), op("acc_read", row=0, to=W + 12)]),
    ("sxm.W.shift_n", [op("shift_up", width="b4", x=12, to=0, amount=8, mask=0xFFFFFFFF)]),
    ("sxm.E.permute", [op("permute", width="b2", x=14, map=W + 14, to=0)]),
    ("sxm.E.distribute", [op("distribute", x=8, map=15, bypass=255, to=W)]),
    ("sxm.E.rotate", [op("rotate", edge=3, x=13, to=7), op("rotate", edge=4, x=12, to=W)]),
    ("sxm.E.transpose", [op("transpose", x=12, to=W + 4)]),
    ("c2c.E.0", [op("send", data=15, link=1), op("receive", link=0, to=W + 15), op("deskew")]),
    ("c2c.W.0", [op("runtime_deskew", count=65535), op("config", superlanes=2), op("ifetch", stream=15)]),
]


@pytest.mark.parametrize(("queue", "issues"), GOOD)
def test_what_keeps_the_rules(queue: str, issues: list[Issue]) -> None:
    assert messages(queue, *issues) == []


BAD = [
    # placement of instructions
    ("mem.W3", [op("add", to=0)], "", "add runs on vxm queues, not on mem.W3"),
    ("mxm.1.weights", [op("abc")], "", "abc runs on mxm activations queues, not on mxm.1.weights"),
    ("sxm.W.shift_s", [op("shift_up")], "", "shift_up runs on sxm shift_n queues, not on sxm.W.shift_s"),
    # numbers
    ("mem.W3", [op("nop", count=65536)], "count", "nop: count 65536 does not fit; the field holds 0..65535"),
    (
        "mem.W3",
        [op("write", data=0, address=256)],
        "address",
        "write: address 0x100 is outside 0x000..0x0ff, the words of a slice",
    ),
    (
        "mem.W3",
        [op("read_write", address=0, data=0, to=0, store=256)],
        "store",
        "read_write: store 0x100 is outside 0x000..0x0ff, the words of a slice",
    ),
    (
        "mem.W3",
        [op("gather", map=0, base=0, limit=256, to=0)],
        "limit",
        "gather: limit 0x100 is outside 0x000..0x0ff, the words of a slice",
    ),
    ("mem.W3", [op("scatter", base=9, limit=8)], "limit", "scatter: limit 0x008 lies before base 0x009"),
    (
        "mxm.0.accumulate",
        [op("acc_read", row=16)],
        "row",
        "acc_read: row 16 is outside 0..15, the accumulator rows",
    ),
    (
        "mxm.0.weights",
        [op("lw", row_group=2)],
        "row_group",
        "lw: row_group 2 is outside 0..1, the row groups of a plane",
    ),
    (
        "vxm.0",
        [op("config", superlanes=3)],
        "superlanes",
        "config: superlanes 3 is outside 0..2, the superlanes",
    ),
    ("sxm.W.shift_n", [op("shift_up", amount=9)], "amount", "shift_up: amount 9 is outside 0..8, lanes"),
    ("sxm.W.rotate", [op("rotate", edge=2)], "edge", "rotate: edge 2 is outside 3..4, the edges there are"),
    ("c2c.W.0", [op("send", link=2)], "link", "send: link 2 is outside 0..1, the links of c2c.W.0"),
    # streams
    (
        "mem.W3",
        [op("read", to=E + 16)],
        "to",
        "read: to e16 does not exist; chip tiny has 16 streams per direction",
    ),
    ("mem.W3", [op("write", data=64)], "data", "write: data 64 does not fit; the field holds 0..63"),
    (
        "vxm.0",
        [op("add", dtype="int16", x=E + 1)],
        "x",
        "add: x e1 covers 2 streams; it must be a multiple of that",
    ),
    (
        "vxm.0",
        [op("convert", dtype="int8", result="fp32", x=E + 1, to=W + 2)],
        "to",
        "convert: to w2 covers 4 streams; it must be a multiple of that",
    ),
    (
        "mxm.0.weights",
        [op("lw", rows=2)],
        "rows",
        "lw: rows e2 covers 4 streams; it must be a multiple of that",
    ),
    (
        "sxm.W.distribute",
        [op("distribute", x=4)],
        "x",
        "distribute: x e4 covers 8 streams; it must be a multiple of that",
    ),
    (
        "sxm.W.transpose",
        [op("transpose", to=W + 6)],
        "to",
        "transpose: to w6 covers 4 streams; it must be a multiple of that",
    ),
    (
        "sxm.W.permute",
        [op("permute", map=3)],
        "map",
        "permute: map e3 covers 2 streams; it must be a multiple of that",
    ),
    (
        "sxm.W.rotate",
        [op("rotate", edge=4, to=1)],
        "to",
        "rotate: to e1 covers 16 streams and ends past the last, 15",
    ),
    (
        "sxm.W.rotate",
        [op("rotate", edge=4, x=13)],
        "x",
        "rotate: x e13 covers 4 streams and ends past the last, 15",
    ),
    (
        "mxm.0.accumulate",
        [op("acc", to=LATCH)],
        "to",
        "acc: to 64 means nothing; expected a stream or nothing (127)",
    ),
    (
        "vxm.0",
        [op("add", x=66)],
        "x",
        "add: x 66 means nothing; expected a stream or the latch (64) or an immediate (65)",
    ),
    (
        "vxm.0",
        [op("add", to=65)],
        "to",
        "add: to 65 means nothing; expected a stream or the latch (64) or nothing (127)",
    ),
    # types
    (
        "vxm.0",
        [op("and", dtype="fp32")],
        "dtype",
        "and: dtype is fp32; expected one of int8, uint8, int16, int32",
    ),
    (
        "mxm.0.activations",
        [op("abc", dtype="int16")],
        "dtype",
        "abc: dtype is int16; expected one of int8, uint8, fp16, bf16, fp8",
    ),
    (
        "mxm.1.activations",
        [op("abc", dtype="bf16")],
        "dtype",
        "abc: bf16 runs on two planes in tandem; dispatch it on the even one",
    ),
    ("vxm.1", [op("add", dtype="fp16")], "dtype", "add: fp16 needs a large ALU; vxm.1 is a small one"),
    ("vxm.1", [op("mul", dtype="int8")], "dtype", "mul: int8 needs a large ALU; vxm.1 is a small one"),
    # between operands
    (
        "vxm.0",
        [op("add", x=E + 1, y=W + 2)],
        "y",
        "add: e1 and w2 are one group of 4 streams in both directions; an ALU takes it from one",
    ),
    ("vxm.0", [op("add", to=E + 1, to2=E + 1)], "to2", "add: e1 is a target twice"),
    ("vxm.0", [op("add", to=LATCH, to3=LATCH)], "to3", "add: latch is a target twice"),
    (
        "vxm.0",
        [op("copy", x=LATCH, immediate=5)],
        "immediate",
        "copy: immediate 0x5 is given, but no operand is an immediate",
    ),
]


@pytest.mark.parametrize(("queue", "issues", "operand", "message"), BAD)
def test_one_broken_rule(queue: str, issues: list[Issue], operand: str, message: str) -> None:
    gap = op("nop", count=1)
    assert messages(queue, gap, *issues) == [(1, operand, message)]


READ = op("read", address=250, to=0)


@pytest.mark.parametrize(
    ("issues", "index", "operand", "message"),
    [
        ([op("repeat", interval=1)], 0, "", "repeat: there is nothing before it to repeat"),
        (
            [op("nop"), op("repeat", interval=1)],
            1,
            "",
            "repeat: nop cannot be repeated, only data instructions can",
        ),
        (
            [op("ifetch"), op("repeat", interval=1)],
            1,
            "",
            "repeat: ifetch cannot be repeated, only data instructions can",
        ),
        (
            [READ, op("repeat", count=0, interval=0)],
            1,
            "interval",
            "repeat: interval 0 is too short; it must be at least 1",
        ),
        (
            [READ, op("repeat", count=2, interval=3), op("repeat", interval=6)],
            2,
            "interval",
            "repeat: interval 6 is too short; it must be at least 7, "
            "more than the 6 cycles of the loops inside",
        ),
        (
            [READ, *[op("repeat", interval=1)] * 4],
            4,
            "",
            "repeat: at most 3 repeats may follow an instruction",
        ),
        (
            [READ, op("repeat", count=2, interval=1, stride=3)],
            0,
            "address",
            "read: address 0x0fa reaches 0x100 with its repeats, outside 0x000..0x0ff, the words of a slice",
        ),
        (
            [
                READ,
                op("repeat", count=2, interval=1, stride=-130),
                op("repeat", count=1, interval=9, stride=5),
            ],
            0,
            "address",
            "read: address 0x0fa reaches -0x0a with its repeats, outside 0x000..0x0ff, the words of a slice",
        ),
    ],
)
def test_repeats(issues: list[Issue], index: int, operand: str, message: str) -> None:
    assert messages("mem.E0", *issues) == [(index, operand, message)]


def test_opposite_strides_count_apart() -> None:
    loops = [op("repeat", count=5, interval=1, stride=1), op("repeat", count=1, interval=6, stride=-250)]
    assert messages("mem.E0", READ, *loops) == []


def test_both_addresses_of_a_read_write_move() -> None:
    both = op("read_write", address=0, data=0, to=32, store=250)
    assert [o for _, o, _ in messages("mem.E0", both, op("repeat", count=6, interval=1, stride=1))] == [
        "store"
    ]


def test_types_of_the_chip() -> None:
    machine = load_machine("tsp1")
    text = pack_text(ISA, [op("abc", dtype="bf16")])
    found = findings(Program(name="p", machine=machine, queues={"mxm.0.activations": text}))
    assert [f.message for f in found] == ["abc: planes of chip tsp1 take int8, uint8, fp16, not bf16"]


def test_reach_of_an_alu() -> None:
    machine = load_machine("tsp1")
    text = pack_text(ISA, [op("max", dtype="int8", x=0, y=16, to=0)])
    found = findings(Program(name="p", machine=machine, queues={"vxm.0": text}))
    reaches = "max: y e16 is out of reach; the row of vxm.0 reaches 0..3, 4..7, 8..11, 12..15"
    assert [f.message for f in found] == [reaches]


def test_unknown_queue() -> None:
    found = findings(program("mem.W9", op("iw")))
    assert [str(f) for f in found] == ["mem.W9: chip tiny has no such queue; did you mean 'mem.W7'?"]


def test_unknown_opcode() -> None:
    text = pack_text(ISA, [op("nop")])
    text = dataclasses.replace(text, opcodes=np.array([255], dtype=np.uint8))
    found = findings(Program(name="p", machine=MACHINE, queues={"mem.W0": text}))
    assert [str(f) for f in found] == ["mem.W0[0]: opcode 0xff is no instruction"]


@pytest.mark.parametrize(
    ("column", "array", "message"),
    [
        ("lines", np.zeros(2, dtype=np.int32), "column lines is int32 [2], expected int32 [1]"),
        ("origins", np.zeros(1, dtype=np.int64), "column origins is int64 [1], expected int32 [1]"),
        (
            "args",
            np.zeros((1, 3), dtype=np.int64),
            f"column args is int64 [1, 3], expected int64 [1, {ISA.widest}]",
        ),
    ],
)
def test_columns_of_the_wrong_form(column: str, array: np.ndarray[Any, Any], message: str) -> None:
    fields = {**vars(pack_text(ISA, [op("nop")])), column: array}
    found = findings(Program(name="p", machine=MACHINE, queues={"mem.W0": QueueText(**fields)}))
    assert [f.message for f in found] == [message]


def test_origins_name_operators() -> None:
    issues = [issue(ISA, "nop", origin=n) for n in (-2, -1, 0, 1)]
    text = pack_text(ISA, issues)
    operators = (Operator(name="conv", op_type="Conv"),)
    found = findings(Program(name="p", machine=MACHINE, queues={"mem.W0": text}, operators=operators))
    assert [(f.index, f.message) for f in found] == [
        (0, "origin -2 is no operator; the program has 1"),
        (3, "origin 1 is no operator; the program has 1"),
    ]


def test_lines_are_passed_on_and_findings_sorted() -> None:
    wrong = [
        issue(ISA, "read", to=16, line=7),
        issue(ISA, "nop", count=-1, line=8),
        issue(ISA, "read", address=999),
    ]
    found = findings(program("mem.W1", *wrong))
    assert [(f.queue, f.index, f.line) for f in found] == [
        ("mem.W1", 0, 7),
        ("mem.W1", 1, 8),
        ("mem.W1", 2, 0),
    ]
    assert str(found[1]) == "mem.W1[1] (line 8): nop: count -1 does not fit; the field holds 0..65535"


def test_one_error_lists_twenty_and_counts_all() -> None:
    with pytest.raises(ProgramError) as caught:
        require_valid(program("mem.W0", *[op("nop", count=-1)] * 31))
    lines = str(caught.value).split("\n  ")
    assert lines[0] == "program 'p' cannot run on chip tiny: 31 findings"
    assert lines[1] == "mem.W0[0]: nop: count -1 does not fit; the field holds 0..65535"
    assert (len(lines), lines[-1]) == (22, "... and 11 more")


def test_one_finding_is_singular() -> None:
    with pytest.raises(ProgramError, match="1 finding\n"):
        require_valid(program("mem.W0", op("nop", count=-1)))
    require_valid(program("mem.W0", op("nop", count=1)))


@pytest.mark.parametrize("seed", range(20))
def test_any_numbers_give_findings_and_no_other_exception(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 200
    spread = int(rng.choice([4, 80, 70000, 1 << 40]))
    text = QueueText(
        opcodes=rng.choice([i.opcode for i in ISA.instructions.values()] + [254], size=n).astype(np.uint8),
        args=rng.integers(-2, spread, size=(n, ISA.widest)),
        lines=np.arange(n, dtype=np.int32),
        origins=np.full(n, -1, dtype=np.int32),
    )
    queues = {str(name): text for name in rng.choice([q.name for q in MACHINE.queues], size=5, replace=False)}
    found = findings(Program(name="p", machine=MACHINE, queues=queues))
    assert found, f"seed {seed}"
    assert all(isinstance(f, Finding) and f.message for f in found), f"seed {seed}"


def test_a_large_program_is_checked_quickly() -> None:
    base = pack_text(ISA, [READ, op("repeat", count=1, interval=1, stride=5), op("nop", count=3)])
    text = QueueText(
        opcodes=np.tile(base.opcodes, 100_000),
        args=np.tile(base.args, (100_000, 1)),
        lines=np.tile(base.lines, 100_000),
        origins=np.tile(base.origins, 100_000),
    )
    assert findings(Program(name="p", machine=MACHINE, queues={"mem.W0": text})) == []


def test_a_program_without_text_has_no_findings() -> None:
    assert findings(Program(name="p", machine=MACHINE, queues={"mem.W0": pack_text(ISA, [])})) == []
