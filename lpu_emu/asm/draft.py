"""A program while its text is being read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from lpu_emu.asm.builder import QueueBuilder
from lpu_emu.asm.problems import Problems, Spot
from lpu_emu.program.layout import Piece, TensorLayout
from lpu_emu.program.model import Binding, DataSection, Operator, Program, Source
from lpu_emu.spec.machine import Machine


class Block(Protocol):
    """Lines that belong to a directive: values of a tensor, or rows of hexadecimal digits."""

    def line(self, number: int, tokens: list[str]) -> None:
        """Read a line."""

    def finish(self) -> None:
        """Note what is missing once the block has ended."""


@dataclass(kw_only=True)
class OpenBinding:
    """An input or output whose pieces may still be coming."""

    name: str
    kind: str
    dtype: str
    layout: TensorLayout
    pieces: list[Piece]

    def close(self) -> Binding:
        """Return the binding."""
        layout = TensorLayout(
            shape=self.layout.shape,
            element_bytes=self.layout.element_bytes,
            pieces=tuple(self.pieces),
            order=self.layout.order,
            column_axes=self.layout.column_axes,
            pad=self.layout.pad,
        )
        return Binding(name=self.name, kind=self.kind, dtype=self.dtype, layout=layout)


@dataclass(kw_only=True)
class Draft:
    """What has been read so far. ``spots`` says by part where its entries stand in the text."""

    machine: Machine
    problems: Problems
    folder: Path
    name: str
    queues: dict[str, QueueBuilder] = field(default_factory=dict)
    data: list[DataSection] = field(default_factory=list)
    bindings: list[OpenBinding] = field(default_factory=list)
    wires: list[tuple[str, str]] = field(default_factory=list)
    operators: list[Operator] = field(default_factory=list)
    attributes: dict[str, str] = field(default_factory=dict)
    spots: dict[str, list[Spot]] = field(default_factory=lambda: {"data": [], "bindings": [], "wires": []})
    builder: QueueBuilder | None = None
    origin: int = -1
    block: Block | None = None

    def open_queue(self, name: str) -> None:
        """Let the following instructions go to a queue; a queue may be opened again and goes on."""
        if name not in self.machine.queue_by_name:
            self.builder = QueueBuilder(self.machine)  # its instructions are read for their own problems only
        else:
            self.builder = self.queues.setdefault(name, QueueBuilder(self.machine))
        self.origin = -1

    def add_sections(self, sections: Iterable[tuple[DataSection, Spot]]) -> None:
        """Append data sections."""
        for section, spot in sections:
            self.data.append(section)
            self.spots["data"].append(spot)

    def program(self, source: Source) -> Program:
        """Return the program, its queues in canonical order and without empty ones."""
        texts = {
            queue.name: self.queues[queue.name].finish()
            for queue in self.machine.queues
            if len(self.queues.get(queue.name, ()))
        }
        return Program(
            name=self.name,
            machine=self.machine,
            queues=texts,
            data=tuple(self.data),
            bindings=tuple(binding.close() for binding in self.bindings),
            wires=tuple(self.wires),
            operators=tuple(self.operators),
            attributes=self.attributes,
            source=source,
        )
