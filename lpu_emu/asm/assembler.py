"""Text to program: reads all lines, notes everything that is wrong, checks the whole against the chip."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from lpu_emu.asm.builder import LATEST_CYCLE
from lpu_emu.asm.chip import chip_of
from lpu_emu.asm.directives import directive
from lpu_emu.asm.draft import Draft
from lpu_emu.asm.instructions import InstructionParser, operand_place
from lpu_emu.asm.problems import Problem, Problems, Spot, Wrong
from lpu_emu.asm.syntax import got
from lpu_emu.asm.tokens import COMMENT, find_tokens, integer, tokens_of
from lpu_emu.errors import AssemblyError, Diagnostic
from lpu_emu.program.model import Program, Source
from lpu_emu.program.validate import Finding, findings
from lpu_emu.spec.chip import Chip
from lpu_emu.spec.machine import load_machine

AT = "@"


def assemble(text: str, *, filename: str = "<text>", chip: str | Path | Chip | None = None) -> Program:
    """Assemble a text.

    Args:
        text: the assembly text.
        filename: what messages call it, and where relative paths in it start from.
        chip: a chip that takes the place of the text's own ``.chip``.

    Raises:
        AssemblyError: the text has errors; it lists all of them.
        SpecError: the chip that was given is unknown or breaks a rule.
    """
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    problems = Problems(file=filename, lines=lines)
    folder = Path(filename).parent if "\0" not in filename else Path()
    machine_chip = chip_of(lines, problems, folder, chip)
    if machine_chip is None:
        raise AssemblyError(problems.sorted())
    name = Path(filename).stem if filename != "<text>" else "program"
    draft = Draft(machine=load_machine(machine_chip), problems=problems, folder=folder, name=name)
    parser = InstructionParser(draft.machine.isa, problems)
    _read(draft, parser, lines)
    _require_none(problems)
    program = draft.program(Source(name=filename, text=text))
    for finding in findings(program):
        _note_finding(draft, parser, finding)
    _require_none(problems)
    return program


def assemble_file(path: str | Path, chip: str | Path | Chip | None = None) -> Program:
    """Assemble a file of UTF-8 text.

    Raises:
        AssemblyError: the file is not UTF-8, or has errors; it lists all of them.
        SpecError: the chip that was given is unknown or breaks a rule.
        OSError: the file cannot be read.
    """
    data = Path(path).read_bytes()
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise AssemblyError([_not_utf8(str(path), data, error.start)]) from None
    return assemble(text, filename=str(path), chip=chip)


def _not_utf8(file: str, data: bytes, start: int) -> Diagnostic:
    line_start = data.rfind(b"\n", 0, start) + 1
    text = data[line_start:].split(b"\n", 1)[0].decode("utf-8", errors="replace")
    column = len(data[line_start:start].decode("utf-8"))
    problems = Problems(file=file, lines=[text])
    line = data.count(b"\n", 0, start) + 1
    problems.on(Spot(line=1, start=column, length=1), f"byte {data[start]:#04x} is not UTF-8 text")
    return replace(problems.found[0], line=line)


def _require_none(problems: Problems) -> None:
    if problems.found:
        raise AssemblyError(problems.sorted())


def _read(draft: Draft, parser: InstructionParser, lines: list[str]) -> None:
    """Read all lines; this loop is what assembling large programs spends its time in."""
    for number, line in enumerate(lines, 1):
        tokens = find_tokens(line)
        if not tokens or tokens[0][0] == COMMENT:
            continue
        if tokens[-1][0] == COMMENT:
            tokens.pop()
        try:
            if tokens[0][0] == ".":
                _end_block(draft)
                directive(draft, tokens, number)
            elif draft.block is not None:
                draft.block.line(number, tokens)
            else:
                _instruction(draft, parser, tokens, number)
        except Problem as problem:
            draft.problems.note(number, problem)
    _end_block(draft)


def _end_block(draft: Draft) -> None:
    if draft.block is not None:
        draft.block.finish()
        draft.block = None


def _instruction(draft: Draft, parser: InstructionParser, tokens: list[str], number: int) -> None:
    builder = draft.builder
    tokens.append("")
    at = 2 if tokens[0] == AT else 0
    cycle, from_release = _cycle(tokens) if at else (0, False)
    opcode, row = parser.parse(tokens, at, number)
    if builder is None:
        raise Problem(at, "this instruction is in no queue", "write .queue and the name of a queue above it")
    if at:
        try:
            builder.wait(cycle, from_release, opcode, number, draft.origin)
        except Wrong as wrong:
            raise Problem(1, str(wrong)) from None
    builder.add(opcode, row, number, draft.origin)


def _cycle(tokens: list[str]) -> tuple[int, bool]:
    """Return the cycle behind an ``@``, and whether it counts from the last release."""
    token = tokens[1]
    cycle = integer(token)
    if cycle is None or not 0 <= cycle <= LATEST_CYCLE:
        raise Problem(1, f"expected a dispatch cycle, 0..{LATEST_CYCLE}, {got(token)}")
    if not tokens[2]:
        raise Problem(2, "expected an instruction, but the line ends")
    return cycle, token[0] == "+"


def _note_finding(draft: Draft, parser: InstructionParser, finding: Finding) -> None:
    problems = draft.problems
    if finding.part != "queues":
        problems.on(draft.spots[finding.part][finding.index], finding.message)
        return
    line = finding.line
    tokens = tokens_of(problems.lines[line - 1])
    at = 2 if tokens[0] == AT else 0
    syntax = parser.syntaxes[tokens[at].split(".")[0]]
    place = operand_place(syntax, tokens, at, finding.operand)
    place.message = finding.message
    problems.note(line, place)
