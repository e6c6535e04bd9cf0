"""How every instruction is written, worked out from its layout: no mnemonic and no operand is listed here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lpu_emu.asm.problems import Wrong
from lpu_emu.asm.tokens import integer, shown
from lpu_emu.spec.forms import text_form
from lpu_emu.spec.isa import Instruction, Isa, Operand, OperandKind
from lpu_emu.spec.machine import IMMEDIATE, LATCH, NOTHING, WEST_STREAM, stream_name

LATCH_WORD = "latch"
NOTHING_WORD = "_"
IMMEDIATE_MARK = "#"
IMMEDIATE_BITS = 32

STREAMS: Mapping[str, int] = {stream_name(n): n for n in range(2 * WEST_STREAM)}
_WORDS: Mapping[str, Mapping[str, int]] = {
    "stream": STREAMS,
    "source": {**STREAMS, LATCH_WORD: LATCH},
    "target": {**STREAMS, LATCH_WORD: LATCH, NOTHING_WORD: NOTHING},
}
_EXPECTED = {
    "stream": f"a stream (e0..e{WEST_STREAM - 1}, w0..w{WEST_STREAM - 1})",
    "source": f"a stream, {LATCH_WORD} or {IMMEDIATE_MARK}value",
    "target": f"a stream, {LATCH_WORD} or {NOTHING_WORD}",
}
_HEX_KINDS = ("address", "lane_mask", "bypass")


@dataclass(frozen=True, kw_only=True)
class Slot:
    """An operand beside the arrow: its argument column, and the function that reads it.

    ``immediate`` is the column of the type whose ``#value`` the operand may be, -1 if it may be none.
    """

    column: int
    operand: Operand
    read: Callable[[str], int]
    immediate: int = -1


@dataclass(frozen=True, kw_only=True)
class Suffix:
    """An operand that is part of the mnemonic: its argument column and its names."""

    column: int
    operand: Operand
    names: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Syntax:
    """Text form of an instruction. ``blank`` is its row of arguments before anything is read."""

    instruction: Instruction
    suffixes: tuple[Suffix, ...]
    sources: tuple[Slot, ...]
    results: tuple[Slot, ...]
    required_results: int
    immediate: int
    blank: tuple[int, ...]

    @property
    def form(self) -> str:
        """The text form in one line, for hints."""
        return text_form(self.instruction)


def syntaxes(isa: Isa) -> Mapping[str, Syntax]:
    """Return the text form of every instruction by mnemonic."""
    return {mnemonic: _syntax(isa, i) for mnemonic, i in isa.instructions.items()}


def _syntax(isa: Isa, instruction: Instruction) -> Syntax:
    slots: dict[str, list[Slot]] = {"in": [], "out": []}
    suffixes = []
    immediate = -1
    for column, operand in enumerate(instruction.operands):
        if operand.role == "mod":
            names = {name: value for value, name in enumerate(operand.kind.values)}
            suffixes.append(Suffix(column=column, operand=operand, names=names))
        elif operand.role == "hidden":
            immediate = column
        else:
            slots[operand.role].append(_slot(instruction, column, operand))
    blank = [NOTHING if o.kind.text == "target" else 0 for o in instruction.operands]
    return Syntax(
        instruction=instruction,
        suffixes=tuple(suffixes),
        sources=tuple(slots["in"]),
        results=tuple(slots["out"]),
        required_results=sum(slot.operand.kind.text != "target" for slot in slots["out"]),
        immediate=immediate,
        blank=(*blank, *[0] * (isa.widest - len(blank))),
    )


def _slot(instruction: Instruction, column: int, operand: Operand) -> Slot:
    typed = operand.kind.text == "source" and operand.group in instruction.layout.index
    return Slot(
        column=column,
        operand=operand,
        read=_reader(operand),
        immediate=instruction.operand_index(operand.group) if typed else -1,
    )


def _reader(operand: Operand) -> Callable[[str], int]:
    words = _WORDS.get(operand.kind.text)
    if words is None:
        return _number_reader(operand)
    look_up, expected = words.get, f"{operand.name}: expected {_EXPECTED[operand.kind.text]}"

    def read(token: str) -> int:
        value = look_up(token)
        if value is None:
            raise Wrong(f"{expected}, {got(token)}")
        return value

    return read


def _number_reader(operand: Operand) -> Callable[[str], int]:
    low, high = operand.kind.minimum, operand.kind.maximum

    def read(token: str) -> int:
        value = integer(token)
        if value is None:
            raise Wrong(f"{operand.name}: expected a number, {got(token)}")
        if not low <= value <= high:
            raise Wrong(f"{operand.name}: {token} is out of range; it must be {low}..{high}")
        return value

    return read


def got(token: str) -> str:
    """Return the end of a message about what stands where something else was expected."""
    return f"got {shown(token)}" if token else "but the line ends"


# Writing


def operand_text(kind: OperandKind, value: int) -> str:
    """Return an operand as text; values without meaning give a number that the assembler refuses."""
    if kind.text == "enum":
        return kind.values[value] if 0 <= value < len(kind.values) else str(value)
    if kind.text in _WORDS:
        return _NAMES[kind.text].get(value, str(value))
    return f"{value:#05x}" if kind.name in _HEX_KINDS else str(value)


_NAMES = {text: {value: word for word, value in words.items()} for text, words in _WORDS.items()}


def is_immediate(slot: Slot, value: int) -> bool:
    """Whether an argument says that the operand is the instruction's immediate."""
    return slot.immediate >= 0 and value == IMMEDIATE
