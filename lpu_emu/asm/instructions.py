"""Instruction lines: mnemonic with suffixes, sources, arrow, results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lpu_emu.asm.problems import Problem, Problems, Wrong
from lpu_emu.asm.syntax import IMMEDIATE_BITS, IMMEDIATE_MARK, Slot, Syntax, got, syntaxes
from lpu_emu.asm.tokens import shown
from lpu_emu.asm.values import value_bits
from lpu_emu.spec.isa import Isa
from lpu_emu.spec.machine import IMMEDIATE

ARROW = "->"
_STRUCTURE = ("", ",", ARROW)


@dataclass(frozen=True, kw_only=True)
class Head:
    """A mnemonic with its suffixes: the syntax, and the arguments that are known already."""

    syntax: Syntax
    opcode: int
    row: tuple[int, ...]


class InstructionParser:
    """Turns the tokens of instruction lines into argument rows."""

    def __init__(self, isa: Isa, problems: Problems) -> None:
        self.syntaxes = syntaxes(isa)
        self._problems = problems
        self._heads: dict[str, Head] = {}

    def parse(self, tokens: Sequence[str], at: int, line: int) -> tuple[int, list[int]]:
        """Return opcode and arguments of an instruction whose mnemonic is ``tokens[at]``.

        The last token must be the empty string. Operands with a wrong value are noted and read as if right.

        Raises:
            Problem: the line is not built like an instruction.
        """
        head = self._heads.get(tokens[at])
        if head is None:
            head = self._heads[tokens[at]] = self._head(tokens[at], at)
        syntax = head.syntax
        row = list(head.row)
        i = at + 1
        if syntax.sources:
            i = self._slots(tokens, i, syntax, syntax.sources, len(syntax.sources), row, line)
        if syntax.results:
            if tokens[i] == ARROW:
                i = self._slots(tokens, i + 1, syntax, syntax.results, syntax.required_results, row, line)
            elif syntax.required_results:
                raise Problem(i, f"expected '{ARROW}', {got(tokens[i])}", _written(syntax))
        if tokens[i]:
            raise Problem(i, f"expected the end of the line, {got(tokens[i])}", _written(syntax))
        return head.opcode, row

    def _slots(
        self,
        tokens: Sequence[str],
        i: int,
        syntax: Syntax,
        slots: Sequence[Slot],
        required: int,
        row: list[int],
        line: int,
    ) -> int:
        for k, slot in enumerate(slots):
            if k:
                if tokens[i] != ",":
                    if k >= required:
                        return i
                    message = f"expected ',' and the operand {slot.operand.name}, {got(tokens[i])}"
                    raise Problem(i, message, _written(syntax))
                i += 1
            token = tokens[i]
            try:
                if slot.immediate >= 0 and token[:1] == IMMEDIATE_MARK:
                    _immediate(syntax, slot, token, row)
                else:
                    row[slot.column] = slot.read(token)
            except Wrong as wrong:
                if token in _STRUCTURE:
                    raise Problem(i, str(wrong), _written(syntax)) from None
                self._problems.note(line, Problem(i, str(wrong)))
            i += 1
        return i

    def _head(self, token: str, at: int) -> Head:
        mnemonic, *suffixes = token.split(".")
        syntax = self.syntaxes.get(mnemonic)
        if syntax is None:
            near = self._problems.near(mnemonic, self.syntaxes)
            raise Problem(at, f"no instruction {shown(mnemonic)}{near}", length=len(mnemonic))
        row = list(syntax.blank)
        offset = len(mnemonic) + 1
        for k, name in enumerate(suffixes):
            wrong = self._suffix(syntax, k, name, row)
            if wrong:
                raise Problem(
                    at, f"{mnemonic}: {wrong}", _written(syntax), offset=offset, length=max(1, len(name))
                )
            offset += len(name) + 1
        missing = syntax.suffixes[len(suffixes) :]
        if missing:
            names = ", ".join(missing[0].names)
            raise Problem(
                at, f"{mnemonic}: the suffix {missing[0].operand.name} is missing: {names}", _written(syntax)
            )
        return Head(syntax=syntax, opcode=syntax.instruction.opcode, row=tuple(row))

    def _suffix(self, syntax: Syntax, k: int, name: str, row: list[int]) -> str:
        """Read a suffix into the row, or return what is wrong with it."""
        if k >= len(syntax.suffixes):
            return f"{shown(name)} is one suffix too many"
        suffix = syntax.suffixes[k]
        if name not in suffix.names:
            near = self._problems.near(name, suffix.names)
            return f"{suffix.operand.name} {shown(name)} is none of {', '.join(suffix.names)}{near}"
        row[suffix.column] = suffix.names[name]
        return ""


def _immediate(syntax: Syntax, slot: Slot, token: str, row: list[int]) -> None:
    kind = syntax.instruction.operands[slot.immediate].kind
    bits = value_bits(token[len(IMMEDIATE_MARK) :], kind.values[row[slot.immediate]], IMMEDIATE_BITS)
    if any(row[s.column] == IMMEDIATE for s in syntax.sources) and row[syntax.immediate] != bits:
        raise Wrong("an instruction holds one immediate; the operands need two")
    row[slot.column] = IMMEDIATE
    row[syntax.immediate] = bits


def _written(syntax: Syntax) -> str:
    return f"written as: {syntax.form}"


def operand_place(syntax: Syntax, tokens: Sequence[str], at: int, operand: str) -> Problem:
    """Return a problem without message at the token of an operand, at the mnemonic where it was left out."""
    offset = len(syntax.instruction.mnemonic) + 1
    for suffix, name in zip(syntax.suffixes, tokens[at].split(".")[1:], strict=False):
        if suffix.operand.name == operand:
            return Problem(at, "", offset=offset, length=len(name))
        offset += len(name) + 1
    names = [slot.operand.name for slot in syntax.sources]
    if operand in names:
        return Problem(at + 1 + 2 * names.index(operand), "")
    marks = [i for i, token in enumerate(tokens) if token[:1] == IMMEDIATE_MARK]
    if syntax.immediate >= 0 and syntax.instruction.operands[syntax.immediate].name == operand and marks:
        return Problem(marks[0], "")
    results = [slot.operand.name for slot in syntax.results]
    if operand in results and ARROW in tokens:
        place = tokens.index(ARROW) + 1 + 2 * results.index(operand)
        return Problem(place if place < len(tokens) else at, "")
    return Problem(at, "", length=len(syntax.instruction.mnemonic))
