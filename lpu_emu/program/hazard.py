"""Hazards: places where a program breaks the timing rules of its chip, in one form for analysis and executors."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

WARNINGS = frozenset({"overwritten", "lost_product"})
ADVICE = {
    "double_drive": "two instructions drive one stream register in the same cycle; move one in time or to another stream",
    "undriven": "nothing was driven onto the stream for this cycle; check the producer's dispatch, func and hops",
    "unmet": "some operands are there and others are not; shift a producer so that they meet",
    "overwritten": "the value is replaced before anything has sampled it; drop it or move one of the two",
    "bank_conflict": "a bank serves one access per cycle; use the other bank or another cycle",
    "unwritten_read": "the word was never written before this cycle; add data, or read later",
    "unwritten_output": "the program never writes these words of an output binding",
    "no_weights": "install weights (iw or iw_stream) before abc",
    "install_busy": "weights are being installed; dispatch abc after they land",
    "load_in_flight": "a load has not landed when the buffer is installed; install later",
    "plane_busy": "the plane still works on the previous issue; leave its interval between them",
    "no_product": "no product reaches the accumulator in this cycle; dispatch acc product cycles after abc",
    "lost_product": "no acc takes this product; dispatch acc product cycles after abc",
    "row_unset": "the accumulator row holds nothing yet; begin with acc.set",
    "row_incomplete": "the accumulator row is not complete yet; read or add later",
    "latch_unset": "the ALU's latch was never written; fill it first",
    "link_busy": "the link still sends the previous vector",
    "receive_empty": "no vector has arrived on the link yet; receive later, or send earlier",
    "never_notified": "the queue is parked for ever; a notify must follow",
}


@dataclass(frozen=True, kw_only=True, order=True)
class Site:
    """One dispatch: queue, instruction index in its queue, source line (0 unknown), dispatch cycle."""

    queue: str
    index: int
    line: int
    cycle: int


@dataclass(frozen=True, kw_only=True)
class Hazard:
    """One kind of clash between the same two instructions, however often it happens.

    ``cycle``, ``resource`` and the sites are those of the earliest occurrence; ``count`` counts them all.
    """

    kind: str
    resource: str
    cycle: int
    first: Site | None
    second: Site | None
    count: int = 1

    @property
    def is_warning(self) -> bool:
        """Whether the program still means what it says."""
        return self.kind in WARNINGS

    @property
    def advice(self) -> str:
        """What is wrong and what to do, in one line."""
        return ADVICE[self.kind]


def group(occurrences: Iterable[Hazard]) -> tuple[Hazard, ...]:
    """Merge occurrences of one kind between the same two instructions, earliest first, and sort the result.

    Of occurrences in the same cycle the one with the lowest resource in ``resource_key`` order is kept, then
    the one dispatched first. Hazards without instructions are told apart by their resource.
    """
    merged: dict[tuple[object, ...], Hazard] = {}
    for hazard in occurrences:
        nowhere = hazard.resource if hazard.first is None else ""
        key = (hazard.kind, _place(hazard.first), _place(hazard.second), nowhere)
        known = merged.get(key)
        if known is None:
            merged[key] = hazard
            continue
        total = known.count + hazard.count
        merged[key] = replace(_earlier(known, hazard), count=total)
    return tuple(sorted(merged.values(), key=sort_key))


def _earlier(one: Hazard, other: Hazard) -> Hazard:
    if one.cycle != other.cycle:
        return one if one.cycle < other.cycle else other
    return min(one, other, key=lambda h: (resource_key(h.resource), _dispatch(h.first), _dispatch(h.second)))


def sort_key(hazard: Hazard) -> tuple[object, ...]:
    """Order of hazards in reports: by cycle, then kind, then place."""
    places = (_place(hazard.first), _place(hazard.second))
    return (hazard.cycle, hazard.kind, *places, resource_key(hazard.resource))


def resource_key(resource: str) -> tuple[tuple[int, str], ...]:
    """Order resource names with their numbers as numbers, so that ``e9`` comes before ``e10``."""
    key: list[tuple[int, str]] = []
    number, word = "", ""
    for char in resource + " ":
        if char.isdigit():
            number += char
            continue
        if number:
            key.append((int(number), word))
            number, word = "", ""
        word += char
    return (*key, (-1, word))


def _dispatch(site: Site | None) -> int:
    return site.cycle if site else -1


def _place(site: Site | None) -> tuple[str, int]:
    return (site.queue, site.index) if site else ("", -1)
