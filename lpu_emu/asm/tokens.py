"""Lines to tokens. Tokens are plain strings; where they stand is worked out only when something is wrong."""

from __future__ import annotations

import json
import re

COMMENT = ";"
NUMBER_DIGITS = 40  # longer numbers fit nothing

# A comment, a string, an arrow, an immediate, a word (a minus sign may be in it, no arrow), anything else.
_TOKEN = re.compile(r';.*|"(?:[^"\\]|\\.)*"|->|#[^\s,;]*|(?:[^\s,;:\[\]|=@"#>-]|-(?!>))+|\S')
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*(?<!-)")
_NUMBER = re.compile(r"[+-]?(?:0[xX][0-9a-fA-F_]+|0[bB][01_]+|[0-9][0-9_]*)")
_HIDDEN = {code: " " if code == 9 else "\N{REPLACEMENT CHARACTER}" for code in (*range(32), 127)}

find_tokens = _TOKEN.findall


def tokens_of(line: str) -> list[str]:
    """Return the tokens of a line without its comment."""
    found: list[str] = find_tokens(line)
    if found and found[-1][0] == COMMENT:
        found.pop()
    return found


def spans_of(line: str) -> list[tuple[int, int]]:
    """Return the start and end of every token of a line, and last an empty span at the end of its text."""
    found = [(m.start(), m.end()) for m in _TOKEN.finditer(line) if m.group()[0] != COMMENT]
    end = found[-1][1] if found else 0
    return [*found, (end, end)]


def shown(token: str) -> str:
    """Return a token as messages quote it: no control characters, no more than 40 characters."""
    return repr(token if len(token) <= 40 else token[:37] + "...")


def printable(line: str) -> str:
    """Return a line with one printable character in place of each control character, so that carets fit."""
    return line.translate(_HIDDEN)


def quoted(name: str) -> str:
    """Return a name as assembly text: as it is where that is possible, else as a string."""
    if _PLAIN_NAME.fullmatch(name):
        return name
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return json.dumps(name)
    return json.dumps(name, ensure_ascii=False)


def unquoted(token: str) -> str | None:
    """Return the text of a string token, None if it is not one."""
    if len(token) < 2 or token[0] != '"':
        return None
    try:
        text = json.loads(token, strict=False)
    except ValueError:
        return None
    return text if isinstance(text, str) else None


def integer(token: str) -> int | None:
    """Return the value of a decimal, hexadecimal (``0x``) or binary (``0b``) number, None if it is none."""
    if len(token) > NUMBER_DIGITS or _NUMBER.fullmatch(token) is None:
        return None
    try:
        return int(token, 0)
    except ValueError:  # a leading zero, or underscores where none may be
        return None
