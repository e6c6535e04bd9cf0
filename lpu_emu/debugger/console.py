"""The commands of the debugger: each takes words and returns the lines it prints."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from lpu_emu.debugger import places, sights, watch
from lpu_emu.debugger.debugger import Debugger
from lpu_emu.debugger.sights import Sight
from lpu_emu.debugger.values import SHOWN_LANES, TYPES, width_of
from lpu_emu.errors import LpuError, UsageError, did_you_mean

Lines = Iterator[str]


class Command(NamedTuple):
    """A command: how it is written, what it does, and its function."""

    usage: str
    meaning: str
    run: Callable[[Console, list[str]], Lines]


@dataclass(frozen=True, kw_only=True)
class Breakpoint:
    """Where to stop: ``text`` as the user wrote it, ``hit`` says why a stopped program is there, or nothing."""

    text: str
    hit: Callable[[Debugger], str]


@dataclass
class Console:
    """A debugger, its breakpoints, and the way values are shown."""

    debugger: Debugger
    breakpoints: list[Breakpoint] = field(default_factory=list)
    dtype: str = "int8"
    done: bool = False

    def execute(self, line: str) -> list[str]:
        """Run one command line and return what it prints; an error is printed too.

        An empty line and what follows a ``#`` do nothing.
        """
        try:
            return list(self._lines(line.split("#")[0].split()))
        except LpuError as error:
            return [f"error: {error}"]

    def _lines(self, words: list[str]) -> Lines:
        if not words:
            return
        name = ALIASES.get(words[0], words[0])
        command = COMMANDS.get(name)
        if command is None:
            hint = did_you_mean(name, COMMANDS)
            raise UsageError(f"there is no command {words[0]!r}{hint}; help lists all of them")
        yield from command.run(self, words[1:])

    def where(self) -> Lines:
        """Yield the cycle and what is dispatched in it."""
        ends = "" if self.debugger.next_cycle is not None else " (nothing is left to happen)"
        yield f"cycle {self.debugger.cycle}{ends}"
        yield from (f"  {dispatch}" for dispatch in self.debugger.dispatched)

    def shown(self, found: Iterable[Sight]) -> Lines:
        """Yield values with their places."""
        for sight in found:
            _, place, values, by = sight.as_row(0, SHOWN_LANES)
            yield f"  {place}: {values}{'  ' if values and by else ''}{by}"


def _step(console: Console, words: list[str]) -> Lines:
    for _ in range(_number(words, 1)):
        if not console.debugger.step():
            break
    yield from console.where()


def _go(console: Console, words: list[str]) -> Lines:
    console.debugger.go_to(_number(words, console.debugger.cycle))
    yield from console.where()


def _continue(console: Console, words: list[str]) -> Lines:
    reasons: list[str] = []

    def stop(debugger: Debugger) -> bool:
        reasons.extend(filter(None, (point.hit(debugger) for point in console.breakpoints)))
        return bool(reasons)

    console.debugger.run_until(stop, _number(words, 0) if words else None)
    yield from reasons or ["the end is reached" if not words else "no breakpoint was met"]
    yield from console.where()


def _break(console: Console, words: list[str]) -> Lines:
    if words:
        console.breakpoints.append(breakpoint_of(words, console.debugger))
    if not console.breakpoints:
        yield "no breakpoints"
    yield from (f"{n}: {point.text}" for n, point in enumerate(console.breakpoints, 1))


def _delete(console: Console, words: list[str]) -> Lines:
    number = _number(words, 0)
    if not 1 <= number <= len(console.breakpoints):
        raise UsageError(f"there is no breakpoint {number}; break lists them")
    yield f"deleted: {console.breakpoints.pop(number - 1).text}"


def breakpoint_of(words: list[str], debugger: Debugger) -> Breakpoint:
    """Return a breakpoint written as ``hazard``, an address, a queue, ``queue[index]`` or a mnemonic.

    Raises:
        UsageError: it is none of them.
    """
    text = " ".join(words)
    if text == "hazard":
        return Breakpoint(text=text, hit=_new_hazard(len(debugger.hazards)))
    if ":" in text:
        where = places.words_of(text, debugger.machine)
        return Breakpoint(text=text, hit=_touches(where, debugger))
    if text in debugger.machine.isa.instructions:
        return Breakpoint(text=text, hit=_dispatches(mnemonic=text))
    queue, _, index = text.partition("[")
    name = places.queue_of(queue, debugger.machine)
    wanted = int(index.rstrip("]")) if index.rstrip("]").isdigit() else -1
    return Breakpoint(text=text, hit=_dispatches(queue=name, index=wanted))


def _new_hazard(known: int) -> Callable[[Debugger], str]:
    def hit(debugger: Debugger) -> str:
        fresh = debugger.hazards[known:]
        return f"hazard: {fresh[0].kind} at {fresh[0].resource}" if fresh else ""

    return hit


def _touches(where: places.Words, debugger: Debugger) -> Callable[[Debugger], str]:
    """Stop when a word is accessed: its bytes change, or a dispatch on its slice names its address."""
    addresses = range(where.address, where.address + where.count)

    def hit(debugger: Debugger) -> str:
        for dispatch in debugger.state.dispatched:
            unit = dispatch.queue.queue
            named = {
                dispatch.args[i]
                for i, o in enumerate(dispatch.instruction.operands)
                if o.kind.name == "address"
            }
            if unit.name == f"mem.{where.slice}" and any(a in addresses for a in named):
                return f"{where} is accessed by {unit.name}[{dispatch.index}]"
        return ""

    return hit


def _dispatches(queue: str = "", index: int = -1, mnemonic: str = "") -> Callable[[Debugger], str]:
    def hit(debugger: Debugger) -> str:
        for each in debugger.state.dispatched:
            if queue and each.queue.queue.name != queue:
                continue
            if index >= 0 and each.index != index:
                continue
            if not mnemonic or each.instruction.mnemonic == mnemonic:
                return f"{each.queue.queue.name}[{each.index}] is dispatched"
        return ""

    return hit


def _streams(console: Console, words: list[str]) -> Lines:
    debugger = console.debugger
    if words:
        yield from console.shown(
            sights.stream(debugger, places.stream_of(words[0], debugger.machine), console.dtype)
        )
        return
    for number in sights.driven_streams(debugger):
        yield from console.shown(sights.stream(debugger, number, "uint8"))


def _queue(console: Console, words: list[str]) -> Lines:
    name = places.queue_of(_one(words, "a slice or queue"), console.debugger.machine)
    yield from console.shown(sights.queue(console.debugger, name, _byte_type(console.dtype)))


def _plane(console: Console, words: list[str]) -> Lines:
    debugger = console.debugger
    number = places.plane_of(_number(words, 0), debugger.machine)
    dtype = "int32" if console.dtype in ("int8", "uint8", "int32") else "fp32"
    rows = range(debugger.machine.chip.accumulator_rows)
    yield from console.shown(sights.plane(debugger, number, rows, dtype))


def _memory(console: Console, words: list[str]) -> Lines:
    where = places.words_of(_one(words, "an address"), console.debugger.machine)
    yield from console.shown(sights.words(console.debugger, where, _byte_type(console.dtype)))


def _watch(console: Console, words: list[str]) -> Lines:
    """Go on to the next change of a word."""
    debugger = console.debugger
    where = places.words_of(_one(words, "an address"), debugger.machine)
    found = next(watch.changes(debugger, where, _byte_type(console.dtype), debugger.cycle + 1, None), None)
    yield from ["it does not change any more"] if found is None else console.where()
    yield from console.shown([found] if found else [])


def _as(console: Console, words: list[str]) -> Lines:
    dtype = _one(words, "a type")
    if dtype not in TYPES:
        raise UsageError(f"there is no type {dtype!r}{did_you_mean(dtype, TYPES)}; types: {', '.join(TYPES)}")
    console.dtype = dtype
    yield f"values are shown as {dtype}"


def _hazards(console: Console, words: list[str]) -> Lines:
    found = console.debugger.hazards
    if not found:
        yield "no hazards so far"
    yield from (f"  cycle {h.cycle}: {h.kind} at {h.resource}" for h in found)


def _help(console: Console, words: list[str]) -> Lines:
    width = max(len(command.usage) for command in COMMANDS.values())
    yield from (f"  {command.usage.ljust(width)}  {command.meaning}" for command in COMMANDS.values())


def _quit(console: Console, words: list[str]) -> Lines:
    console.done = True
    return iter(())


def _number(words: list[str], default: int) -> int:
    if not words:
        return default
    if not words[0].isdigit():
        raise UsageError(f"{words[0]!r} is no number")
    return int(words[0])


def _one(words: list[str], what: str) -> str:
    if len(words) != 1:
        raise UsageError(f"expected {what}, got {' '.join(words) or 'nothing'}")
    return words[0]


def _byte_type(dtype: str) -> str:
    return dtype if width_of(dtype) == 1 else "uint8"


COMMANDS = {
    "step": Command("step [N]", "go on to the next cycle (N times) in which something happens", _step),
    "goto": Command("goto CYCLE", "go to a cycle, also backwards", _go),
    "continue": Command("continue [CYCLE]", "run to the next breakpoint, a cycle, or the end", _continue),
    "break": Command(
        "break [WHERE]", "stop at: hazard, an address (E5:0x10), a queue, queue[index], a mnemonic", _break
    ),
    "delete": Command("delete N", "remove a breakpoint", _delete),
    "watch": Command("watch ADDRESS", "run until a word changes", _watch),
    "streams": Command(
        "streams [e3]", "show what is on the streams, or where one stream holds values", _streams
    ),
    "queue": Command("queue NAME", "show what a slice (E5) or queue does and what passes it", _queue),
    "plane": Command("plane N", "show an MXM plane and its accumulator rows", _plane),
    "memory": Command("memory ADDRESS", "show words of SRAM: E5:0x10, E5:16+3", _memory),
    "as": Command("as TYPE", f"show values as {', '.join(TYPES)}", _as),
    "hazards": Command("hazards", "list the hazards so far", _hazards),
    "help": Command("help", "list the commands", _help),
    "quit": Command("quit", "leave", _quit),
}
ALIASES = {
    "s": "step",
    "g": "goto",
    "c": "continue",
    "b": "break",
    "q": "quit",
    "m": "memory",
    "h": "help",
    "?": "help",
}
