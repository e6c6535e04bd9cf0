"""Small programs for the tests of commands, built instruction by instruction."""

from __future__ import annotations

from pathlib import Path

from lpu_emu import timing
from lpu_emu.asm import disassemble
from lpu_emu.program.file import save
from lpu_emu.program.layout import Piece, TensorLayout
from lpu_emu.program.model import Binding, Program
from lpu_emu.program.text import Issue, issue, pack_text
from lpu_emu.spec.machine import EAST, load_machine

ROWS = 4


def binding(name: str, kind: str, slice_name: str, dtype: str = "int8", lanes: int = 8) -> Binding:
    """Return a binding of ``ROWS`` words from address 0 of a slice, one byte per lane."""
    piece = Piece(block=0, byte_plane=0, first_row=0, rows=ROWS, slice=slice_name, address=0)
    layout = TensorLayout(shape=(ROWS, lanes), element_bytes=1, pieces=(piece,))
    return Binding(name=name, kind=kind, dtype=dtype, layout=layout)


def copy(*, late: int = 0, name: str = "copy", dtype: str = "int8") -> Program:
    """Return a program for ``tiny`` that copies input x (slice W0) to output y (slice E4).

    ``late`` cycles of delay make the writes miss their operands.
    """
    machine = load_machine("tiny")
    isa, queues = machine.isa, machine.queue_by_name
    reader, writer = queues["mem.W0"], queues["mem.E4"]
    read = issue(isa, "read", address=0, to=0)
    write = issue(isa, "write", data=0, address=0)
    distance = timing.stream_hops(machine, reader, writer, EAST)
    func, skew = machine.timing(read.instruction)["func"], machine.timing(write.instruction)["skew"]
    start = timing.consumer_dispatch(0, func, distance, skew) + late
    loop = issue(isa, "repeat", count=ROWS - 1, interval=1, stride=1)
    texts: dict[str, list[Issue]] = {
        "mem.W0": [read, loop],
        "mem.E4": [issue(isa, "nop", count=start), write, loop],
    }
    return Program(
        name=name,
        machine=machine,
        queues={queue: pack_text(isa, issues) for queue, issues in texts.items()},
        bindings=(binding("x", "input", "W0", dtype), binding("y", "output", "E4", dtype)),
    )


def write_kernel(folder: Path, *, late: int = 0, name: str = "copy", companion: str = "") -> Path:
    """Write the program as assembly text, and a Python file beside it if there is one."""
    path = folder / f"{name}.lpu"
    path.write_text(f"; Copy four vectors.\n{disassemble(copy(late=late, name=name))}", encoding="utf-8")
    if companion:
        path.with_suffix(".py").write_text(companion, encoding="utf-8")
    return path


def write_program(folder: Path, *, late: int = 0, name: str = "copy") -> Path:
    """Write the program as a program file."""
    path = folder / f"{name}.h5"
    save(copy(late=late, name=name), path)
    return path
