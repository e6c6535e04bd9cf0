"""A trace before it has a format: tracks, slices on them, flows between slices, counters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lpu_emu.analysis.lattice import Ints


@dataclass(frozen=True, kw_only=True)
class Track:
    """A line of a viewer: its name, and the group that it stands in."""

    name: str
    group: str


@dataclass(frozen=True, kw_only=True)
class Slice:
    """Something that takes time on a track (a place in ``Trace.tracks``): the cycles ``start`` to before ``end``."""

    track: int
    name: str
    start: int
    end: int
    details: Mapping[str, str | int]


@dataclass(frozen=True, kw_only=True)
class Flow:
    """What slice ``source`` makes in cycle ``start`` is taken by slice ``target`` in cycle ``end``."""

    kind: str
    source: int
    start: int
    target: int
    end: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Counter:
    """A quantity over time: ``values`` [n] hold from ``cycles`` [n] on."""

    name: str
    unit: str
    cycles: Ints
    values: Ints


@dataclass(frozen=True, kw_only=True)
class Trace:
    """One execution of a program. Groups are in the order in which viewers shall list them."""

    title: str
    clock_hz: int
    cycles: int
    groups: tuple[str, ...]
    tracks: tuple[Track, ...]
    slices: tuple[Slice, ...]
    flows: tuple[Flow, ...]
    counters: tuple[Counter, ...]
