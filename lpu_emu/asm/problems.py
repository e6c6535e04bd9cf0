"""What goes wrong in a text, and where: collected, so that one run reports everything."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from lpu_emu.asm.tokens import printable, spans_of
from lpu_emu.errors import Diagnostic, did_you_mean

SUGGESTIONS = 50  # near names are looked up for this many problems; a text with more is not assembly
LONGEST_NAME = 40
LONGEST_LINE = 240  # characters of a line that are quoted, unless the caret is further right


class Problem(Exception):
    """Something wrong at a token of the line at hand, counted from 0; the one past the last is the end.

    ``offset`` and ``length`` narrow the place to a part of the token; a length of 0 is all of it.
    """

    def __init__(self, token: int, message: str, hint: str = "", *, offset: int = 0, length: int = 0) -> None:
        self.token = token
        self.message = message
        self.hint = hint
        self.offset = offset
        self.length = length
        super().__init__(message)


class Wrong(Exception):
    """Something wrong with the token at hand; whoever knows its number turns it into a Problem."""


@dataclass(frozen=True, kw_only=True)
class Spot:
    """A part of a line: 1-based line, 0-based first character, length."""

    line: int
    start: int
    length: int


@dataclass(kw_only=True)
class Problems:
    """The diagnostics of one text."""

    file: str
    lines: list[str]
    found: list[Diagnostic] = field(default_factory=list)
    _suggestions: int = 0

    def near(self, name: str, known: Iterable[str]) -> str:
        """Return the end of a message that names something near; empty when there have been many of them."""
        self._suggestions += 1
        if self._suggestions > SUGGESTIONS or len(name) > LONGEST_NAME:
            return ""
        return did_you_mean(name, known)

    def at(self, line: int, token: int, message: str, hint: str = "") -> None:
        """Note a problem at a token of a line."""
        self.on(self.spot(line, token), message, hint)

    def note(self, line: int, problem: Problem) -> None:
        """Note a problem of a line."""
        spot = self.spot(line, problem.token)
        if problem.length:
            spot = Spot(line=line, start=spot.start + problem.offset, length=problem.length)
        self.on(spot, problem.message, problem.hint)

    def on(self, spot: Spot, message: str, hint: str = "") -> None:
        """Note a problem with a part of a line."""
        text = self.lines[spot.line - 1] if self.lines else ""
        if len(text) > LONGEST_LINE:
            text = text[: max(LONGEST_LINE, spot.start + spot.length)] + " ..."
        self.found.append(
            Diagnostic(
                file=self.file,
                line=spot.line,
                column=spot.start + 1,
                length=spot.length,
                message=message,
                text=printable(text),
                hint=hint,
            )
        )

    def spot(self, line: int, token: int) -> Spot:
        """Return where a token of a line stands."""
        spans = spans_of(self.lines[line - 1]) if self.lines else [(0, 0)]
        start, end = spans[min(token, len(spans) - 1)]
        return Spot(line=line, start=start, length=max(1, end - start))

    def sorted(self) -> list[Diagnostic]:
        """Return the diagnostics in the order of the text."""
        return sorted(self.found, key=lambda d: (d.line, d.column))
