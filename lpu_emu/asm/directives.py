"""Directives: the lines that begin with a dot."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lpu_emu.asm.cursor import Cursor
from lpu_emu.asm.data import read_data, read_words
from lpu_emu.asm.draft import Draft, OpenBinding
from lpu_emu.asm.problems import Problem
from lpu_emu.asm.tensors import LARGEST_SIZE, pieces, placed_run, tensor
from lpu_emu.asm.tokens import integer, shown
from lpu_emu.program.layout import Piece
from lpu_emu.program.model import Operator

OPERATOR_NONE = "none"
_INSIDE_QUEUES = (".op",)


def directive(draft: Draft, tokens: list[str], line: int) -> None:
    """Read a directive line.

    Raises:
        Problem: something in it is wrong.
    """
    name = tokens[0]
    read = DIRECTIVES.get(name)
    if name not in _INSIDE_QUEUES:
        draft.builder = None
    if read is None:
        near = draft.problems.near(name, DIRECTIVES)
        raise Problem(0, f"no directive {shown(name)}{near}", f"there are {', '.join(DIRECTIVES)}")
    cursor = Cursor(tokens, line)
    cursor.take()
    read(draft, cursor)


def _chip(draft: Draft, cursor: Cursor) -> None:
    """The chip was chosen before the first line was read; here only the form counts."""
    cursor.name("the name of a chip, or the path of a chip file")
    cursor.end()


def _program(draft: Draft, cursor: Cursor) -> None:
    draft.name = cursor.name("the name of the program")
    cursor.end()


def _attribute(draft: Draft, cursor: Cursor) -> None:
    key = cursor.name("the name of an attribute")
    draft.attributes[key] = cursor.name("its value")
    cursor.end()


def _wire(draft: Draft, cursor: Cursor) -> None:
    spot = draft.problems.spot(cursor.line, cursor.at)
    wire = (cursor.name("the link that sends"), cursor.name("the link that receives"))
    cursor.end()
    draft.wires.append(wire)
    draft.spots["wires"].append(spot)


def _operator(draft: Draft, cursor: Cursor) -> None:
    name, op_type = cursor.name("the name of an operator"), cursor.name("its type")
    macs = cursor.number("macs") if cursor.accept("macs") else 0
    ideal = cursor.number("ideal cycles") if cursor.accept("ideal") else 0
    cursor.end()
    draft.operators.append(Operator(name=name, op_type=op_type, macs=macs, ideal_cycles=ideal))


def _op(draft: Draft, cursor: Cursor) -> None:
    if cursor.accept(OPERATOR_NONE):
        draft.origin = -1
        cursor.end()
        return
    number = integer(cursor.token)
    names = [operator.name for operator in draft.operators]
    if number is None:
        name = cursor.name(f"the number or name of an operator, or {OPERATOR_NONE}")
        matching = [i for i, other in enumerate(names) if other == name]
        if len(matching) != 1:
            raise Problem(cursor.at - 1, f"{len(matching)} operators are called {shown(name)}")
        number = matching[0]
    elif not 0 <= number < len(names):
        raise cursor.problem(f"no operator {cursor.token}; {len(names)} are defined above")
    else:
        cursor.take()
    draft.origin = number
    cursor.end()


def _queue(draft: Draft, cursor: Cursor) -> None:
    at = cursor.at
    name = cursor.name("the name of a queue")
    draft.open_queue(name)
    known = draft.machine.queue_by_name
    if name not in known:
        near = draft.problems.near(name, known)
        raise Problem(at, f"chip {draft.machine.chip.name} has no queue {shown(name)}{near}")
    cursor.end()


def _binding(kind: str) -> Callable[[Draft, Cursor], None]:
    def read(draft: Draft, cursor: Cursor) -> None:
        spot = draft.problems.spot(cursor.line, cursor.at)
        item = tensor(draft, cursor)
        placed = pieces(draft, cursor, item) if cursor.accept("at") else []
        cursor.end()
        binding = OpenBinding(
            name=item.name, kind=kind, dtype=item.dtype, layout=item.layout, pieces=[p for p, _ in placed]
        )
        draft.bindings.append(binding)
        draft.spots["bindings"].append(spot)

    return read


def _piece(draft: Draft, cursor: Cursor) -> None:
    if not draft.bindings:
        raise Problem(0, "a piece belongs to the .input or .output before it, and there is none")
    cursor.expect("block")
    block = cursor.number("the block", 0, LARGEST_SIZE)
    cursor.expect("plane")
    plane = cursor.number("the byte plane", 0, 3)
    cursor.expect("row")
    first = cursor.number("the first row", 0, LARGEST_SIZE)
    cursor.expect("count")
    rows = cursor.number("the number of rows", 1, LARGEST_SIZE)
    cursor.expect("at")
    at, distance = placed_run(draft, cursor, rows)
    cursor.end()
    draft.bindings[-1].pieces.append(
        Piece(
            block=block,
            byte_plane=plane,
            first_row=first,
            rows=rows,
            slice=at.slice,
            address=at.address,
            step=distance,
        )
    )


DIRECTIVES: Mapping[str, Callable[[Draft, Cursor], None]] = {
    ".chip": _chip,
    ".program": _program,
    ".attribute": _attribute,
    ".wire": _wire,
    ".operator": _operator,
    ".data": read_data,
    ".words": read_words,
    ".input": _binding("input"),
    ".output": _binding("output"),
    ".piece": _piece,
    ".queue": _queue,
    ".op": _op,
}
