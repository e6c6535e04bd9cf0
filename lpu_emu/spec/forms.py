"""How an instruction is written and encoded, derived from its layout: text form, operands, drawing."""

from __future__ import annotations

from lpu_emu.spec.isa import Instruction, Operand, OperandKind
from lpu_emu.spec.machine import IMMEDIATE, LATCH, NOTHING

WORD_BITS = 32
_GROUPS = {
    "dtype": "as many streams as the type has bytes",
    "result": "as many streams as the result type has bytes",
    "width": "1, 2 or 4 streams by `width`",
    "lanes": "as many streams as a superlane has lanes",
    "weights": "as many streams as a load has rows",
    "edge": "n streams",
    "edge2": "n * n streams",
}


def text_form(instruction: Instruction) -> str:
    """Return the assembly syntax: mnemonic, suffixes, sources, arrow, results; optional parts in brackets."""
    by_role: dict[str, list[Operand]] = {"mod": [], "in": [], "out": [], "hidden": []}
    for operand in instruction.operands:
        by_role[operand.role].append(operand)
    head = ".".join([instruction.mnemonic, *(f"<{operand.name}>" for operand in by_role["mod"])])
    sources = ", ".join(operand.name for operand in by_role["in"])
    return head + (f" {sources}" if sources else "") + _results(by_role["out"])


def _results(operands: list[Operand]) -> str:
    fixed = [operand.name for operand in operands if operand.kind.text != "target"]
    optional = [operand.name for operand in operands if operand.kind.text == "target"]
    if fixed:
        return f" -> {', '.join(fixed)}"
    if not optional:
        return ""
    return f" [-> {'[, '.join(optional)}{']' * len(optional)}"


def value_range(kind: OperandKind) -> str:
    """Return what a field of a kind can say."""
    streams = "e0..e31, w0..w31"
    by_text = {
        "stream": streams,
        "source": f"{streams}, latch, #value",
        "target": f"{streams}, latch, or left out",
        "enum": ", ".join(kind.values),
        "immediate": f"{kind.bits} bits",
    }
    return by_text.get(kind.text, f"{kind.minimum}..{kind.maximum}")


def field_codes(kind: OperandKind) -> str:
    """Return how the values of a kind are encoded."""
    streams = "eastward n is n, westward n is 32 + n"
    by_text = {
        "stream": streams,
        "source": f"{streams}, latch is {LATCH}, #value is {IMMEDIATE}",
        "target": f"{streams}, latch is {LATCH}, left out is {NOTHING}",
        "enum": ", ".join(f"{name} is {code}" for code, name in enumerate(kind.values)),
    }
    return by_text.get(kind.text, "two's complement" if kind.signed else "unsigned")


def operand_meaning(operand: Operand) -> str:
    """Return what an operand of a layout is, with the streams it covers and how it moves."""
    parts = [operand.meaning]
    if operand.group:
        count = "one stream" if operand.group == "1" else f"{operand.group} streams"
        parts.append(f"Covers {_GROUPS.get(operand.group, count)}.")
    if operand.skew != "skew":
        parts.append(f"Sampled at `{operand.skew}`.")
    if operand.strided:
        parts.append("Moves by the strides of repeats.")
    return " ".join(parts)


def operand_rows(instruction: Instruction) -> list[tuple[str, str, str, str, str, str]]:
    """Return name, role, kind, bits, range and meaning of every operand."""
    return [
        (
            f"`{operand.name}`",
            operand.role,
            operand.kind.name,
            _bit_span(operand.first_bit, operand.width_bits),
            value_range(operand.kind),
            operand_meaning(operand),
        )
        for operand in instruction.operands
    ]


def encoding_picture(instruction: Instruction, opcode: str = "") -> list[str]:
    """Return the lines of a drawing of the instruction's bits, one box of 32 bits per word, high bits left.

    ``opcode`` is written in place of the instruction's own opcode.
    """
    lines: list[str] = []
    bits = instruction.layout.size_bytes * 8
    fields = _fields(instruction, opcode or f"{instruction.opcode:#04x}")
    for first in range(0, bits, WORD_BITS):
        word = [(low, high, name) for low, high, name in fields if low < first + WORD_BITS and high >= first]
        if all(name == "0" for _, _, name in word):
            lines += [f"bits {_bit_span(first, bits - first)} are zero"]
            break
        lines += _word(word, first)
    return lines


def _fields(instruction: Instruction, opcode: str) -> list[tuple[int, int, str]]:
    """Return lowest bit, highest bit and label of every field, lowest first."""
    claims = [(o.first_bit, o.width_bits, o.name) for o in instruction.operands]
    claims += [(first, width, "0") for first, width in instruction.layout.reserved]
    start = min((first for first, _, _ in claims), default=instruction.layout.size_bytes * 8)
    claims.append((0, start, opcode))
    return sorted((first, first + width - 1, name) for first, width, name in claims)


def _word(fields: list[tuple[int, int, str]], first: int) -> list[str]:
    top, label = [], []
    for low, high, name in reversed(fields):
        inside_low, inside_high = max(low, first), min(high, first + WORD_BITS - 1)
        part = (
            ""
            if (inside_low, inside_high) == (low, high) or name == "0"
            else _part(low, inside_low, inside_high)
        )
        numbers = [str(inside_high), str(inside_low)] if inside_high > inside_low else [str(inside_high)]
        width = max(len(name + part), len(" ".join(numbers)))
        top.append(
            numbers[0] + numbers[-1].rjust(width - len(numbers[0]))
            if numbers[1:]
            else numbers[0].center(width)
        )
        label.append((name + part).center(width))
    rule = "+" + "+".join("-" * (len(cell) + 2) for cell in label) + "+"
    return ["  " + "   ".join(top).rstrip(), rule, "| " + " | ".join(label) + " |", rule]


def _part(field_low: int, low: int, high: int) -> str:
    return f"[{high - field_low}:{low - field_low}]" if high > low else f"[{low - field_low}]"


def _bit_span(first: int, width: int) -> str:
    return f"{first}..{first + width - 1}" if width > 1 else str(first)
