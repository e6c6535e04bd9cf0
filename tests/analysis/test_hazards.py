"""One small program for every kind of hazard, with all that is reported about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from lpu_emu.analysis import analyse
from lpu_emu.program.hazard import ADVICE, Hazard, Site
from lpu_emu.program.layout import Piece, TensorLayout
from lpu_emu.program.model import Binding, Program
from lpu_emu.program.text import Issue

from .builders import TINY, make, nop, program, repeat, section

X_W0, X_VXM = TINY.x_mem("W", 0), TINY.x_vxm(0)
LATCH, NOTHING = 64, 127
FP16, ADD = TINY.isa.kinds["dtype"].values.index("fp16"), 1
IMAGE = [section(f"{side}{i}") for side in "WE" for i in range(8)]

Queues = dict[str, Sequence[Issue]]
Case = tuple[Program, list[Hazard]]
CASES: dict[str, Callable[[], Case]] = {}


def case(build: Callable[[], Case]) -> Callable[[], Case]:
    """Enter a case; its name begins with the kind."""
    CASES[build.__name__] = build
    return build


def at(queue: str, index: int, cycle: int) -> Site:
    return Site(queue=queue, index=index, line=0, cycle=cycle)


def one(kind: str, resource: str, cycle: int, *sites: Site, count: int = 1) -> Hazard:
    first, second, *_ = [*sites, None, None]
    return Hazard(kind=kind, resource=resource, cycle=cycle, first=first, second=second, count=count)


def read(to: int, address: int = 0) -> Issue:
    return make("read", address=address, to=to)


def weighted(**queues: Sequence[Issue]) -> Queues:
    """Return the queues of plane 0, with weights installed and activations on w0 all the time."""
    every: Queues = {"mem.E0": [read(32), repeat(60)], "mxm.0.weights": [make("iw")]}
    return every | {f"mxm.0.{name}": text for name, text in queues.items()}


@case
def double_drive() -> Case:
    queues = {"mem.W1": [read(0), repeat(2)], "mem.W0": [nop(1), read(0), repeat(4)]}
    sites = (at("mem.W0", 1, 1), at("mem.W1", 0, 1))
    return program(queues, data=IMAGE), [one("double_drive", f"stream e0 at x={X_W0}", 2, *sites, count=2)]


@case
def undriven() -> Case:
    queues = {"vxm.0": [nop(2), make("add", x=2, y=5, to=0), repeat(3, 2)]}
    site = at("vxm.0", 1, 2)
    return program(queues), [one("undriven", f"stream e2 at x={X_VXM}", 2, site, count=4)]


@case
def unmet() -> Case:
    queues = {"mem.W0": [read(5), repeat(30)], "vxm.0": [nop(10), make("add", x=2, y=5, to=0), repeat(3, 2)]}
    site = at("vxm.0", 1, 10)
    return program(queues, data=IMAGE), [one("unmet", f"stream e2 at x={X_VXM}", 10, site, count=4)]


@case
def overwritten() -> Case:
    queues = {"mem.W4": [read(0), repeat(3)], "mem.W0": [nop(1), read(0), repeat(1, 2)]}
    sites = (at("mem.W4", 0, 0), at("mem.W0", 1, 1))
    return program(queues, data=IMAGE), [one("overwritten", f"stream e0 at x={X_W0}", 2, *sites, count=2)]


@case
def bank_conflict() -> Case:
    queues = {
        "mem.W4": [read(0), repeat(9)],
        "mem.W0": [nop(4), make("write", address=7, data=0), read(1, 8), read(1)],
    }
    sites = (at("mem.W0", 1, 4), at("mem.W0", 2, 5))
    return program(queues, data=IMAGE), [one("bank_conflict", "bank W0.0", 5, *sites)]


@case
def unwritten_read() -> Case:
    queues = {"mem.W0": [make("read", address=7, to=0), repeat(4, 1, 1)]}
    found = [one("unwritten_read", "word W0:0x00a", 3, at("mem.W0", 0, 3), count=2)]
    return program(queues, data=[section("W0", words=10)]), found


@case
def unwritten_read_of_a_region() -> Case:
    queues = {
        "mem.W4": [read(0), repeat(9)],
        "mem.W0": [nop(4), make("gather", map=0, base=5, limit=12, to=1), repeat(2)],
    }
    data = [section("W4"), section("W0", 4, 5)]
    return program(queues, data=data), [
        one("unwritten_read", "word W0:0x009", 5, at("mem.W0", 1, 4), count=3)
    ]


@case
def unwritten_output() -> Case:
    pieces = tuple(
        Piece(block=0, byte_plane=0, first_row=i, rows=1, slice="W0", address=8 + i) for i in range(4)
    )
    layout = TensorLayout(shape=(4, 8), element_bytes=1, pieces=pieces)
    binding = Binding(name="y", kind="output", dtype="uint8", layout=layout)
    made = program({"vxm.0": [nop(1)]}, data=[section("W0", words=10)], bindings=[binding])
    return made, [one("unwritten_output", "output y", 1 + TINY.chip.superlanes, count=2)]


@case
def no_weights() -> Case:
    queues = weighted(activations=[nop(20), make("abc", x=32), repeat(1, 3)], weights=[nop(22), make("iw")])
    queues["mxm.0.accumulate"] = [nop(24), make("acc", row=0, to=NOTHING), repeat(1, 3)]
    return program(queues, data=IMAGE), [one("no_weights", "plane 0", 20, at("mxm.0.activations", 1, 20))]


@case
def install_busy() -> Case:
    stream = make("iw_stream", rows=36, row_group=0)
    queues = weighted(
        activations=[nop(20), make("abc", x=32), repeat(3)], weights=[nop(17), make("iw"), nop(2), stream]
    )
    queues["mxm.0.accumulate"] = [nop(24), make("acc", row=0, to=NOTHING), repeat(3)]
    queues |= {f"mem.E{i}": [read(35 + i), repeat(60)] for i in range(1, 5)}
    sites = (at("mxm.0.weights", 3, 20), at("mxm.0.activations", 1, 20))
    return program(queues, data=IMAGE), [one("install_busy", "plane 0", 20, *sites, count=3)]


@case
def load_in_flight() -> Case:
    load = make("lw", rows=36, row_group=0)
    queues: Queues = {f"mem.E{i}": [read(35 + i), repeat(60)] for i in range(1, 5)}
    queues["mxm.1.weights"] = [nop(20), load, nop(1), make("iw"), make("iw")]
    sites = (at("mxm.1.weights", 1, 20), at("mxm.1.weights", 3, 22))
    return program(queues, data=IMAGE), [one("load_in_flight", "plane 1", 22, *sites)]


@case
def plane_busy() -> Case:
    issue = make("abc", dtype=FP16, x=32)
    queues = weighted(activations=[nop(20), issue, nop(1), issue, issue])
    queues |= {"mem.E1": [read(33), repeat(60)], "mxm.1.weights": [make("iw")]}
    acc = make("acc", row=0, to=NOTHING)
    queues["mxm.0.accumulate"] = [nop(24), acc, nop(1), acc, acc]
    sites = (at("mxm.0.activations", 3, 22), at("mxm.0.activations", 4, 23))
    return program(queues, data=IMAGE), [one("plane_busy", "plane 0", 23, *sites, count=2)]


@case
def no_product() -> Case:
    acc = make("acc", row=0, to=NOTHING)
    queues = weighted(activations=[nop(20), make("abc", x=32)], accumulate=[nop(23), acc, repeat(2)])
    site = at("mxm.0.accumulate", 1, 23)
    return program(queues, data=IMAGE), [one("no_product", "plane 0", 23, site, count=2)]


@case
def lost_product() -> Case:
    acc = make("acc", row=0, to=NOTHING)
    queues = weighted(activations=[nop(20), make("abc", x=32), repeat(2)], accumulate=[nop(25), acc])
    site = at("mxm.0.activations", 1, 20)
    return program(queues, data=IMAGE), [one("lost_product", "plane 0", 24, site, count=2)]


@case
def row_unset() -> Case:
    acc = make("acc", row=3, mode=ADD, to=NOTHING)
    queues = weighted(
        activations=[nop(20), make("abc", x=32), repeat(3)], accumulate=[nop(24), acc, repeat(3, 1, 1)]
    )
    queues["mxm.0.accumulate"] = [*queues["mxm.0.accumulate"], make("acc_read", row=2, to=0)]
    rows = [
        one("row_unset", "plane 0 row 3", 24, at("mxm.0.accumulate", 1, 24), count=4),
        one("row_unset", "plane 0 row 2", 28, at("mxm.0.accumulate", 3, 28)),
    ]
    return program(queues, data=IMAGE), rows


@case
def latch_unset() -> Case:
    fill = make("copy", x=65, to=LATCH)
    queues = {"vxm.0": [nop(1), fill, make("copy", x=LATCH), repeat(5)]}
    return program(queues), [one("latch_unset", "vxm.0 latch", 2, at("vxm.0", 2, 2), count=2)]


@case
def link_busy() -> Case:
    queues = {
        "mem.W0": [read(32), repeat(30)],
        "c2c.W.0": [
            nop(10),
            make("send", data=32, link=1),
            repeat(2, 3),
            nop(1),
            make("send", data=32, link=0),
        ],
    }
    site = at("c2c.W.0", 1, 10), at("c2c.W.0", 1, 13)
    return program(queues, data=IMAGE), [one("link_busy", "link W1", 13, *site, count=2)]


@case
def receive_empty() -> Case:
    queues = {
        "mem.W0": [read(32), repeat(30)],
        "c2c.W.0": [nop(10), make("send", data=32, link=1), repeat(1, 4)],
        "c2c.E.0": [nop(29), make("receive", link=0, to=32), repeat(2, 5)],
    }
    made = program(queues, data=IMAGE, wires=[("W1", "E0")])
    return made, [one("receive_empty", "link E0", 29, at("c2c.E.0", 1, 29), count=2)]


@case
def never_notified() -> Case:
    queues = {"vxm.0": [nop(9), make("sync")], "vxm.1": [make("notify")]}
    return program(queues), [one("never_notified", "vxm.0", 9, at("vxm.0", 1, 9))]


@pytest.mark.parametrize("name", CASES)
def test_what_is_reported(name: str) -> None:
    made, expected = CASES[name]()
    assert list(analyse(made).hazards) == expected


def test_every_kind_has_a_case() -> None:
    """A row is complete in the cycle after its ``acc`` on every bundled chip: none is used too early."""
    assert {hazard.kind for build in CASES.values() for hazard in build()[1]} == set(ADVICE) - {
        "row_incomplete"
    }


def test_each_output_without_words_is_named() -> None:
    pieces = (Piece(block=0, byte_plane=0, first_row=0, rows=1, slice="W0", address=3),)
    layout = TensorLayout(shape=(1, 8), element_bytes=1, pieces=pieces)
    outputs = [Binding(name=name, kind="output", dtype="uint8", layout=layout) for name in ("z", "y")]
    found = analyse(program({"vxm.0": [nop(1)]}, bindings=outputs)).hazards
    assert [(hazard.resource, hazard.count) for hazard in found] == [("output y", 1), ("output z", 1)]
