"""Data directives: ``.data`` with values of a type, ``.words`` with rows of hexadecimal digits."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lpu_emu.asm.cursor import Cursor
from lpu_emu.asm.draft import Draft
from lpu_emu.asm.problems import Problem, Spot, Wrong
from lpu_emu.asm.syntax import got
from lpu_emu.asm.tensors import Place, Tensor, pieces, place, placed_run, step, tensor
from lpu_emu.asm.tokens import shown
from lpu_emu.asm.values import value_bits
from lpu_emu.program.bindings import ELEMENT_BYTES
from lpu_emu.program.layout import Piece, to_words
from lpu_emu.program.model import DataSection

_RAW: dict[int, np.dtype[Any]] = {1: np.dtype("<u1"), 2: np.dtype("<u2"), 4: np.dtype("<u4")}
_NUMPY_NAMES = {"fp16": "float16", "fp32": "float32", "bf16": "bfloat16", "fp8": "float8_e4m3fn"}
Raw = NDArray[np.generic]


def read_data(draft: Draft, cursor: Cursor) -> None:
    """Read ``.data NAME TYPE [shape] at PLACES = CONTENT``."""
    item = tensor(draft, cursor)
    cursor.expect("at")
    where = pieces(draft, cursor, item)
    cursor.expect("=")
    block = _Values(draft, item, where, cursor.line, cursor.at)
    token = cursor.token
    if token == "seq":
        block.fill([str(i) for i in range(block.needed)], cursor.at)
        cursor.take()
    elif token == "fill":
        cursor.take()
        block.fill([cursor.token] * block.needed, cursor.at)
        cursor.take()
    elif token == "file":
        cursor.take()
        _from_file(draft, cursor, item, where)
    else:
        draft.block = block
        block.read(cursor.tokens[cursor.at : -1], cursor.line, cursor.at)
        return
    cursor.end()


def _add(draft: Draft, item: Tensor, where: list[tuple[Piece, Spot]], values: Raw) -> None:
    words = to_words(item.layout, values.reshape(item.layout.shape), draft.machine.chip.lanes)
    draft.add_sections(
        (
            DataSection(
                name=item.name,
                slice=piece.slice,
                address=piece.address,
                words=words[piece.byte_plane, piece.block],
                step=piece.step,
            ),
            spot,
        )
        for piece, spot in where
    )


class _Values:
    """The values of a tensor, which may go on over several lines."""

    def __init__(
        self, draft: Draft, item: Tensor, where: list[tuple[Piece, Spot]], line: int, token: int
    ) -> None:
        self.needed = math.prod(item.layout.shape)
        self._draft, self._item, self._where = draft, item, where
        self._line, self._token = line, token
        self._bits: list[int] = []
        self._failed = False

    def fill(self, texts: list[str], token: int) -> None:
        """Take all values at once, from a token of the directive."""
        try:
            self._bits = [self._read(text) for text in texts]
        except Wrong as wrong:
            raise Problem(token, str(wrong)) from None
        self.finish()

    def line(self, number: int, tokens: list[str]) -> None:
        """Read values from a further line."""
        self.read(tokens, number, 0)

    def read(self, tokens: list[str], line: int, first: int) -> None:
        """Read values, with or without commas; ``first`` is the number of the first token in its line."""
        for i, token in enumerate(tokens):
            if token == ",":
                continue
            if len(self._bits) >= self.needed and not self._failed:
                self._fail(
                    line, first + i, f"{self.needed} values are enough for {self._shape()}; got one more"
                )
            try:
                self._bits.append(self._read(token))
            except Wrong as wrong:
                self._fail(line, first + i, str(wrong))
                return

    def _read(self, text: str) -> int:
        return value_bits(text, self._item.dtype, 8 * self._item.layout.element_bytes)

    def _fail(self, line: int, token: int, message: str) -> None:
        self._draft.problems.at(line, token, message)
        self._failed = True

    def _shape(self) -> str:
        return f"{self._item.dtype} {list(self._item.layout.shape)}"

    def finish(self) -> None:
        """Turn the values into data sections."""
        if self._failed:
            return
        if len(self._bits) != self.needed:
            message = f"expected {self.needed} values for {self._shape()}, got {len(self._bits)}"
            self._draft.problems.at(self._line, self._token, message)
            return
        values = np.array(self._bits, dtype=_RAW[self._item.layout.element_bytes])
        _add(self._draft, self._item, self._where, values)


def _from_file(draft: Draft, cursor: Cursor, item: Tensor, where: list[tuple[Piece, Spot]]) -> None:
    token = cursor.at
    path = draft.folder / cursor.name("the name of a .npy file")
    try:
        array = _load(path)
    except Exception as error:  # a file that is no array shows itself in many unrelated exceptions
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise Problem(token, f"{shown(str(path))} cannot be read as a .npy file: {reason[:200]}") from None
    expected = f"{item.dtype} {list(item.layout.shape)}"
    if array.shape != item.layout.shape or not _has_type(array, item.dtype):
        raise Problem(token, f"the file holds {array.dtype} {list(array.shape)}, expected {expected}")
    _add(draft, item, where, np.ascontiguousarray(array).view(_RAW[item.layout.element_bytes]))


def _load(path: Path) -> Raw:
    if not path.is_file():
        raise FileNotFoundError("no such file")
    array = np.load(path, allow_pickle=False)
    if not isinstance(array, np.ndarray):
        raise ValueError("it holds several arrays")
    return array


def _has_type(array: Raw, dtype: str) -> bool:
    name = _NUMPY_NAMES.get(dtype, dtype)
    nameless = array.dtype.kind == "V" and array.dtype.itemsize == ELEMENT_BYTES[dtype]
    return array.dtype.name == name or (nameless and name not in ("float16", "float32"))


def read_words(draft: Draft, cursor: Cursor) -> None:
    """Read ``.words NAME at SLICE:ADDRESS step N``; the rows follow."""
    name = cursor.name("a name")
    cursor.expect("at")
    first = cursor.at
    at = place(cursor)
    distance = step(cursor)
    cursor.end()
    cursor.at = first
    draft.block = _Rows(draft, cursor, name, at, distance)


class _Rows:
    """Words as lines of hexadecimal digits, lane 0 first."""

    def __init__(self, draft: Draft, cursor: Cursor, name: str, at: Place, distance: int) -> None:
        self._draft, self._cursor, self._name = draft, cursor, name
        self._at, self._distance = at, distance
        self._rows: list[bytes] = []
        self._failed = False

    def line(self, number: int, tokens: list[str]) -> None:
        """Read one word."""
        lanes = self._draft.machine.chip.lanes
        try:
            row = bytes.fromhex("".join(tokens))
        except ValueError:
            row = b""
        if len(row) != lanes and not self._failed:
            message = f"expected {2 * lanes} hexadecimal digits, one word of {lanes} lanes, {got(tokens[0])}"
            self._draft.problems.at(number, 0, message)
            self._failed = True
        self._rows.append(row)

    def finish(self) -> None:
        """Turn the rows into a data section."""
        if self._failed:
            return
        try:
            placed_run(self._draft, self._cursor, len(self._rows))
        except Problem as problem:
            self._draft.problems.note(self._cursor.line, problem)
            return
        lanes = self._draft.machine.chip.lanes
        words = np.frombuffer(b"".join(self._rows), dtype=np.uint8).reshape(len(self._rows), lanes)
        section = DataSection(
            name=self._name,
            slice=self._at.slice,
            address=self._at.address,
            words=words,
            step=self._distance,
        )
        self._draft.add_sections([(section, self._draft.problems.spot(self._cursor.line, self._at.token))])
