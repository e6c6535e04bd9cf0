"""Why a flow cannot be scheduled: which lines of the author's collide, and over what.

Only pins can make a flow impossible at all times (or at the one time it asked for). A pin is to blame when the flow
could be scheduled without it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lpu_emu.builder.clashes import Clash, first_clash
from lpu_emu.builder.location import Place, error
from lpu_emu.builder.tensors import Tensor
from lpu_emu.builder.weights import Loaded
from lpu_emu.compiler.emit.texts import start_cycle
from lpu_emu.compiler.flow.model import Access, AnyAlu
from lpu_emu.compiler.flow.model import Flow as MachineFlow
from lpu_emu.compiler.geometry import Geometry
from lpu_emu.compiler.memory.words import Words
from lpu_emu.compiler.schedule.scheduler import Placed
from lpu_emu.errors import KernelError
from lpu_emu.spec.machine import stream_name

if TYPE_CHECKING:
    from lpu_emu.builder.flow import Flow
    from lpu_emu.builder.kernel import Kernel


# The stages of a flow that lasts as long as this overlap in time, however they are placed.
OVERLAPPING_CYCLES = 128


@dataclass(frozen=True, kw_only=True, eq=False)
class Scheduled:
    """A step that has its place."""

    step: Flow | Loaded
    flow: MachineFlow
    placed: Placed


@dataclass(frozen=True, kw_only=True, eq=False)
class Pin:
    """Something an author fixed: what, where, and whether a flow could be scheduled without it."""

    what: str
    place: Place
    helps: Callable[[], bool]


def explain(
    kernel: Kernel, step: Flow | Loaded, flow: MachineFlow, earlier: Sequence[Scheduled]
) -> KernelError:
    """Return an error that names the lines which make a flow impossible."""
    open_time = None if flow.exactly is None else kernel.scheduler.earliest(replace(flow, exactly=None))
    if open_time is not None:
        clash = first_clash(kernel, flow, [(s.flow, s.placed) for s in earlier])
        return _at_clash(kernel, step, clash, start_cycle(kernel.machine) + open_time)
    pins = list(_pins(kernel, step, flow))
    guilty = [pin for pin in pins if pin.helps()]
    if len(guilty) > 1:
        first, *rest = guilty
        message = f"{_what(step)} cannot have {_both(guilty[0].what, guilty[1].what)}"
        return error(
            first.place, message, hint="leave one of them open, or take another one", others=_asked(rest)
        )
    if guilty:
        hint = "leave it open, or take another one; docs/kernels.md says what reaches what"
        beginning = [] if guilty[0].place == step.place else [("the flow begins here", step.place)]
        message = f"{_what(step)} cannot have {guilty[0].what}"
        return error(guilty[0].place, message, hint=hint, others=beginning)
    if pins:
        hint = "leave them open one after the other to see which ones are in the way"
        message = f"the pins of {_what(step)} contradict each other"
        return error(step.place, message, hint=hint, others=_asked(pins))
    return too_much(kernel, step, flow)


def _asked(pins: Sequence[Pin]) -> list[tuple[str, Place]]:
    return [(f"{pin.what} is asked for here", pin.place) for pin in pins]


def _both(one: str, other: str) -> str:
    return f"{one} twice at the same time" if one == other else f"{one} and {other} at once"


def _at_clash(kernel: Kernel, step: Flow | Loaded, clash: Clash | None, possible: int) -> KernelError:
    at = getattr(step, "at", 0)
    hint = f"left open it would run at={possible}"
    if clash is None:
        return error(
            step.place, f"{_what(step)} cannot run at={at}: streams or slices are taken then", hint=hint
        )
    file = step.place.file if not kernel.file else kernel.file
    mine, other = Place(file=file, line=clash.line), Place(file=file, line=clash.other_line)
    message = f"at={at}: {clash.resource} {clash.reason}"
    others = [(f"{_what(step)} is pinned here", step.place)] if mine != step.place else []
    if clash.other_line:
        others.append((clash.other_reason, other))
    return error(mine if clash.line else step.place, message, hint=hint, others=others)


def exceeds_alus(geometry: Geometry, flow: MachineFlow) -> bool:
    """Whether a flow needs more ALUs than there are; in a short one an ALU may serve two stages one after the other."""
    alus, large = _alus(flow)
    has_large = sum(alu.large for alu in geometry.alus)
    long = max(s.span for s in flow.stages) >= OVERLAPPING_CYCLES
    return long and (alus > len(geometry.alus) or large > has_large)


def _alus(flow: MachineFlow) -> tuple[int, int]:
    """Return how many ALUs a flow needs, and how many of them large."""
    places = [s.place for s in flow.stages if isinstance(s.place, AnyAlu)]
    return len(places), sum(place.large for place in places)


def too_much(kernel: Kernel, step: Flow | Loaded, flow: MachineFlow) -> KernelError:
    """Return an error that says what a flow needs."""
    alus, large = _alus(flow)
    copies = alus - sum(n.kind in ("alu", "running") for n in getattr(step, "nodes", ()))
    have, have_large = len(kernel.geometry.alus), len(kernel.chip["vxm.large"])
    message = (
        f"{_what(step)} cannot be scheduled: no choice of ALUs, streams and slices fits. It needs {alus} ALUs ({large} "
        f"large ones; {copies} only carry values along) of {have} ({have_large} large)"
    )
    hint = (
        "split it into two flows with a scratch tensor between them; all stages of a flow must hang together, and "
        "values that meet must have taken the same time since they parted"
    )
    return error(step.place, message, hint=hint)


def _what(step: Flow | Loaded) -> str:
    return f"the load of {step}" if isinstance(step, Loaded) else f"flow {step.name!r}"


def _pins(kernel: Kernel, step: Flow | Loaded, flow: MachineFlow) -> Iterator[Pin]:
    """Yield what an author fixed for a flow: ALUs, streams, places of tensors."""
    file = step.place.file
    for stage in flow.stages:
        if isinstance(stage.place, AnyAlu) and stage.place.number is not None:
            free = replace(stage, place=replace(stage.place, number=None))
            without = replace(flow, stages=tuple(free if s is stage else s for s in flow.stages))
            place = Place(file=file, line=stage.line)
            yield Pin(what=f"ALU {stage.place.number}", place=place, helps=_fits(kernel, without))
    for edge in flow.edges:
        if edge.stream is not None:
            line = next((s.line for s, _ in flow.producers(edge.index)), step.place.line)
            without = replace(
                flow, edges=tuple(replace(e, stream=None) if e is edge else e for e in flow.edges)
            )
            place = Place(file=file, line=line)
            yield Pin(what=f"stream {stream_name(edge.stream)}", place=place, helps=_fits(kernel, without))
    touched = {id(s.place.words) for s in flow.stages if isinstance(s.place, Access)}
    for tensor in kernel.tensors:
        words = [w for w in tensor.all_words() if id(w) in touched and w.placed]
        if words and tensor.name in kernel.pinned:
            yield Pin(what=_home(tensor, words), place=tensor.place, helps=_fits(kernel, flow, words))


def _fits(kernel: Kernel, flow: MachineFlow, open_words: Sequence[Words] = ()) -> Callable[[], bool]:
    """Return a question: could a flow be scheduled if some words had no address?"""

    def ask() -> bool:
        with _open(open_words):
            return kernel.scheduler.earliest(flow) is not None

    return ask


def _home(tensor: Tensor, words: Sequence[Words]) -> str:
    return f"{tensor.name!r} in {', '.join(dict.fromkeys(w.slice for w in words))}"


@contextmanager
def _open(words: Sequence[Words]) -> Iterator[None]:
    """Forget the addresses of words for a moment."""
    kept = [(w, w.slice, w.address) for w in words]
    for w in words:
        w.slice, w.address = "", -1
    try:
        yield
    finally:
        for w, slice_name, address in kept:
            w.slice, w.address = slice_name, address
