"""Reads the tokens of a directive from left to right."""

from __future__ import annotations

from lpu_emu.asm.problems import Problem
from lpu_emu.asm.syntax import got
from lpu_emu.asm.tokens import integer, shown, unquoted

PUNCTUATION = (",", ":", "[", "]", "|", "=", "@", ">", "->", '"')
LARGEST = (1 << 63) - 1


class Cursor:
    """A place in the tokens of a line; every reader raises a Problem at the token it does not like."""

    def __init__(self, tokens: list[str], line: int) -> None:
        self.tokens = [*tokens, ""]
        self.line = line
        self.at = 0

    @property
    def token(self) -> str:
        """The token at hand, empty at the end of the line."""
        return self.tokens[self.at]

    def take(self) -> str:
        """Return the token at hand and go on."""
        token = self.token
        self.at = min(self.at + 1, len(self.tokens) - 1)
        return token

    def accept(self, text: str) -> bool:
        """Go past a token if it is this one."""
        if self.token != text:
            return False
        self.take()
        return True

    def expect(self, text: str) -> None:
        """Go past a token that must be this one."""
        if not self.accept(text):
            raise self.problem(f"expected {shown(text)}, {got(self.token)}")

    def end(self) -> None:
        """Require that the line has ended."""
        if self.token:
            raise self.problem(f"expected the end of the line, {got(self.token)}")

    def name(self, what: str) -> str:
        """Return a name: a word, or a string in double quotes."""
        token = self.token
        if token[:1] == '"':
            text = unquoted(token)
            if text is None:
                raise self.problem(f"{what}: the string is not closed, or has an unknown escape")
        elif not token or token in PUNCTUATION or token[0] == "#":
            raise self.problem(f"expected {what}, {got(token)}")
        else:
            text = token
        self.take()
        return text

    def number(self, what: str, low: int = 0, high: int = LARGEST) -> int:
        """Return a whole number of a range."""
        value = integer(self.token)
        if value is None:
            raise self.problem(f"expected {what}, a number; {got(self.token)}")
        if not low <= value <= high:
            raise self.problem(f"{what} {self.token} is out of range; it must be {low}..{high}")
        self.take()
        return value

    def numbers(self, what: str, low: int = 0, high: int = LARGEST) -> tuple[int, ...]:
        """Return whole numbers in brackets, with commas between them."""
        self.expect("[")
        found: list[int] = []
        while not self.accept("]"):
            if found:
                self.expect(",")
            found.append(self.number(what, low, high))
        return tuple(found)

    def problem(self, message: str, hint: str = "") -> Problem:
        """Return a problem at the token at hand."""
        return Problem(self.at, message, hint)
