"""SXM: bytes change lanes, and nothing else."""

from __future__ import annotations

import numpy as np

from lpu_emu.program.fault import not_a_bijection
from lpu_emu.reference.agenda import Steps
from lpu_emu.reference.operation import Bytes, Operation
from lpu_emu.reference.registry import defines


@defines("shift_up")
def shift_up(op: Operation) -> Steps:
    """Take each lane from `amount` lanes below."""
    (x,) = yield from op.take("x")
    moved = np.zeros_like(x)
    moved[:, op["amount"] :] = x[:, : x.shape[1] - op["amount"]]
    op.drive(op["to"], _selected(op, moved, x))


@defines("shift_down")
def shift_down(op: Operation) -> Steps:
    """Take each lane from `amount` lanes above."""
    (x,) = yield from op.take("x")
    moved = np.zeros_like(x)
    moved[:, : x.shape[1] - op["amount"]] = x[:, op["amount"] :]
    op.drive(op["to"], _selected(op, moved, x))


@defines("permute")
def permute(op: Operation) -> Steps:
    """Take each lane from the lane that the map names."""
    x, (low, high) = yield from op.take("x", "map")
    map_ = low.astype(np.intp) + 256 * high.astype(np.intp)
    if not np.array_equal(np.sort(map_), np.arange(len(map_))):
        op.fault(_not_a_bijection(op, map_))
        map_ = np.arange(len(map_))
    op.drive(op["to"], x[:, map_])


@defines("distribute")
def distribute(op: Operation) -> Steps:
    """Take each lane from a lane of its superlane, or zero, in all streams that are not bypassed."""
    x, map_ = yield from op.take("x", "map")
    lanes = op.by_superlane(map_)
    inside = lanes < lanes.shape[2]
    found = np.take_along_axis(op.by_superlane(x), np.where(inside, lanes, 0).astype(np.intp), axis=2)
    result = np.where(inside, found, 0).reshape(x.shape)
    bypassed = [bool(op["bypass"] >> stream & 1) for stream in range(len(x))]
    result[bypassed] = x[bypassed]
    op.drive(op["to"], result)


@defines("rotate")
def rotate(op: Operation) -> Steps:
    """Drive every input turned by 0, 1, ... lanes inside its superlanes."""
    (x,) = yield from op.take("x")
    turned = [np.roll(op.by_superlane(x), -step, axis=2) for step in range(op["edge"])]
    op.drive(op["to"], np.stack(turned, axis=1).reshape(-1, x.shape[1]))


@defines("transpose")
def transpose(op: Operation) -> Steps:
    """Swap streams and lanes inside each superlane."""
    (x,) = yield from op.take("x")
    op.drive(op["to"], op.by_superlane(x).transpose(2, 1, 0).reshape(x.shape))


def _selected(op: Operation, moved: Bytes, unmoved: Bytes) -> Bytes:
    """Return the moved lanes in the superlanes of the mask, the unmoved ones elsewhere."""
    superlanes = np.arange(op.state.machine.chip.superlanes)
    chosen = (op["mask"] >> superlanes & 1).astype(bool)
    lanes = np.repeat(chosen, op.state.machine.chip.lanes_per_superlane)
    return np.where(lanes, moved, unmoved)


def _not_a_bijection(op: Operation, map_: np.ndarray) -> str:
    counts = np.bincount(map_, minlength=len(map_))
    lane = int(np.flatnonzero(counts != 1)[0])
    return not_a_bijection(lane, int(counts[lane]), op.state.machine.chip.lanes_per_superlane)
