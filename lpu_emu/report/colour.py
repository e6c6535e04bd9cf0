"""Colours for a page of text on a terminal: headings, bars, and what is wrong."""

from __future__ import annotations

import re

_RESET = "\x1b[0m"
_BOLD, _FAINT, _CYAN, _RED, _YELLOW = "\x1b[1m", "\x1b[2m", "\x1b[36m", "\x1b[31m", "\x1b[33m"
_BAR = re.compile(r"(?<!\S)[#.-]{8,}(?!\S)")
_PART = re.compile(r"\.+|[#-]+")
_WRONG = ((re.compile(r"^( *error:)"), _RED), (re.compile(r"^( *warning:)"), _YELLOW))


def painted(page: str) -> str:
    """Return a page of text with escape sequences; without them it is the same text."""
    return "\n".join(_line(line) for line in page.split("\n"))


def _line(line: str) -> str:
    if line and not line.startswith((" ", "=")):
        return f"{_BOLD}{line}{_RESET}"
    for pattern, code in _WRONG:
        line = pattern.sub(rf"{code}\1{_RESET}", line)
    return _BAR.sub(lambda bar: _PART.sub(_part, bar[0]), line)


def _part(part: re.Match[str]) -> str:
    return f"{_FAINT if part[0][0] == '.' else _CYAN}{part[0]}{_RESET}"
