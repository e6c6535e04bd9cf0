"""Small programs whose figures can be counted by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lpu_emu.program.layout import Piece, TensorLayout
from lpu_emu.program.model import Binding, Operator, Program
from lpu_emu.program.text import Issue, issue, pack_text
from lpu_emu.spec.machine import Machine, load_machine

ROWS = 64
EAST_0, EAST_1 = 0, 1
WEST_0, WEST_8 = 32, 40


def program(
    machine: Machine,
    name: str,
    queues: Mapping[str, Sequence[Issue]],
    bindings: Sequence[Binding] = (),
    operators: Sequence[Operator] = (),
) -> Program:
    """Put queues into the machine's order and pack them."""
    texts = {q.name: pack_text(machine.isa, queues[q.name]) for q in machine.queues if q.name in queues}
    return Program(
        name=name, machine=machine, queues=texts, bindings=tuple(bindings), operators=tuple(operators)
    )


def tensor(name: str, kind: str, slice_name: str, rows: int, lanes: int, address: int = 0) -> Binding:
    """A binding of int8 [rows, lanes] in one slice."""
    piece = Piece(block=0, byte_plane=0, first_row=0, rows=rows, slice=slice_name, address=address)
    layout = TensorLayout(shape=(rows, lanes), element_bytes=1, pieces=(piece,))
    return Binding(name=name, kind=kind, dtype="int8", layout=layout)


def at(machine: Machine, cycle: int, *issues: Issue) -> list[Issue]:
    """Begin a queue in some cycle."""
    return ([issue(machine.isa, "nop", count=cycle)] if cycle else []) + list(issues)


def again(machine: Machine, count: int, interval: int = 1, stride: int = 1) -> Issue:
    """Repeat the instruction before."""
    return issue(machine.isa, "repeat", count=count, interval=interval, stride=stride)


def vector_add(late: int = 0, operators: bool = False) -> Program:
    """64 rows of int8 on tsp1: a from W0, b from W4 (``late`` cycles late), the sum to E0.

    W4 stands at 18, W0 at 19, the ALU samples at 20 and drives at 21, E0 is at 28. So reads of b begin in 0,
    of a in 1, additions in 3 and writes in 3 + 3 + 7 = 13.
    """
    machine = load_machine("tsp1")
    isa, loop = machine.isa, again(machine, ROWS - 1)
    add, store = (0, 1) if operators else (-1, -1)
    queues = {
        "mem.W0": at(machine, 1, issue(isa, "read", address=0, to=EAST_0, origin=add), loop),
        "mem.W4": at(machine, late, issue(isa, "read", address=0, to=EAST_1, origin=add), loop),
        "vxm.0": at(
            machine, 3, issue(isa, "add", overflow=1, x=EAST_0, y=EAST_1, to=EAST_1, origin=add), loop
        ),
        "mem.E0": at(machine, 13, issue(isa, "write", data=EAST_1, address=0, origin=store), loop),
    }
    named = (
        Operator(name="sum", op_type="Add"),
        Operator(name="store", op_type="Identity"),
        Operator(name="folded", op_type="Reshape"),
    )
    bindings = [
        tensor("a", "input", "W0", ROWS, 320),
        tensor("b", "input", "W4", ROWS, 320),
        tensor("y", "output", "E0", ROWS, 320),
    ]
    return program(machine, "vector_add", queues, bindings, named if operators else ())


def product(rows: int = 10) -> Program:
    """``rows`` int8 activations against one group of four weight rows on plane 0 of tiny.

    Weights leave W4 to W7 in cycle 0, arrive at position 0 in 1 + 4 = 5, land in 8 and are installed in 8;
    activations pass from 9 on, products reach the accumulators from 13 on and leave for nowhere.
    """
    machine = load_machine("tiny")
    isa = machine.isa
    weights, dense = 0, 1
    queues: dict[str, list[Issue]] = {
        f"mem.W{4 + i}": [issue(isa, "read", address=0, to=WEST_0 + i, origin=weights)] for i in range(4)
    }
    queues["mem.W0"] = at(
        machine, 3, issue(isa, "read", address=0, to=WEST_8, origin=dense), again(machine, rows - 1)
    )
    queues["mxm.0.weights"] = at(
        machine,
        5,
        issue(isa, "lw", rows=WEST_0, row_group=0, origin=weights),
        issue(isa, "nop", count=2),
        issue(isa, "iw", origin=weights),
    )
    queues["mxm.0.activations"] = at(
        machine, 9, issue(isa, "abc", x=WEST_8, origin=dense), again(machine, rows - 1, stride=0)
    )
    queues["mxm.0.accumulate"] = at(
        machine, 13, issue(isa, "acc", row=0, origin=dense), again(machine, rows - 1, stride=0)
    )
    bindings = [
        *(tensor(f"w{i}", "input", f"W{4 + i}", 1, 8) for i in range(4)),
        tensor("x", "input", "W0", rows, 8),
    ]
    operators = [
        Operator(name="load", op_type="Constant"),
        Operator(name="dense", op_type="Gemm", macs=rows * 8 * 4, ideal_cycles=rows),
    ]
    return program(machine, "product", queues, bindings, operators)
