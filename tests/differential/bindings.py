"""Bindings over words of one slice."""

from __future__ import annotations

from collections.abc import Sequence

from lpu_emu.program.layout import Piece, TensorLayout
from lpu_emu.program.model import Binding


def binding(kind: str, name: str, where: str, addresses: Sequence[int], lanes: int) -> Binding:
    """Return a uint8 tensor [words, lanes] that lies at some addresses of a slice, each once."""
    words = sorted(set(addresses))
    pieces = tuple(
        Piece(block=0, byte_plane=0, first_row=row, rows=1, slice=where, address=address)
        for row, address in enumerate(words)
    )
    layout = TensorLayout(shape=(len(words), lanes), element_bytes=1, pieces=pieces)
    return Binding(name=name, kind=kind, dtype="uint8", layout=layout)
