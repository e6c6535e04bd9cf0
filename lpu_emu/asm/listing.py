"""Queue text to instruction lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from lpu_emu.asm.clock import Advance, QueueClock, advances
from lpu_emu.asm.directives import OPERATOR_NONE
from lpu_emu.asm.syntax import IMMEDIATE_MARK, Slot, Syntax, is_immediate, operand_text, syntaxes
from lpu_emu.asm.tokens import COMMENT, quoted
from lpu_emu.asm.values import value_text
from lpu_emu.program.model import Program
from lpu_emu.program.text import QueueText
from lpu_emu.spec.isa import Isa
from lpu_emu.spec.machine import NOTHING

COMMENT_COLUMN = 44
_ROWS_AT_ONCE = 65536

Write = Callable[[Sequence[int]], str]


def writers(isa: Isa) -> Mapping[int, Write]:
    """Return by opcode the function that writes an instruction from its arguments."""
    return {s.instruction.opcode: _writer(s) for s in syntaxes(isa).values()}


def _writer(syntax: Syntax) -> Write:
    suffixes = [(s.column, s.operand.kind) for s in syntax.suffixes]
    mnemonic = syntax.instruction.mnemonic

    def write(args: Sequence[int]) -> str:
        text = mnemonic
        for column, kind in suffixes:
            text += f".{operand_text(kind, args[column])}"
        if syntax.sources:
            text += " " + ", ".join([_operand(syntax, slot, args) for slot in syntax.sources])
        if syntax.results:
            results = _results(syntax, args)
            if results:
                text += " -> " + ", ".join(results)
        return text

    return write


def _operand(syntax: Syntax, slot: Slot, args: Sequence[int]) -> str:
    value = args[slot.column]
    if is_immediate(slot, value):
        names = syntax.instruction.operands[slot.immediate].kind.values
        dtype = args[slot.immediate]
        bits = args[syntax.immediate]
        return IMMEDIATE_MARK + (value_text(bits, names[dtype]) if 0 <= dtype < len(names) else f"{bits:#x}")
    return operand_text(slot.operand.kind, value)


def _results(syntax: Syntax, args: Sequence[int]) -> list[str]:
    """Return the results as text, without the optional ones at the end that are nothing."""
    count = len(syntax.results)
    while count > syntax.required_results and args[syntax.results[count - 1].column] == NOTHING:
        count -= 1
    return [_operand(syntax, slot, args) for slot in syntax.results[:count]]


def queue_lines(program: Program, text: QueueText) -> Iterator[str]:
    """Yield the lines of a queue, each instruction with the cycle of its dispatch as a comment."""
    isa = program.machine.isa
    write, kinds = writers(isa), advances(isa)
    clock = QueueClock(program.machine)
    origin = -1
    for first in range(0, len(text), _ROWS_AT_ONCE):
        rows = slice(first, first + _ROWS_AT_ONCE)
        columns = (text.opcodes[rows].tolist(), text.args[rows].tolist(), text.origins[rows].tolist())
        for opcode, args, new_origin in zip(*columns, strict=True):
            if new_origin != origin:
                origin = new_origin
                yield _op_line(program, origin)
            writer = write.get(opcode)
            if writer is None:
                yield f"    <opcode {opcode:#04x}>"
                continue
            if kinds[opcode] is Advance.LOOP:
                yield "    " + writer(args)
            else:
                sign = "+" if clock.released else ""
                yield f"{'    ' + writer(args):<{COMMENT_COLUMN}}{COMMENT} {sign}{clock.cycle}"
            clock.step(opcode, args)


def _op_line(program: Program, origin: int) -> str:
    if not 0 <= origin < len(program.operators):
        return f".op {OPERATOR_NONE if origin == -1 else origin}"
    return f"{f'.op {origin}':<{COMMENT_COLUMN}}{COMMENT} {quoted(program.operators[origin].name)}"
