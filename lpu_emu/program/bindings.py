"""Whether named inputs and outputs make sense: a known type, a sound layout, words that exist."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from lpu_emu.program.layout import Piece, TensorLayout
from lpu_emu.program.model import Binding
from lpu_emu.program.placement import Numbered, run_problem, slice_names
from lpu_emu.spec.machine import DTYPE_BYTES, Machine

ELEMENT_BYTES = {**DTYPE_BYTES, "bool": 1}
KINDS = ("input", "output")
MOST_AXES = 32  # NumPy arrays have at most 64, and storing a tensor needs a few


def binding_findings(machine: Machine, bindings: Sequence[Binding]) -> Iterator[Numbered]:
    """Yield (binding number, message) for everything that is wrong with the bindings."""
    slices = slice_names(machine)
    seen: set[tuple[str, str]] = set()
    for i, binding in enumerate(bindings):
        if (binding.kind, binding.name) in seen:
            yield i, f"{binding.name}: there is another {binding.kind} of this name"
        seen.add((binding.kind, binding.name))
        layout = binding.layout
        problems = list(_problems(binding))
        if not problems:
            problems = [p for piece in layout.pieces for p in _piece(machine, slices, layout, piece)]
            problems = problems or list(_coverage(machine, layout))
        yield from ((i, f"{binding.name}: {problem}") for problem in problems)


def _problems(binding: Binding) -> Iterator[str]:
    layout = binding.layout
    if binding.kind not in KINDS:
        yield f"is of the kind {binding.kind!r}, expected one of {', '.join(KINDS)}"
    if binding.dtype not in ELEMENT_BYTES:
        yield f"type {binding.dtype!r} is none of {', '.join(ELEMENT_BYTES)}"
    elif layout.element_bytes != ELEMENT_BYTES[binding.dtype]:
        expected = ELEMENT_BYTES[binding.dtype]
        yield f"elements have {layout.element_bytes} bytes; {binding.dtype} has {expected}"
    if len(layout.shape) > MOST_AXES:
        yield f"has {len(layout.shape)} axes; {MOST_AXES} are the most"
    if any(size < 1 for size in layout.shape):
        yield f"shape {list(layout.shape)} has a size below 1"
    if layout.dims and math.prod(layout.dims) != math.prod(layout.shape):
        yield f"shape {list(layout.shape)} cannot be seen as {list(layout.dims)}"
    if any(size < 1 for size in layout.dims):
        yield f"dims {list(layout.dims)} have a size below 1"
    axes = len(layout.sizes)
    if layout.dims and axes > MOST_AXES:
        yield f"is seen with {axes} axes; {MOST_AXES} are the most"
    if sorted(layout.axes) != list(range(axes)):
        yield f"order {list(layout.order)} does not name each of {axes} axes once"
    if not 0 <= layout.column_axes <= max(axes, 1):
        yield f"{layout.column_axes} column axes; the tensor has {axes} axes"
    if not 0 <= layout.pad <= 255:
        yield f"pad {layout.pad} is no byte"


def _coverage(machine: Machine, layout: TensorLayout) -> Iterator[str]:
    """Every row of every block and byte plane has one place."""
    needed = layout.element_bytes * layout.blocks(machine.chip.lanes) * layout.rows
    placed = sum(piece.rows for piece in layout.pieces)
    if placed != needed:
        yield f"{placed} of its {needed} words have a place"
        return
    rows = [
        (piece.byte_plane * layout.blocks(machine.chip.lanes) + piece.block) * layout.rows
        + np.arange(piece.first_row, piece.first_row + piece.rows)
        for piece in layout.pieces
    ]
    if placed and len(np.unique(np.concatenate(rows))) != placed:
        yield "some of its words have two places, others none"


def _piece(machine: Machine, slices: dict[str, int], layout: TensorLayout, piece: Piece) -> Iterator[str]:
    blocks = layout.blocks(machine.chip.lanes)
    if not 0 <= piece.block < blocks:
        yield f"a piece names block {piece.block}; there are {blocks}"
    if not 0 <= piece.byte_plane < layout.element_bytes:
        yield f"a piece names byte plane {piece.byte_plane}; elements have {layout.element_bytes} bytes"
    last = piece.first_row + piece.rows - 1
    if piece.rows < 1 or piece.first_row < 0 or last >= layout.rows:
        yield f"a piece holds the rows {piece.first_row}..{last}; the tensor has {layout.rows} rows"
    if problem := run_problem(machine, slices, piece.slice, piece.address, piece.rows, piece.step):
        yield problem
