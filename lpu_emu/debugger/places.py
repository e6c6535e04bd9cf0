"""What a user points at: a slice or another queue, a stream, a plane, words of SRAM, cycles."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lpu_emu.errors import UsageError, did_you_mean
from lpu_emu.spec.machine import WEST_STREAM, Machine

_STREAM = re.compile(r"(?:([ew])(\d+)|(\d+)([ew]))", re.IGNORECASE)
_WORDS = re.compile(r"(?:mem\.)?([WE]\d+):(0x[0-9a-f]+|\d+)(?:\+(\d+))?", re.IGNORECASE)
_CYCLES = re.compile(r"(\d+)(?:(?::|\.\.)(\d+))?")


@dataclass(frozen=True, kw_only=True)
class Cycles:
    """Cycles ``first`` to ``last``, both included."""

    first: int
    last: int

    def __iter__(self) -> object:
        return iter(range(self.first, self.last + 1))


@dataclass(frozen=True, kw_only=True)
class Words:
    """``count`` words of a slice (``W3``) from ``address`` on."""

    slice: str
    address: int
    count: int = 1

    def __str__(self) -> str:
        """Return the place as it is written."""
        more = f"+{self.count - 1}" if self.count > 1 else ""
        return f"{self.slice}:0x{self.address:03x}{more}"


def stream_of(text: str, machine: Machine) -> int:
    """Return the number (0..63) of a stream written ``e3`` or ``3E``.

    Raises:
        UsageError: the text is no stream of the chip.
    """
    match = _STREAM.fullmatch(text)
    if match is None:
        raise UsageError(f"{text!r} is no stream; write e3 (the third eastward one, from 0) or w3")
    side, number = (match[1] or match[4]).lower(), int(match[2] or match[3])
    if number >= machine.chip.streams:
        raise UsageError(
            f"there is no stream {text}: chip {machine.chip.name} has {machine.chip.streams} in each direction, from 0"
        )
    return number + (WEST_STREAM if side == "w" else 0)


def queue_of(text: str, machine: Machine) -> str:
    """Return the queue that a text names: ``E5`` and ``mem.E5`` are the same slice.

    Raises:
        UsageError: the chip has no such queue.
    """
    names = [queue.name for queue in machine.queues]
    for name in (text, f"mem.{text.upper()}"):
        if name in names:
            return name
    raise UsageError(
        f"chip {machine.chip.name} has no slice or queue {text!r}{did_you_mean(text, names)}; "
        f"write E5 for a MEM slice, or a queue such as vxm.3"
    )


def plane_of(number: int, machine: Machine) -> int:
    """Return a plane number that exists.

    Raises:
        UsageError: the chip has no such plane.
    """
    count = 2 * machine.chip.planes
    if not 0 <= number < count:
        raise UsageError(f"there is no plane {number}: chip {machine.chip.name} has planes 0 to {count - 1}")
    return number


def words_of(text: str, machine: Machine) -> Words:
    """Return words written ``E5:0x10`` or ``E5:16+3`` (the word and three more).

    Raises:
        UsageError: the text is no place in the chip's memory.
    """
    match = _WORDS.fullmatch(text)
    if match is None:
        raise UsageError(f"{text!r} is no address; write E5:0x010, or E5:16+3 for four words")
    side, address, more = match[1].upper(), int(match[2], 0), int(match[3] or 0)
    queue_of(side, machine)
    if address + more >= machine.chip.words:
        raise UsageError(
            f"{text} lies outside slice {side}: chip {machine.chip.name} has words 0 to {machine.chip.words - 1}"
        )
    return Words(slice=side, address=address, count=more + 1)


def cycles_of(text: str) -> Cycles:
    """Return cycles written ``1234`` or ``100:140`` (both ends included).

    Raises:
        UsageError: the text is neither.
    """
    match = _CYCLES.fullmatch(text)
    if match is None or int(match[2] or match[1]) < int(match[1]):
        raise UsageError(f"{text!r} are no cycles; write 1234, or 100:140 for a range")
    return Cycles(first=int(match[1]), last=int(match[2] or match[1]))
