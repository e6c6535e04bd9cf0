"""MEM: one slice."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lpu_emu.program.fault import outside_region
from lpu_emu.reference.agenda import Phase, Steps
from lpu_emu.reference.operation import Bytes, Operation
from lpu_emu.reference.registry import defines


@defines("read")
def read(op: Operation) -> Steps:
    """Drive a word."""
    yield op.at(Phase.READ, "access")
    op.drive(op["to"], _load(op, op["address"], op["address"]))


@defines("write")
def write(op: Operation) -> Steps:
    """Store a vector."""
    (data,) = yield from op.take("data")
    yield op.at(Phase.WRITE, "access")
    _store(op, op["address"], data)


@defines("read_write")
def read_write(op: Operation) -> Steps:
    """Drive a word, and store a vector in another."""
    op.follow(read(op))
    (data,) = yield from op.take("data")
    yield op.at(Phase.WRITE, "access_store")
    _store(op, op["store"], data)


@defines("gather")
def gather(op: Operation) -> Steps:
    """Drive, in each superlane, the bytes at the address that the map carries there."""
    (map_,) = yield from op.take("map")
    yield op.at(Phase.READ, "access")
    region = op.by_superlane(_load(op, op["base"], op["limit"]))
    rows, superlanes = _rows(op, map_)
    found = np.zeros_like(region[0])
    found[superlanes] = region[rows, superlanes]
    op.drive(op["to"], found.reshape(1, -1))


@defines("scatter")
def scatter(op: Operation) -> Steps:
    """Store, in each superlane, the bytes of a vector at the address that the map carries there."""
    map_, data = yield from op.take("map", "data")
    yield op.at(Phase.READ, "access")
    _load(op, op["base"], op["limit"])
    yield op.at(Phase.WRITE, "access")
    rows, superlanes = _rows(op, map_)
    region = op.by_superlane(_words(op)[op["base"] : op["limit"] + 1])
    region[rows, superlanes] = op.by_superlane(data)[0, superlanes]


def _slice(op: Operation) -> str:
    return f"{op.queue.queue.hemisphere}{op.queue.queue.number}"


def _words(op: Operation) -> Bytes:
    return op.state.memory.words[_slice(op)]


def _load(op: Operation, first: int, last: int) -> Bytes:
    """Return words [n, lanes] as they are now, after judging the access."""
    memory = op.state.memory
    memory.access(op.number, _slice(op), first, last)
    memory.require_written(op.number, _slice(op), first, last, op.state.cycle)
    return _words(op)[first : last + 1].copy()


def _store(op: Operation, address: int, data: Bytes) -> None:
    memory = op.state.memory
    memory.access(op.number, _slice(op), address, address)
    memory.written[_slice(op)][address] = True
    _words(op)[address, : op.on] = data[0, : op.on]


def _rows(op: Operation, map_: Bytes) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return row in the region and superlane, for every superlane that is on and has an address inside.

    Raises:
        FaultError: an address is outside the region.
    """
    low, high = op.by_superlane(map_)[0, :, :2].astype(np.intp).T
    addresses = low + 256 * high
    on = np.arange(len(addresses)) < op.superlanes
    inside = (addresses >= op["base"]) & (addresses <= op["limit"])
    if (on & ~inside).any():
        _fault(op, addresses, int(np.argmax(on & ~inside)))
    superlanes = np.flatnonzero(on & inside)
    return addresses[superlanes] - op["base"], superlanes


def _fault(op: Operation, addresses: NDArray[np.intp], superlane: int) -> None:
    op.fault(outside_region(superlane, int(addresses[superlane]), op["base"], op["limit"]))
