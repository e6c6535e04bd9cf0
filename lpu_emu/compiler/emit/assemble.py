"""The finished program: texts, SRAM image, bindings, operators, attributes."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from lpu_emu import timing
from lpu_emu.compiler.emit.texts import queue_texts, start_cycle
from lpu_emu.compiler.geometry import Geometry
from lpu_emu.compiler.lower.kernels import Kernel, Lowered, name_of
from lpu_emu.compiler.lower.session import Session
from lpu_emu.compiler.lower.tensors import Tensor
from lpu_emu.compiler.memory.words import BEFORE_START, Words
from lpu_emu.errors import CompileError
from lpu_emu.graph.ir import Graph
from lpu_emu.program.model import Binding, DataSection, Operator, Program
from lpu_emu.spec.machine import DTYPE_BYTES, HEMISPHERES


def assemble_program(
    session: Session, lowered: Lowered, graph: Graph, *, name: str, precision: str
) -> Program:
    """Return the program of a finished schedule."""
    geometry = session.geometry
    board = session.scheduler.board
    for outside in dict.fromkeys((*graph.inputs, *graph.outputs)):
        _settle(session, lowered.tensors[lowered.root[outside]])
    cycles = predicted_cycles(geometry, board.end) if board.runs else 0
    words = [*(w for t in lowered.tensors.values() if t.content is not None for w in t.all_words())]
    return Program(
        name=name,
        machine=geometry.machine,
        queues=queue_texts(geometry, board.runs),
        data=_sections([*words, *session.constants.all_words()]),
        bindings=_bindings(lowered, graph),
        operators=tuple(_operator(geometry, kernel) for kernel in lowered.kernels),
        attributes={"model": graph.name, "precision": precision, "predicted_cycles": str(cycles)},
    )


def predicted_cycles(geometry: Geometry, end: int) -> int:
    """Return the cycles of a program whose last effect is over ``end`` cycles after the start barrier."""
    return timing.program_cycles(geometry.machine, 0, start_cycle(geometry.machine) + end)


def _settle(session: Session, tensor: Tensor) -> None:
    """Give an address to words that no flow has touched."""
    memory = session.scheduler.board.memory
    for words in tensor.all_words():
        if words.placed:
            continue
        for name in (n for side in HEMISPHERES for n in memory.order(words.zone, side)):
            found = memory.find(name, words.count, BEFORE_START)
            if found is not None and found[1] == BEFORE_START:
                memory.take(words, name, found[0])
                break
        else:
            raise CompileError(f"tensor {tensor.name!r} does not fit into the memory; use a smaller batch")


def _sections(all_words: Iterable[Words]) -> tuple[DataSection, ...]:
    """Return the contents of all placed constants, neighbours in memory as one section."""
    placed = [w for w in all_words if w.placed and w.content is not None]
    order = sorted(placed, key=lambda w: (HEMISPHERES.index(w.slice[0]), int(w.slice[1:]), w.address))
    groups: list[list[Words]] = []
    for words in order:
        last = groups[-1][-1] if groups else None
        if last is not None and last.slice == words.slice and last.address + last.count == words.address:
            groups[-1].append(words)
        else:
            groups.append([words])
    return tuple(_section(group) for group in groups)


def _section(group: list[Words]) -> DataSection:
    contents = [w.content for w in group if w.content is not None]
    first = group[0]
    return DataSection(
        name=first.name, slice=first.slice, address=first.address, words=np.concatenate(contents, axis=0)
    )


def _bindings(lowered: Lowered, graph: Graph) -> tuple[Binding, ...]:
    found = []
    for kind, names in (("input", graph.inputs), ("output", graph.outputs)):
        for name in names:
            tensor = lowered.tensors[lowered.root[name]]
            layout = tensor.layout(graph.values[name].shape)
            found.append(Binding(name=name, kind=kind, dtype=tensor.dtype, layout=layout))
    return tuple(found)


def _operator(geometry: Geometry, kernel: Kernel) -> Operator:
    name, op_type = name_of(kernel)
    return Operator(name=name, op_type=op_type, macs=kernel.macs, ideal_cycles=ideal_cycles(geometry, kernel))


def ideal_cycles(geometry: Geometry, kernel: Kernel) -> int:
    """Return the cycles in which all planes of the chip together can do a kernel's multiply-accumulates.

    A two-byte product takes two planes for ``interval_wide`` cycles.
    """
    if kernel.weights is None:
        return 0
    planes = 2 * geometry.chip.planes
    tandem = DTYPE_BYTES[kernel.weights.activation] > 1
    each = 2 * geometry.delay("abc", "interval_wide") if tandem else geometry.delay("abc", "interval")
    return -(-kernel.macs * each // (planes * geometry.lanes**2))
