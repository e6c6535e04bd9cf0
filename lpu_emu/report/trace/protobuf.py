"""The wire format of Protocol Buffers, as far as traces need it: numbers, texts, nested messages.

A few dozen lines instead of a dependency: only writing is needed, and only of three kinds of field.
"""

from __future__ import annotations

_VARINT, _FIXED64, _BYTES = 0, 1, 2


def varint(number: int) -> bytes:
    """Return an unsigned number in groups of seven bits, low ones first."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def number(field: int, value: int) -> bytes:
    """Return an integer field; negative values take the two's complement of 64 bits."""
    return varint(field << 3 | _VARINT) + varint(value & (1 << 64) - 1)


def fixed64(field: int, value: int) -> bytes:
    """Return an unsigned field of eight bytes."""
    return varint(field << 3 | _FIXED64) + value.to_bytes(8, "little")


def text(field: int, value: str) -> bytes:
    """Return a string field."""
    return message(field, value.encode("utf-8"))


def message(field: int, *parts: bytes) -> bytes:
    """Return a nested message made of fields."""
    body = b"".join(parts)
    return varint(field << 3 | _BYTES) + varint(len(body)) + body
