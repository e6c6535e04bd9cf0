"""Text to tokens and back, by byte pairs as GPT-2 has them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

# Words with the space before them, digits one by one, other marks together.
_PIECES = re.compile(r" ?[^\W\d_]+|\d| ?[^\s\w]+| ?_+|\s+(?!\S)|\s+")


def _letters() -> dict[int, str]:
    """A printable letter for every byte."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    return {**{b: chr(b) for b in plain}, **{b: chr(256 + i) for i, b in enumerate(others)}}


LETTERS = _letters()
BYTES = {letter: byte for byte, letter in LETTERS.items()}


class Words:
    """The vocabulary of a GGUF file."""

    def __init__(self, metadata: Mapping[str, Any]) -> None:
        self.pieces: Sequence[str] = metadata["tokenizer.ggml.tokens"]
        self._numbers = {piece: i for i, piece in enumerate(self.pieces)}
        merges = metadata["tokenizer.ggml.merges"]
        self._ranks = {tuple(merge.split(" ", 1)): i for i, merge in enumerate(merges)}

    def encode(self, text: str) -> list[int]:
        """Return the tokens of a text."""
        return [token for piece in _PIECES.findall(text) for token in self._merged(piece)]

    def decode(self, tokens: Sequence[int]) -> str:
        """Return the text of tokens."""
        data = bytes(BYTES[letter] for token in tokens for letter in self.pieces[token] if letter in BYTES)
        return data.decode("utf-8", errors="replace")

    def _merged(self, piece: str) -> list[int]:
        parts = [LETTERS[byte] for byte in piece.encode()]
        while len(parts) > 1:
            pairs = list(pairwise(parts))
            best = min(pairs, key=lambda pair: self._ranks.get(pair, len(self._ranks)))
            if best not in self._ranks:
                break
            at = pairs.index(best)
            parts[at : at + 2] = ["".join(best)]
        return [self._numbers[part] for part in parts]
