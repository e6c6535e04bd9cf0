"""The finished program: texts, SRAM image, bindings, operators, attributes."""

from __future__ import annotations

from lpu_emu.compiler.emit.image import data_sections, predicted_cycles
from lpu_emu.compiler.emit.texts import queue_texts
from lpu_emu.compiler.geometry import Geometry
from lpu_emu.compiler.lower.kernel import Kernel, Lowered, name_of
from lpu_emu.compiler.lower.session import Session
from lpu_emu.compiler.lower.tensors import Tensor
from lpu_emu.compiler.memory.words import BEFORE_START
from lpu_emu.errors import CompileError
from lpu_emu.graph.ir import Graph
from lpu_emu.program.model import Binding, Operator, Program
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
        data=data_sections([*words, *session.constants.all_words()]),
        bindings=_bindings(lowered, graph),
        operators=tuple(_operator(geometry, kernel) for kernel in lowered.kernels),
        attributes={"model": graph.name, "precision": precision, "predicted_cycles": str(cycles)},
    )


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


def _bindings(lowered: Lowered, graph: Graph) -> tuple[Binding, ...]:
    found = []
    for kind, names in (("input", graph.inputs), ("output", graph.outputs)):
        for name in names:
            tensor = lowered.tensors[lowered.root[name]]
            border, shape = lowered.orders.get(name), graph.values[name].shape
            dims = border.dims if border is not None and border.dims != shape else ()
            layout = tensor.layout(shape, dims, border.order if border is not None else ())
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
