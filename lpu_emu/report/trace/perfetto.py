"""Perfetto's protobuf form. A cycle is a nanosecond.

Field numbers are those of the published schema (``trace_packet.proto``, ``track_event.proto``,
``track_descriptor.proto``, ``interned_data.proto``, ``debug_annotation.proto``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from lpu_emu.report.trace.model import Trace
from lpu_emu.report.trace.protobuf import fixed64, message, number, text

_SEQUENCE = 1
_ROOT = 1
_CLEARED, _NEEDED = 1, 2  # sequence flags: interned names begin here; interned names are used
_BEGIN, _END, _COUNT = 1, 2, 4
_EXPLICIT = 3  # child tracks in the order of sibling_order_rank


@dataclass(kw_only=True, eq=False)
class _Names:
    """Names that are written once and then stand for themselves by number; ``fresh`` are not written yet."""

    tag: int
    known: dict[str, int] = field(default_factory=dict)
    fresh: list[bytes] = field(default_factory=list)

    def number_of(self, name: str) -> int:
        """Return the number of a name; a new one gets the next."""
        if name not in self.known:
            self.known[name] = len(self.known) + 1
            self.fresh.append(message(self.tag, number(1, self.known[name]), text(2, name)))
        return self.known[name]


def perfetto_bytes(trace: Trace) -> bytes:
    """Return a trace as the bytes of a ``.pftrace`` file."""
    return b"".join((*_descriptors(trace), *_events(trace)))


def _packet(*parts: bytes) -> bytes:
    return message(1, *parts, number(10, _SEQUENCE))


def _group_id(trace: Trace, group: str) -> int:
    return _ROOT + 1 + trace.groups.index(group)


def _track_id(trace: Trace, track: int) -> int:
    return _ROOT + 1 + len(trace.groups) + track


def _descriptors(trace: Trace) -> Iterator[bytes]:
    """Name all tracks: counters, then groups with their tracks below them."""
    yield _packet(number(13, _CLEARED), _track(_ROOT, 0, trace.title, 0, number(11, _EXPLICIT)))
    for rank, counter in enumerate(trace.counters):
        unit = message(8, text(6, counter.unit))
        yield _packet(_track(_track_id(trace, len(trace.tracks) + rank), _ROOT, counter.name, rank, unit))
    for rank, group in enumerate(trace.groups, start=len(trace.counters)):
        yield _packet(_track(_group_id(trace, group), _ROOT, group, rank, number(11, _EXPLICIT)))
    for rank, track in enumerate(trace.tracks):
        yield _packet(_track(_track_id(trace, rank), _group_id(trace, track.group), track.name, rank))


def _track(identity: int, parent: int, name: str, rank: int, *more: bytes) -> bytes:
    above = [number(5, parent)] if parent else []
    return message(60, number(1, identity), text(2, name), *above, number(12, rank), *more)


def _events(trace: Trace) -> Iterator[bytes]:
    """Write all events in the order of time; what ends in a cycle ends before anything begins in it."""
    names, keys = _Names(tag=2), _Names(tag=3)
    outgoing, incoming = _flow_ids(trace)
    moments = [(s.start, 2, i) for i, s in enumerate(trace.slices)]
    moments += [(s.end, 0, i) for i, s in enumerate(trace.slices)]
    counts = [
        (cycle, 1, track, value)
        for track, counter in enumerate(trace.counters, start=len(trace.tracks))
        for cycle, value in zip(counter.cycles.tolist(), counter.values.tolist(), strict=True)
    ]
    for cycle, order, at, *value in sorted((*moments, *counts)):
        if order == 1:
            parts = [number(9, _COUNT), number(11, _track_id(trace, at)), number(30, value[0])]
        elif order == 0:
            parts = [number(9, _END), number(11, _track_id(trace, trace.slices[at].track))]
        else:
            parts = _begin(trace, at, names, keys)
            parts += [fixed64(47, flow) for flow in outgoing[at]] + [
                fixed64(48, flow) for flow in incoming[at]
            ]
        yield _packet(*_interned(names, keys), number(8, cycle), number(13, _NEEDED), message(11, *parts))


def _interned(names: _Names, keys: _Names) -> list[bytes]:
    """Return the names that are used for the first time, and take note that they are written."""
    fresh = [*names.fresh, *keys.fresh]
    names.fresh.clear()
    keys.fresh.clear()
    return [message(12, *fresh)] if fresh else []


def _begin(trace: Trace, at: int, names: _Names, keys: _Names) -> list[bytes]:
    each = trace.slices[at]
    details = [
        message(
            4, number(1, keys.number_of(key)), text(6, value) if isinstance(value, str) else number(4, value)
        )
        for key, value in each.details.items()
    ]
    track = number(11, _track_id(trace, each.track))
    return [number(9, _BEGIN), track, number(10, names.number_of(each.name)), *details]


def _flow_ids(trace: Trace) -> tuple[dict[int, list[int]], dict[int, list[int]]]:
    """Return by slice the flows that begin there, and those that end there."""
    outgoing, incoming = defaultdict(list), defaultdict(list)
    for identity, flow in enumerate(trace.flows, start=1):
        outgoing[flow.source].append(identity)
        incoming[flow.target].append(identity)
    return outgoing, incoming
