"""Program to canonical text, which assembles to an equal program."""

from __future__ import annotations

from collections.abc import Iterator

from lpu_emu.asm.listing import queue_lines
from lpu_emu.asm.tokens import COMMENT, quoted
from lpu_emu.program.layout import Piece, TensorLayout
from lpu_emu.program.model import Binding, DataSection, Operator, Program
from lpu_emu.spec.chip import chip_names, load_chip

MOST_DECIMAL_VALUES = 64


def disassemble(program: Program) -> str:
    """Return a program as text.

    The text of a program without findings assembles to an equal program (its lines are those of the text),
    and that one disassembles to the same text. What has no text form, such as an unknown opcode, is written
    so that the assembler refuses it.
    """
    return "\n".join([*_head(program), *_image(program), *_queues(program)]) + "\n"


def _head(program: Program) -> Iterator[str]:
    chip = program.machine.chip
    bundled = chip.name in chip_names() and load_chip(chip.name).digest == chip.digest
    note = "" if bundled else f"  {COMMENT} not a bundled chip: give its file to the assembler"
    yield f".chip {quoted(chip.name)}{note}"
    yield f".program {quoted(program.name)}"
    for key, value in program.attributes.items():
        yield f".attribute {quoted(key)} {quoted(value)}"
    for first, second in program.wires:
        yield f".wire {quoted(first)} {quoted(second)}"
    yield from (_operator(operator) for operator in program.operators)


def _operator(operator: Operator) -> str:
    macs = f" macs {operator.macs}" if operator.macs else ""
    ideal = f" ideal {operator.ideal_cycles}" if operator.ideal_cycles else ""
    return f".operator {quoted(operator.name)} {quoted(operator.op_type)}{macs}{ideal}"


def _image(program: Program) -> Iterator[str]:
    if program.bindings:
        yield ""
    for binding in program.bindings:
        yield from _binding(binding, program.machine.chip.lanes)
    for section in program.data:
        yield ""
        yield from _data(section)


def _queues(program: Program) -> Iterator[str]:
    for name, text in program.queues.items():
        yield ""
        yield f".queue {quoted(name)}"
        yield from queue_lines(program, text)


# Tensors


def _step(step: int) -> str:
    return f" step {step}" if step != 1 else ""


def _place(slice_name: str, address: int) -> str:
    return f"{quoted(slice_name)}:{address:#05x}"


def _binding(binding: Binding, lanes: int) -> Iterator[str]:
    layout = binding.layout
    head = f".{binding.kind} {quoted(binding.name)} {binding.dtype} {_list(layout.shape)}"
    head += f" dims {_list(layout.dims)}" if layout.dims else ""
    head += f" order {_list(layout.order)}" if layout.order else ""
    head += f" columns {layout.column_axes}" if layout.column_axes != 1 else ""
    head += f" pad {layout.pad}" if layout.pad else ""
    if _is_plain(layout, lanes):
        yield f"{head} at {_plain_places(layout)}"
        return
    yield head
    yield from (_piece(piece) for piece in layout.pieces)


def _list(numbers: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, numbers))}]"


def _piece(piece: Piece) -> str:
    rows = f"block {piece.block} plane {piece.byte_plane} row {piece.first_row} count {piece.rows}"
    return f".piece {rows} at {_place(piece.slice, piece.address)}{_step(piece.step)}"


def _is_plain(layout: TensorLayout, lanes: int) -> bool:
    """Whether each byte plane of each block is one piece, in order and with one step."""
    if not layout.pieces:
        return False
    step = layout.pieces[0].step
    form = [(p.block, p.byte_plane, p.first_row, p.rows, p.step) for p in layout.pieces]
    blocks, planes = range(layout.blocks(lanes)), range(layout.element_bytes)
    return form == [(block, plane, 0, layout.rows, step) for block in blocks for plane in planes]


def _plain_places(layout: TensorLayout) -> str:
    places = [_place(piece.slice, piece.address) for piece in layout.pieces]
    planes = layout.element_bytes
    blocks = [" ".join(places[i : i + planes]) for i in range(0, len(places), planes)]
    return " | ".join(blocks) + _step(layout.pieces[0].step)


def _data(section: DataSection) -> Iterator[str]:
    rows, lanes = section.words.shape
    place = f"{_place(section.slice, section.address)}{_step(section.step)}"
    if 0 < section.words.size <= MOST_DECIMAL_VALUES:
        yield f".data {quoted(section.name)} uint8 [{rows}, {lanes}] at {place} ="
        yield from ("    " + " ".join(map(str, word)) for word in section.words.tolist())
        return
    yield f".words {quoted(section.name)} at {place}"
    digits = section.words.tobytes().hex()
    yield from ("    " + digits[i : i + 2 * lanes] for i in range(0, 2 * lanes * rows, 2 * lanes))
