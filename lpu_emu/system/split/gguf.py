"""Reading GGUF files: metadata and tensors of the types F32, F16, Q8_0, Q4_0 and Q4_1."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lpu_emu.errors import ModelError

Array = NDArray[Any]
MAGIC = b"GGUF"
_BLOCK = 32  # weights of a quantised block
_PLAIN = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_TEXT, _LIST = 8, 9


@dataclass(frozen=True, kw_only=True)
class Gguf:
    """``metadata`` by key, and ``tensors`` as float32 by name, rows first."""

    metadata: Mapping[str, Any]
    tensors: Mapping[str, Array]


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, form: str) -> Any:
        size = struct.calcsize(f"<{form}")
        (value,) = struct.unpack_from(f"<{form}", self.data, self.at)
        self.at += size
        return value

    def text(self) -> str:
        size = self.take("Q")
        self.at += size
        return self.data[self.at - size : self.at].decode("utf-8", errors="replace")

    def value(self, kind: int) -> Any:
        if kind == _TEXT:
            return self.text()
        if kind == _LIST:
            inner, count = self.take("I"), self.take("Q")
            return [self.value(inner) for _ in range(count)]
        return self.take(_PLAIN[kind])


def read_gguf(path: Path) -> Gguf:
    """Read a file, version 2 or 3.

    Raises:
        ModelError: it cannot be read, is no such file, or has a tensor of another type.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        return _read(data)
    except (struct.error, KeyError, ValueError, IndexError, OverflowError, MemoryError) as error:
        raise ModelError(f"{path}: no GGUF file, or a damaged one: {error}") from error


def _read(data: bytes) -> Gguf:
    reader = _Reader(data)
    if data[:4] != MAGIC:
        raise ValueError("it does not begin with GGUF")
    reader.at = 4
    if reader.take("I") not in (2, 3):
        raise ValueError("only versions 2 and 3 are known")
    count, entries = reader.take("Q"), reader.take("Q")
    metadata: dict[str, Any] = {}
    for _ in range(entries):
        key = reader.text()
        metadata[key] = reader.value(reader.take("I"))
    places = []
    for _ in range(count):
        name, axes = reader.text(), reader.take("I")
        shape = tuple(reader.take("Q") for _ in range(axes))[::-1]
        places.append((name, shape, reader.take("I"), reader.take("Q")))
    align = int(metadata.get("general.alignment", 32))
    start = -(-reader.at // align) * align
    return Gguf(
        metadata=metadata,
        tensors={name: _tensor(data, start + at, shape, kind) for name, shape, kind, at in places},
    )


def _tensor(data: bytes, start: int, shape: tuple[int, ...], kind: int) -> Array:
    if kind not in _KINDS:
        raise ValueError(f"tensors of type {kind} are not known; known: {', '.join(map(str, _KINDS))}")
    size, unpack = _KINDS[kind]
    blocks = prod(shape) // (_BLOCK if kind > 1 else 1)
    raw = np.frombuffer(data, np.uint8, blocks * size, start).reshape(blocks, size)
    return unpack(raw).reshape(shape)


def _f32(raw: Array) -> Array:
    return raw.view("<f4").copy()


def _f16(raw: Array) -> Array:
    return raw.view("<f2").astype(np.float32)


def _q8_0(raw: Array) -> Array:
    scale = raw[:, :2].copy().view("<f2").astype(np.float32)
    return scale * raw[:, 2:].copy().view(np.int8)


def _nibbles(packed: Array) -> Array:
    return np.concatenate([packed & 15, packed >> 4], axis=1).astype(np.float32)


def _q4_0(raw: Array) -> Array:
    scale = raw[:, :2].copy().view("<f2").astype(np.float32)
    result: Array = scale * (_nibbles(raw[:, 2:]) - 8)
    return result


def _q4_1(raw: Array) -> Array:
    scale, least = (raw[:, i : i + 2].copy().view("<f2").astype(np.float32) for i in (0, 2))
    result: Array = scale * _nibbles(raw[:, 4:]) + least
    return result


_KINDS: Mapping[int, tuple[int, Callable[[Array], Array]]] = {
    0: (4, _f32),
    1: (2, _f16),
    2: (18, _q4_0),
    3: (20, _q4_1),
    8: (34, _q8_0),
}
