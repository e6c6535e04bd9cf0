"""What a picture has to know about the chip and its instruction set."""

from __future__ import annotations

from typing import Any

from lpu_emu.spec.isa import Instruction, Operand
from lpu_emu.spec.machine import EAST, IMMEDIATE, LATCH, NOTHING, WEST, WEST_STREAM, Machine


def chip_data(machine: Machine) -> dict[str, Any]:
    """Return sizes of the chip, and name, unit, kind and positions of every queue in the machine's order."""
    chip = machine.chip
    return {
        "name": chip.name,
        "title": chip.title,
        "clock_hz": chip.clock_hz,
        "positions": machine.positions,
        "lanes": chip.lanes,
        "superlanes": chip.superlanes,
        "streams": chip.streams,
        "west_stream": WEST_STREAM,
        "slices": chip.slices,
        "words": chip.words,
        "banks": chip.banks,
        "planes": 2 * chip.planes,
        "queue_bytes": int(chip["icu.queue_bytes"]),
        "queues": [
            {
                "name": queue.name,
                "unit": queue.unit,
                "kind": queue.kind,
                "hemisphere": queue.hemisphere,
                "number": queue.number,
                "x": [machine.x_in(queue, EAST), machine.x_in(queue, WEST)],
                "x_out": [machine.x_out(queue, EAST), machine.x_out(queue, WEST)],
            }
            for queue in machine.queues
        ],
    }


def isa_data(machine: Machine) -> dict[str, Any]:
    """Return how instructions are written: operands of each in the order of the argument columns, by opcode."""
    instructions = machine.isa.instructions.values()
    return {
        "special": {"latch": LATCH, "immediate": IMMEDIATE, "nothing": NOTHING},
        "kinds": {k.name: {"text": k.text, "values": list(k.values)} for k in machine.isa.kinds.values()},
        "instructions": {str(i.opcode): _instruction(machine, i) for i in instructions},
    }


def _instruction(machine: Machine, instruction: Instruction) -> dict[str, Any]:
    return {
        "name": instruction.mnemonic,
        "unit": instruction.unit,
        "meaning": instruction.meaning,
        "timing": dict(machine.timing(instruction)),
        "operands": [_operand(operand) for operand in instruction.operands],
    }


def _operand(operand: Operand) -> dict[str, Any]:
    return {
        "name": operand.name,
        "kind": operand.kind.name,
        "role": operand.role,
        "strided": operand.strided,
    }
