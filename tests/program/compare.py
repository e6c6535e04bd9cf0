"""Equality of programs, part by part."""

from __future__ import annotations

from lpu_emu.program.binary import encode_text
from lpu_emu.program.model import Program


def same_content(first: Program, second: Program) -> list[str]:
    """Return the names of the parts that differ; source and source lines are not compared."""
    isa = first.machine.isa
    parts = {
        "name": first.name == second.name,
        "chip": first.machine.chip.digest == second.machine.chip.digest,
        "queues": list(first.queues) == list(second.queues),
        "data": [_section(first, i) for i in range(len(first.data))]
        == [_section(second, i) for i in range(len(second.data))],
        "bindings": first.bindings == second.bindings,
        "wires": first.wires == second.wires,
        "operators": first.operators == second.operators,
        "attributes": list(first.attributes.items()) == list(second.attributes.items()),
    }
    for name, text in first.queues.items():
        other = second.queues.get(name)
        parts[name] = other is not None and encode_text(isa, text) == encode_text(isa, other)
        parts[f"{name} origins"] = other is not None and text.origins.tolist() == other.origins.tolist()
    return [name for name, same in parts.items() if not same]


def _section(program: Program, index: int) -> tuple[str, str, int, int, list[list[int]]]:
    section = program.data[index]
    return (section.name, section.slice, section.address, section.step, section.words.tolist())
