"""From a kernel's calls to a program: schedule every step, settle what is left, assemble."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

from lpu_emu.builder.conflicts import Scheduled, exceeds_alus, explain, too_much
from lpu_emu.builder.flow import Flow
from lpu_emu.builder.kernel import Kernel
from lpu_emu.builder.location import Place, error
from lpu_emu.builder.lowering import Copies, Lowering
from lpu_emu.builder.tensors import OUTPUT, SCRATCH, Tensor
from lpu_emu.builder.weights import Loaded
from lpu_emu.compiler.emit.image import data_sections, predicted_cycles
from lpu_emu.compiler.emit.texts import queue_texts, start_cycle
from lpu_emu.compiler.flow.builder import FlowBuilder
from lpu_emu.compiler.flow.model import Access, At
from lpu_emu.compiler.flow.model import Flow as MachineFlow
from lpu_emu.compiler.memory.words import BEFORE_START, Words
from lpu_emu.compiler.schedule.scheduler import NoPlaceError, Placed
from lpu_emu.errors import CompileError
from lpu_emu.program.model import Binding, Operator, Program, Source
from lpu_emu.spec.machine import HEMISPHERES

# A chip with fewer slices than this cannot keep everything apart that it would be good to keep apart.
COMFORTABLE_SLICES = 24
# Choices of ALUs and streams that one attempt looks at; the second only for flows that no time suits otherwise.
BUDGETS = (1_000, 30_000)


def finish(kernel: Kernel, *, attributes: dict[str, str] | None = None) -> Program:
    """Schedule a kernel and return its program.

    Raises:
        KernelError: something is never used or never written, two pins collide, or the chip has no room.
    """
    return _Finish(kernel).run(attributes or {})


class _Finish:
    """The schedule of one kernel in the making."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._geometry = kernel.geometry
        self._copies = Copies()
        self._names: dict[str, int] = {}
        self._macs: dict[str, int] = {}
        self._work: dict[str, int] = {}
        self._placed: list[Scheduled] = []
        kernel.scheduler.board.liked = {}

    def run(self, attributes: dict[str, str]) -> Program:
        self._require_use()
        lowered = [(step, self._lower(step)) for step in self._kernel.steps]
        for step, jobs in lowered:
            for ways in jobs:
                self._keep_apart(ways[0], writes=isinstance(step, Flow))
        last = self._last_uses()
        for index, (step, jobs) in enumerate(lowered):
            for ways in jobs:
                self._place(step, ways)
            for tensor in last.get(index, ()):
                self._release(tensor)
        return self._program(attributes)

    # --- before scheduling

    def _require_use(self) -> None:
        used = {t.name for step in self._kernel.steps if isinstance(step, Flow) for t in _tensors_of(step)}
        for tensor in self._kernel.tensors:
            if tensor.kind == OUTPUT and not self._kernel.is_written(tensor):
                raise error(
                    tensor.place, f"nothing is written to {tensor}", hint="f.write(value, tensor) in a flow"
                )
            if tensor.name not in used:
                raise error(
                    tensor.place, f"{tensor} is never used", hint="read it in a flow, or delete the line"
                )
        for loaded in self._kernel.planes.unused().values():
            hint = "multiply with it: f.matmul(x, loaded)"
            raise error(loaded.place, f"{loaded} is never used", hint=hint)

    def _lower(self, step: Flow | Loaded) -> list[list[MachineFlow]]:
        """Return the jobs of a step, each as the ways in which it may be scheduled, the best first."""
        if isinstance(step, Loaded):
            return [[self._load(step, byte, plane)] for byte, plane in enumerate(step.members)]
        exactly = None if step.at is None else step.at - start_cycle(self._kernel.machine)
        if exactly is not None and exactly < 0:
            first = start_cycle(self._kernel.machine)
            hint = f"the queues begin together in cycle {first}"
            raise error(step.place, f"at={step.at} is before the start", hint=hint)
        not_before = max(0, step.not_before - start_cycle(self._kernel.machine))
        origin = self._origin(step.name, step)
        ways = []
        for aligned in (True, False):
            lowering = Lowering(
                self._geometry, step, self._copies, self._line, origin=origin, aligned=aligned
            )
            ways.append(lowering.build(not_before=not_before, exactly=exactly))
        return [ways]

    def _load(self, step: Loaded, byte: int, plane: int) -> MachineFlow:
        """Return the load of one byte plane of a tile."""
        side = self._geometry.plane_side(plane)
        origin = self._origin(f"load {step.weights.name}", None)
        builder = FlowBuilder(self._geometry, f"load of {step}", count=1, origin=origin, side=side)
        builder.line = self._line(step.place)
        words = step.weights.words(step.k, step.n, byte, side)
        builder.load(plane, words, words[0].count)
        return builder.build()

    def _line(self, place: Place) -> int:
        return place.line if not self._kernel.file or place.file == self._kernel.file else 0

    def _origin(self, name: str, flow: Flow | None) -> int:
        """Return the number of an operator, and count what a flow adds to it."""
        index = self._names.setdefault(name, len(self._names))
        for node in flow.nodes if flow is not None else ():
            if node.kind == "matmul":
                assert flow is not None
                loaded: Loaded = node.options["weights"]
                wide = loaded.weights.planes > 1
                each = (
                    self._geometry.delay("abc", "interval_wide" if wide else "interval")
                    * loaded.weights.planes
                )
                macs = flow.count * loaded.depth * loaded.weights.width(loaded.n)
                self._macs[name] = self._macs.get(name, 0) + macs
                self._work[name] = self._work.get(name, 0) + macs * each
        return index

    def _keep_apart(self, flow: MachineFlow, *, writes: bool) -> None:
        """Let words that one flow needs at a time lie in different slices."""
        roomy = 2 * self._geometry.chip.slices >= COMFORTABLE_SLICES
        words: dict[Words, None] = {}
        for stage in flow.stages:
            place = stage.place
            if isinstance(place, Access) and (stage.outputs or (roomy and writes)):
                words[place.words] = None
            elif isinstance(place, At) and place.table is not None:
                words[place.table] = None
        for one, other in itertools.combinations(words, 2):
            one.apart.append(other)
            other.apart.append(one)

    def _last_uses(self) -> dict[int, list[Tensor]]:
        """Return the scratch tensors that are used for the last time by each step."""
        last: dict[str, int] = {}
        for index, step in enumerate(self._kernel.steps):
            for tensor in _tensors_of(step) if isinstance(step, Flow) else ():
                last[tensor.name] = index
        found: dict[int, list[Tensor]] = {}
        for tensor in self._kernel.tensors:
            if tensor.kind == SCRATCH:
                found.setdefault(last[tensor.name], []).append(tensor)
        return found

    # --- scheduling

    def _place(self, step: Flow | Loaded, flows: list[MachineFlow]) -> None:
        scheduler = self._kernel.scheduler
        failure: CompileError | None = None
        if isinstance(step, Flow) and exceeds_alus(self._geometry, flows[0]):
            raise too_much(self._kernel, step, flows[0])
        for flow, scheduler.board.budget in itertools.product(flows, BUDGETS):
            try:
                self._note(step, flow, scheduler.place(flow))
                return
            except NoPlaceError as error_:
                failure = failure or error_
            except CompileError as error_:
                raise error(
                    step.place, f"no room: {error_}", hint="use smaller sizes, or fewer tensors at a time"
                ) from error_
        assert failure is not None
        raise explain(self._kernel, step, flows[-1], self._placed) from failure

    def _note(self, step: Flow | Loaded, flow: MachineFlow, placed: Placed) -> None:
        self._placed.append(Scheduled(step=step, flow=flow, placed=placed))

    def _release(self, tensor: Tensor) -> None:
        for words in tensor.all_words():
            if words.placed:
                self._kernel.scheduler.board.memory.release(words)

    # --- the program

    def _settle(self, place: Place, all_words: list[Words]) -> None:
        """Give an address to words that no flow has touched."""
        memory = self._kernel.scheduler.board.memory
        for words in all_words:
            if words.placed:
                continue
            for name in (n for side in HEMISPHERES for n in memory.order(words.zone, side)):
                found = memory.find(name, words.count, BEFORE_START)
                if found is not None and found[1] == BEFORE_START:
                    memory.take(words, name, found[0])
                    break
            else:
                raise error(place, f"no room for {words.name}", hint="use smaller sizes")

    def _program(self, attributes: dict[str, str]) -> Program:
        kernel = self._kernel
        board = kernel.scheduler.board
        bindings = tuple(self._bindings())
        cycles = predicted_cycles(self._geometry, board.end) if board.runs else 0
        constants = [w for t in kernel.tensors if t.values is not None for w in t.all_words()]
        constants += [w for s in kernel.weight_sets if s.values is not None for w in s.all_words()]
        return Program(
            name=kernel.name,
            machine=kernel.machine,
            queues=queue_texts(self._geometry, board.runs),
            data=data_sections([*constants, *self._copies.all_words()]),
            bindings=bindings,
            operators=tuple(self._operators()),
            attributes={"predicted_cycles": str(cycles), **attributes},
            source=_source(kernel.file),
        )

    def _operators(self) -> Iterator[Operator]:
        peak = 2 * self._geometry.chip.planes * self._geometry.lanes**2
        for name in self._names:
            ideal = -(-self._work.get(name, 0) // peak)
            yield Operator(name=name, op_type="Flow", macs=self._macs.get(name, 0), ideal_cycles=ideal)

    def _bindings(self) -> Iterator[Binding]:
        for kind in ("input", "output"):
            for tensor in self._kernel.tensors:
                if tensor.kind == kind:
                    self._settle(tensor.place, tensor.all_words())
                    yield Binding(name=tensor.name, kind=kind, dtype=tensor.dtype, layout=tensor.layout())
            for weights in self._kernel.weight_sets:
                if kind == "input" and weights.values is None:
                    self._settle(weights.place, weights.all_words())
                    yield Binding(name=weights.name, kind=kind, dtype=weights.dtype, layout=weights.layout())


def _tensors_of(flow: Flow) -> Iterator[Tensor]:
    for node in flow.nodes:
        if "tensor" in node.options:
            yield node.options["tensor"]
        for operand in node.operands.values():
            tensor = getattr(operand, "tensor", None)
            if tensor is not None:
                yield tensor


def _source(file: str) -> Source:
    path = Path(file)
    if not file or not path.is_file():
        return Source()
    return Source(name=path.name, text=path.read_text(encoding="utf-8"))
