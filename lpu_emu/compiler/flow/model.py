"""A flow: a rigid pipeline of instruction runs over n vectors.

Stages are joined by edges (streams that carry one value per vector) and by links (fixed delays). Once the column of
every ALU is chosen and one dispatch cycle is known, the cycle of every other stage follows. What stays open until the
flow is scheduled: ALU columns and rows, streams, slices of words without an address, and the time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from lpu_emu.compiler.memory.words import Words
from lpu_emu.timing import Loop, body_spans, iterations


@dataclass(frozen=True, kw_only=True)
class At:
    """The stage runs on this queue. ``table`` are placed words of which it touches any, by addresses that are data."""

    queue: str
    table: Words | None = field(default=None, compare=False)


@dataclass(frozen=True, kw_only=True, eq=False)
class Lookup(At):
    """The stage gathers from ``words``, which have an address, somewhere in ``count`` words from ``first`` on."""

    words: Words
    first: int
    count: int


@dataclass(frozen=True, kw_only=True)
class AnyAlu:
    """The stage runs on an ALU of the scheduler's choice, or on the ALU ``number``.

    Stages of one ``level`` (if they have one) share a column, so that values which leave them together stay together.
    """

    large: bool
    number: int | None = None
    level: int | None = None


@dataclass(frozen=True, kw_only=True)
class Beside:
    """The stage runs on the ALU of an earlier stage: it fills that ALU's latch."""

    stage: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Access:
    """The stage reads or writes words, from word ``first`` on.

    ``late_cycles`` is how long after the first vector of its edge the access begins.
    """

    words: Words
    first: int = 0
    late_cycles: int = 0


Place = At | AnyAlu | Beside | Access


@dataclass(frozen=True, kw_only=True)
class Port:
    """An operand that is a stream: stream ``index`` of an edge is its first."""

    operand: str
    edge: int
    index: int = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Stage:
    """One instruction, dispatched once per vector (or as ``loops`` say, innermost first).

    ``line`` is where it was asked for in a source text, 0 if it has none.
    """

    index: int
    mnemonic: str
    place: Place
    loops: tuple[Loop, ...] = ()
    operands: Mapping[str, int] = field(default_factory=dict)
    inputs: tuple[Port, ...] = ()
    outputs: tuple[Port, ...] = ()
    line: int = 0

    @cached_property
    def span(self) -> int:
        """Cycles from the first dispatch to the last."""
        return body_spans(self.loops)[-1]

    @property
    def count(self) -> int:
        """Dispatches."""
        return iterations(self.loops)

    @cached_property
    def is_leaf(self) -> bool:
        """Whether the stage is a memory access, whose time follows from the other stages."""
        return isinstance(self.place, Access)


@dataclass(frozen=True, kw_only=True)
class Edge:
    """``width`` consecutive streams whose first is a multiple of ``align``; ``stream`` pins the first."""

    index: int
    width: int
    align: int
    stream: int | None = None


@dataclass(frozen=True, kw_only=True)
class Link:
    """Stage ``after`` is dispatched ``delay`` cycles after stage ``before``."""

    before: int
    after: int
    delay: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Flow:
    """Stages, edges and links; ``origin`` is the operator it belongs to, ``side`` the preferred hemisphere for new words.

    ``not_before`` bounds the dispatch of the first stage that is not a memory access, ``exactly`` fixes it.
    """

    name: str
    stages: tuple[Stage, ...]
    edges: tuple[Edge, ...]
    links: tuple[Link, ...] = ()
    origin: int = -1
    side: str = "W"
    not_before: int = 0
    exactly: int | None = None

    def producers(self, edge: int) -> list[tuple[Stage, Port]]:
        """Return the stages that drive an edge."""
        return [(s, p) for s in self.stages for p in s.outputs if p.edge == edge]

    def consumers(self, edge: int) -> list[tuple[Stage, Port]]:
        """Return the stages that sample an edge."""
        return [(s, p) for s in self.stages for p in s.inputs if p.edge == edge]
