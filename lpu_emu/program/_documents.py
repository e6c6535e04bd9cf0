"""The small parts of a program as JSON texts, and back. Equal programs give equal texts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple
from typing import Any

from lpu_emu.program.layout import Piece, TensorLayout
from lpu_emu.program.model import Binding, DataSection, Operator, Program, Source
from lpu_emu.program.text import QueueText
from lpu_emu.spec.machine import Machine


def write(program: Program, text_bytes: Sequence[int]) -> dict[str, str]:
    """Return the documents of a program; ``text_bytes`` are the bytes of each queue's encoded text."""
    documents = {
        "header": _header(program, sum(text_bytes)),
        "chip": program.machine.chip.table,
        "queues": _queues(program, text_bytes),
        "sections": [
            {
                "name": s.name,
                "slice": s.slice,
                "address": int(s.address),
                "step": int(s.step),
                "words": len(s.words),
            }
            for s in program.data
        ],
        "bindings": [_binding(b) for b in program.bindings],
        "wires": [list(wire) for wire in program.wires],
        "operators": [asdict(operator) for operator in program.operators],
        "attributes": dict(program.attributes),
        "source": asdict(program.source),
    }
    return {name: json.dumps(content, separators=(",", ":")) for name, content in documents.items()}


def _header(program: Program, text_bytes: int) -> dict[str, Any]:
    return {
        "name": program.name,
        "chip": program.machine.chip.name,
        "instructions": program.instruction_count(),
        "text_bytes": text_bytes,
        "data_bytes": sum(section.words.size for section in program.data),
    }


def _queues(program: Program, text_bytes: Sequence[int]) -> list[dict[str, Any]]:
    table = []
    offset = 0
    for (name, text), size in zip(program.queues.items(), text_bytes, strict=True):
        table.append({"name": name, "offset": offset, "bytes": size, "instructions": len(text)})
        offset += size
    return table


def _binding(binding: Binding) -> dict[str, Any]:
    layout = binding.layout
    return {
        "name": binding.name,
        "kind": binding.kind,
        "dtype": binding.dtype,
        "shape": [int(size) for size in layout.shape],
        "element_bytes": layout.element_bytes,
        "order": [int(axis) for axis in layout.order],
        "column_axes": layout.column_axes,
        "pad": int(layout.pad),
        **({"dims": [int(size) for size in layout.dims]} if layout.dims else {}),
        "pieces": [
            [int(v) if not isinstance(v, str) else v for v in astuple(piece)] for piece in layout.pieces
        ],
    }


def read(
    documents: Mapping[str, str],
    *,
    machine: Machine,
    queues: Mapping[str, QueueText],
    data: tuple[DataSection, ...],
) -> Program:
    """Return the program that documents, queue texts and data make."""
    content = {name: json.loads(text) for name, text in documents.items()}
    return Program(
        name=str(content["header"]["name"]),
        machine=machine,
        queues=queues,
        data=data,
        bindings=tuple(_read_binding(entry) for entry in content["bindings"]),
        wires=tuple((str(first), str(second)) for first, second in content["wires"]),
        operators=tuple(Operator(**entry) for entry in content["operators"]),
        attributes={str(key): str(value) for key, value in content["attributes"].items()},
        source=Source(**content["source"]),
    )


def _read_binding(entry: Mapping[str, Any]) -> Binding:
    layout = TensorLayout(
        shape=tuple(entry["shape"]),
        element_bytes=entry["element_bytes"],
        pieces=tuple(_read_piece(*piece) for piece in entry["pieces"]),
        order=tuple(entry["order"]),
        column_axes=entry["column_axes"],
        pad=entry["pad"],
        dims=tuple(entry.get("dims", ())),
    )
    return Binding(name=entry["name"], kind=entry["kind"], dtype=entry["dtype"], layout=layout)


def _read_piece(
    block: int, byte_plane: int, first_row: int, rows: int, slice_name: str, address: int, step: int
) -> Piece:
    return Piece(
        block=block,
        byte_plane=byte_plane,
        first_row=first_row,
        rows=rows,
        slice=slice_name,
        address=address,
        step=step,
    )
