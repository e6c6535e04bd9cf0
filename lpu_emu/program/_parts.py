"""A program as what a file holds: a few JSON documents, four large arrays, and a digest over all of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lpu_emu.program import _documents
from lpu_emu.program.binary import decode_text, encode_text
from lpu_emu.program.model import DataSection, Program
from lpu_emu.program.text import QueueText
from lpu_emu.spec.isa import Isa
from lpu_emu.spec.machine import Machine

DOCUMENTS = (
    "header", "chip", "queues", "sections", "bindings", "wires", "operators", "attributes", "source",
)  # fmt: skip
ARRAYS = {"text": "<u1", "lines": "<i4", "origins": "<i4", "words": "<u1"}


@dataclass(frozen=True, kw_only=True)
class Parts:
    """JSON texts by name, and arrays by name, each as pieces along its first axis.

    ``text`` uint8 [bytes] are the encoded queues one after the other, ``lines`` and ``origins`` int32
    [instructions] their columns, ``words`` uint8 [n, lanes] the data sections one after the other.
    """

    documents: Mapping[str, str]
    arrays: Mapping[str, Sequence[NDArray[Any]]]

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of an array."""
        pieces = self.arrays[name]
        return (sum(len(piece) for piece in pieces), *pieces[0].shape[1:])

    @cached_property
    def digest(self) -> str:
        """SHA-256 (64 hex digits) of all documents and arrays, with their names and in the order of these."""
        state = hashlib.sha256()
        for name in sorted([*self.documents, *self.arrays]):
            if name in self.documents:
                content = self.documents[name].encode("latin-1")
                state.update(_label(name, "json", [len(content)]))
                state.update(content)
                continue
            state.update(_label(name, ARRAYS[name], self.shape(name)))
            for piece in self.arrays[name]:
                state.update(np.ascontiguousarray(piece).reshape(-1).view(np.uint8).data)
        return state.hexdigest()


def _label(name: str, kind: str, shape: Sequence[int]) -> bytes:
    return (json.dumps([name, kind, list(shape)]) + "\n").encode("ascii")


def content_digest(program: Program) -> str:
    """Return the digest of everything in a program: 64 hex digits, the same as in its file.

    Raises:
        EncodingError: an instruction cannot be encoded.
    """
    return split(program).digest


def split(program: Program) -> Parts:
    """Take a program apart.

    Raises:
        EncodingError: an instruction cannot be encoded.
    """
    isa, lanes = program.machine.isa, program.machine.chip.lanes
    texts = list(program.queues.values())
    encoded = [encode_text(isa, text) for text in texts]
    sizes = [len(data) for data in encoded]
    return Parts(
        documents=_documents.write(program, sizes),
        arrays={
            "text": [np.frombuffer(b"".join(encoded), dtype=ARRAYS["text"])],
            "lines": [_column([text.lines for text in texts], "lines")],
            "origins": [_column([text.origins for text in texts], "origins")],
            "words": [section.words for section in program.data] or [np.zeros((0, lanes), dtype=np.uint8)],
        },
    )


def _column(columns: list[NDArray[np.int32]], name: str) -> NDArray[np.int32]:
    return np.concatenate([np.zeros(0, dtype=np.int32), *columns]).astype(ARRAYS[name])


def join(documents: Mapping[str, str], arrays: Mapping[str, NDArray[Any]], machine: Machine) -> Program:
    """Put a program together; its data sections are views of the array ``words``.

    Raises:
        EncodingError: the text is no instructions.
        ValueError: the tables contradict the arrays. Damaged documents may raise other exceptions.
    """
    queues, sections = json.loads(documents["queues"]), json.loads(documents["sections"])
    instructions = sum(queue["instructions"] for queue in queues)
    _require_shape("text", arrays, (sum(queue["bytes"] for queue in queues),))
    _require_shape("lines", arrays, (instructions,))
    _require_shape("origins", arrays, (instructions,))
    _require_shape("words", arrays, (sum(s["words"] for s in sections), machine.chip.lanes))
    return _documents.read(
        documents,
        machine=machine,
        queues=dict(_queues(machine.isa, queues, arrays)),
        data=tuple(_sections(sections, arrays["words"])),
    )


def _require_shape(name: str, arrays: Mapping[str, NDArray[Any]], expected: tuple[int, ...]) -> None:
    if arrays[name].shape != expected:
        raise ValueError(
            f"its dataset {name!r} is {list(arrays[name].shape)}; its tables say {list(expected)}"
        )


def _queues(
    isa: Isa, table: Sequence[Mapping[str, Any]], arrays: Mapping[str, NDArray[Any]]
) -> list[tuple[str, QueueText]]:
    found = []
    byte = row = 0
    for entry in table:
        text = decode_text(isa, arrays["text"][byte : byte + entry["bytes"]].tobytes())
        rows = slice(row, row + entry["instructions"])
        if entry["offset"] != byte or len(text) != entry["instructions"]:
            raise ValueError(
                f"queue {entry['name']} has {len(text)} instructions at byte {byte}; its table differs"
            )
        found.append(
            (
                str(entry["name"]),
                QueueText(
                    opcodes=text.opcodes,
                    args=text.args,
                    lines=arrays["lines"][rows].astype(np.int32),
                    origins=arrays["origins"][rows].astype(np.int32),
                ),
            )
        )
        byte, row = byte + entry["bytes"], rows.stop
    return found


def _sections(table: Sequence[Mapping[str, Any]], words: NDArray[np.uint8]) -> list[DataSection]:
    found = []
    first = 0
    for entry in table:
        rows = words[first : first + entry["words"]]
        first += entry["words"]
        fields = {key: entry[key] for key in ("name", "slice", "address", "step")}
        found.append(DataSection(words=rows, **fields))
    return found
