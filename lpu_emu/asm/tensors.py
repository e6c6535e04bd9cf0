"""Tensors in directives: type, shape, layout options, and the places of their bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lpu_emu.asm.cursor import Cursor
from lpu_emu.asm.draft import Draft
from lpu_emu.asm.problems import Spot
from lpu_emu.asm.tokens import shown
from lpu_emu.program.bindings import ELEMENT_BYTES, MOST_AXES
from lpu_emu.program.layout import Piece, TensorLayout
from lpu_emu.program.placement import run_problem, slice_names

LARGEST_SIZE = (1 << 31) - 1


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where words begin: slice, address, and the token that names it."""

    slice: str
    address: int
    token: int


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """A tensor without its places."""

    name: str
    dtype: str
    layout: TensorLayout


def tensor(draft: Draft, cursor: Cursor) -> Tensor:
    """Read ``NAME TYPE [shape]`` and the options ``dims``, ``order``, ``columns`` and ``pad``."""
    name = cursor.name("a name")
    dtype = _dtype(draft, cursor)
    at = cursor.at
    shape = cursor.numbers("a size", 1, LARGEST_SIZE)
    if len(shape) > MOST_AXES:
        cursor.at = at
        raise cursor.problem(f"a tensor has at most {MOST_AXES} axes, this one has {len(shape)}")
    dims: tuple[int, ...] = ()
    order: tuple[int, ...] = ()
    columns, pad = 1, 0
    if cursor.accept("dims"):
        dims = cursor.numbers("a size", 1, LARGEST_SIZE)
    axes = len(dims or shape)
    if cursor.accept("order"):
        order = _order(cursor, axes)
    if cursor.accept("columns"):
        columns = cursor.number("column axes", 0, max(axes, 1))
    if cursor.accept("pad"):
        pad = cursor.number("the padding byte", 0, 255)
    layout = TensorLayout(
        shape=shape,
        element_bytes=ELEMENT_BYTES[dtype],
        pieces=(),
        order=order,
        column_axes=columns,
        pad=pad,
        dims=dims,
    )
    return Tensor(name=name, dtype=dtype, layout=layout)


def _dtype(draft: Draft, cursor: Cursor) -> str:
    token = cursor.token
    if token not in ELEMENT_BYTES:
        near = draft.problems.near(token, ELEMENT_BYTES)
        raise cursor.problem(f"type {shown(token)} is none of {', '.join(ELEMENT_BYTES)}{near}")
    return cursor.take()


def _order(cursor: Cursor, axes: int) -> tuple[int, ...]:
    at = cursor.at
    order = cursor.numbers("an axis", 0, LARGEST_SIZE)
    if sorted(order) != list(range(axes)):
        cursor.at = at
        raise cursor.problem(f"the order must name each of the {axes} axes, 0..{axes - 1}, once")
    return order


def place(cursor: Cursor) -> Place:
    """Read ``SLICE:ADDRESS``."""
    token = cursor.at
    name = cursor.name("a place such as W3:0x010")
    cursor.expect(":")
    address = cursor.number("an address")
    return Place(slice=name, address=address, token=token)


def step(cursor: Cursor) -> int:
    """Read ``step N`` if it is there."""
    return cursor.number("the step", -65536, 65536) if cursor.accept("step") else 1


def pieces(draft: Draft, cursor: Cursor, item: Tensor) -> list[tuple[Piece, Spot]]:
    """Read the places of a tensor, one per byte plane, with ``|`` before those of the next block."""
    lanes = draft.machine.chip.lanes
    planes, blocks, rows = item.layout.element_bytes, item.layout.blocks(lanes), item.layout.rows
    first = cursor.at
    listed = [[place(cursor)]]
    while cursor.token not in ("", "=", "step"):
        if cursor.accept("|"):
            listed.append([])
        listed[-1].append(place(cursor))
    distance = step(cursor)
    if len(listed) != blocks or any(len(block) != planes for block in listed):
        cursor.at = first
        raise cursor.problem(_expected_places(item, planes, blocks, lanes))
    found = []
    slices = slice_names(draft.machine)
    for b, block in enumerate(listed):
        for p, at in enumerate(block):
            _require_room(draft, cursor, slices, at, rows, distance)
            piece = Piece(
                block=b,
                byte_plane=p,
                first_row=0,
                rows=rows,
                slice=at.slice,
                address=at.address,
                step=distance,
            )
            found.append((piece, draft.problems.spot(cursor.line, at.token)))
    return found


def _expected_places(item: Tensor, planes: int, blocks: int, lanes: int) -> str:
    bytes_ = f"{planes} place{'s' if planes > 1 else ''}, one per byte of {item.dtype}"
    if blocks == 1:
        return f"expected {bytes_}"
    per_block = f"one per {lanes} of {item.layout.columns} columns"
    return f"expected {blocks} blocks separated by '|', {per_block}, each with {bytes_}"


def _require_room(
    draft: Draft, cursor: Cursor, slices: Mapping[str, int], at: Place, rows: int, distance: int
) -> None:
    problem = run_problem(draft.machine, dict(slices), at.slice, at.address, rows, distance)
    if problem:
        cursor.at = at.token
        raise cursor.problem(problem)


def placed_run(draft: Draft, cursor: Cursor, rows: int) -> tuple[Place, int]:
    """Read ``SLICE:ADDRESS`` and ``step N`` for a known number of words, and require that they fit."""
    at = place(cursor)
    distance = step(cursor)
    _require_room(draft, cursor, slice_names(draft.machine), at, rows, distance)
    return at, distance
