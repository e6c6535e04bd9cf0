"""Bit fields of whole columns: instructions of one layout as 64-bit words, least significant bit first.

Bit b of an instruction is bit ``b % 8`` of its byte ``b // 8``. The opcode is bits 0..7, its first byte.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]  # [instructions, 64-bit words]
_WORD_BITS = 64


@dataclass(frozen=True, kw_only=True, eq=False)
class Columns:
    """Opcodes uint8 [n] and arguments int64 [n, isa.widest] of decoded instructions."""

    opcodes: NDArray[np.uint8]
    args: NDArray[np.int64]


def word_count(size_bytes: int) -> int:
    """Return how many 64-bit words hold an instruction."""
    return -(-size_bytes * 8 // _WORD_BITS)


def pieces(first_bit: int, width_bits: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield (word, shift in the word, shift in the field, bits) for the words that a field touches."""
    done = 0
    while done < width_bits:
        word, shift = divmod(first_bit + done, _WORD_BITS)
        bits = min(_WORD_BITS - shift, width_bits - done)
        yield word, shift, done, bits
        done += bits


def put(words: Words, first_bit: int, width_bits: int, values: NDArray[np.int64]) -> None:
    """Write the low bits of ``values`` into a field that is zero."""
    raw = values.astype(np.uint64)
    for word, shift, done, bits in pieces(first_bit, width_bits):
        part = (raw >> np.uint64(done)) & np.uint64((1 << bits) - 1)
        words[:, word] |= part << np.uint64(shift)


def get(words: Words, first_bit: int, width_bits: int) -> NDArray[np.int64]:
    """Return an unsigned field of at most 63 bits."""
    raw = np.zeros(len(words), dtype=np.uint64)
    for word, shift, done, bits in pieces(first_bit, width_bits):
        part = (words[:, word] >> np.uint64(shift)) & np.uint64((1 << bits) - 1)
        raw |= part << np.uint64(done)
    return raw.astype(np.int64)


def to_bytes(words: Words, size_bytes: int) -> NDArray[np.uint8]:
    """Return uint8 [instructions, size_bytes]."""
    return words.astype("<u8").view(np.uint8).reshape(len(words), -1)[:, :size_bytes]


def from_bytes(data: NDArray[np.uint8]) -> Words:
    """Return the words of uint8 [instructions, bytes]."""
    n, size = data.shape
    padded = np.zeros((n, 8 * word_count(size)), dtype=np.uint8)
    padded[:, :size] = data
    return padded.view("<u8").astype(np.uint64)
