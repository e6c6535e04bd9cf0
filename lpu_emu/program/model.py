"""A program: queue texts, the SRAM image, and named inputs and outputs, for one chip."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lpu_emu.program.layout import TensorLayout
from lpu_emu.program.text import QueueText
from lpu_emu.spec.machine import Machine


@dataclass(frozen=True, kw_only=True, eq=False)
class DataSection:
    """Words of the SRAM image: ``words`` uint8 [n, lanes] at ``address + i * step`` of slice ``slice`` (``W3``)."""

    name: str
    slice: str
    address: int
    words: NDArray[np.uint8]
    step: int = 1


@dataclass(frozen=True, kw_only=True)
class Binding:
    """A named input or output: ``kind`` is ``"input"`` or ``"output"``, ``dtype`` a machine type name or ``bool``."""

    name: str
    kind: str
    dtype: str
    layout: TensorLayout


@dataclass(frozen=True, kw_only=True)
class Operator:
    """A source-level operator that instructions belong to: what reports group by.

    ``macs`` are useful multiply-accumulates, ``ideal_cycles`` those of the MXM alone (0 where it has no part).
    """

    name: str
    op_type: str
    macs: int = 0
    ideal_cycles: int = 0


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where a program came from: file name and, for assembly, its text (error messages quote lines)."""

    name: str = ""
    text: str = ""


@dataclass(frozen=True, kw_only=True)
class Program:
    """Everything that runs. ``queues`` holds only queues with text, in the machine's canonical order.

    ``wires`` are pairs of C2C links (``("W0", "E3")``): what is sent on the first can be received on the second.
    """

    name: str
    machine: Machine
    queues: Mapping[str, QueueText]
    data: tuple[DataSection, ...] = ()
    bindings: tuple[Binding, ...] = ()
    wires: tuple[tuple[str, str], ...] = ()
    operators: tuple[Operator, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)
    source: Source = field(default_factory=Source)

    @property
    def inputs(self) -> tuple[Binding, ...]:
        """Input bindings in order."""
        return tuple(b for b in self.bindings if b.kind == "input")

    @property
    def outputs(self) -> tuple[Binding, ...]:
        """Output bindings in order."""
        return tuple(b for b in self.bindings if b.kind == "output")

    def instruction_count(self) -> int:
        """Number of instructions in all queues, repeats and gaps included."""
        return sum(len(text) for text in self.queues.values())

    def text_bytes(self) -> int:
        """Bytes of instruction text in all queues."""
        sizes = np.zeros(256, dtype=np.int64)
        for instruction in self.machine.isa.instructions.values():
            sizes[instruction.opcode] = instruction.layout.size_bytes
        return int(sum(sizes[text.opcodes].sum() for text in self.queues.values()))
