"""What can be seen at one cycle: streams, a queue, a plane, words of SRAM."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lpu_emu.debugger.debugger import Debugger
from lpu_emu.debugger.places import Words
from lpu_emu.debugger.values import as_values, lanes_text, plain, width_of
from lpu_emu.errors import UsageError
from lpu_emu.reference.streams import NOBODY
from lpu_emu.spec.machine import WEST_STREAM, direction, stream_name


@dataclass(frozen=True, kw_only=True, eq=False)
class Sight:
    """Values of one place at the end of a cycle; ``by`` says who put them there or what happens there.

    ``values`` [lanes], or None when there is only ``by`` to say.
    """

    cycle: int
    place: str
    by: str
    values: NDArray[Any] | None = None

    def as_row(self, first_lane: int, lanes: int) -> tuple[str, str, str, str]:
        """Return cycle, place, values and origin as text."""
        shown = "" if self.values is None else lanes_text(self.values, first_lane, lanes)
        return str(self.cycle), self.place, shown, self.by

    def as_json(self) -> dict[str, Any]:
        """Return all of it as JSON-like data."""
        values = None if self.values is None else plain(self.values)
        return {"cycle": self.cycle, "place": self.place, "by": self.by, "values": values}


def stream(debugger: Debugger, number: int, dtype: str) -> Iterator[Sight]:
    """Yield a stream at every position where it holds a value, in the order in which it flows.

    Raises:
        UsageError: a value of the type would need streams that do not exist.
    """
    registers, machine = debugger.state.streams, debugger.machine
    width = _group(number, dtype, debugger)
    for x in range(machine.positions):
        flow, span, place = registers.where(number, width, x)
        drivers = registers.driver[flow, span, place]
        if (drivers != NOBODY).all():
            by = site_text(debugger, int(drivers[0]))
            values = as_values(registers.values[flow, span, place], dtype)
            yield Sight(
                cycle=debugger.cycle, place=f"{stream_name(number)} at x={x}", by=by, values=values.copy()
            )


def _group(number: int, dtype: str, debugger: Debugger) -> int:
    width = width_of(dtype)
    if number % WEST_STREAM + width > debugger.machine.chip.streams:
        raise UsageError(
            f"{dtype} takes {width} streams, and there are not that many from {stream_name(number)} on"
        )
    return width


def site_text(debugger: Debugger, dispatch: int) -> str:
    """Return a dispatch by its number: queue, index, instruction and cycle."""
    site = debugger.state.audit.site(dispatch)
    return (
        f"{site.queue}[{site.index}] {debugger.text_of(site.queue, site.index)}, dispatched in {site.cycle}"
    )


def require_bytes(dtype: str) -> None:
    """Refuse types of more than one byte.

    Raises:
        UsageError: the type is one.
    """
    if width_of(dtype) > 1:
        raise UsageError(
            f"a word holds one byte per lane, and {dtype} has {width_of(dtype)}; use int8, uint8 or fp8"
        )


def dispatches(debugger: Debugger) -> Iterator[Sight]:
    """Yield everything that is dispatched in this cycle."""
    for dispatch in debugger.dispatched:
        yield Sight(cycle=debugger.cycle, place=dispatch.queue, by=f"dispatches {dispatch}")


def queue(debugger: Debugger, name: str, dtype: str) -> Iterator[Sight]:
    """Yield what a queue dispatches in this cycle, or when it goes on, and what passes its slice."""
    now = [each for each in debugger.dispatched if each.queue == name]
    for dispatch in now:
        yield Sight(cycle=debugger.cycle, place=name, by=f"dispatches {dispatch}")
    if not now:
        yield Sight(cycle=debugger.cycle, place=name, by=_waiting(debugger, name))
    yield from _passing(debugger, name, dtype)


def _waiting(debugger: Debugger, name: str) -> str:
    state = next((each for each in debugger.state.queues if each.queue.name == name), None)
    if state is None:
        return "has no text"
    if state.parked:
        return "is parked until a notify"
    if state.done:
        return "has come to its end"
    return f"waits until cycle {state.cursor} for [{state.position}] {debugger.text_of(name, state.position)}"


def _passing(debugger: Debugger, name: str, dtype: str) -> Iterator[Sight]:
    """Yield the streams that hold a value where the unit of a queue samples."""
    unit = debugger.machine.queue_by_name[name]
    registers = debugger.state.streams
    for number in (*range(debugger.machine.chip.streams), *_westward(debugger)):
        x = debugger.machine.x_in(unit, direction(number))
        flow, span, place = registers.where(number, 1, x)
        driver = int(registers.driver[flow, span, place][0])
        if driver != NOBODY:
            yield Sight(
                cycle=debugger.cycle,
                place=f"{stream_name(number)} at x={x}",
                by=site_text(debugger, driver),
                values=as_values(registers.values[flow, span, place], dtype).copy(),
            )


def driven_streams(debugger: Debugger) -> list[int]:
    """Return the numbers of the streams that hold a value anywhere, eastward ones first."""
    driven = (debugger.state.streams.driver != NOBODY).any(axis=2)
    return [int(flow * WEST_STREAM + number) for flow, number in np.argwhere(driven)]


def _westward(debugger: Debugger) -> range:
    return range(WEST_STREAM, WEST_STREAM + debugger.machine.chip.streams)


def plane(debugger: Debugger, number: int, rows: range, dtype: str) -> Iterator[Sight]:
    """Yield whether a plane holds weights, and accumulator rows of it that were written."""
    seen = debugger.state.planes[number]
    weights = "weights are installed" if seen.installed else "no weights yet"
    filled = int(seen.buffer.any(axis=1).sum())
    note = f"{weights}; {filled} rows of its buffer are not zero"
    yield Sight(cycle=debugger.cycle, place=f"plane {number}", by=note)
    for row in rows:
        writer = seen.writer_of(row)
        if writer is not None:
            bits = np.ascontiguousarray(seen.rows[row]).view(np.int32 if dtype == "int32" else np.float32)
            place = f"plane {number} row {row}"
            yield Sight(cycle=debugger.cycle, place=place, by=site_text(debugger, writer), values=bits.copy())


def words(debugger: Debugger, where: Words, dtype: str) -> Iterator[Sight]:
    """Yield words of SRAM as a type of one byte.

    Raises:
        UsageError: the type is wider; its byte planes lie in different slices.
    """
    require_bytes(dtype)
    memory = debugger.state.memory
    for address in range(where.address, where.address + where.count):
        written = memory.written[where.slice][address]
        values = as_values(memory.words[where.slice][address][None], dtype)
        yield Sight(
            cycle=debugger.cycle,
            place=str(Words(slice=where.slice, address=address)),
            by="" if written else "never written",
            values=values.copy(),
        )
