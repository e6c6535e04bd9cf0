"""A chip and the instruction set together: queues, stream-register positions, timing, group sizes.

Stream-register positions x count from the west: MXM W is 0, then SXM W, the MEM groups of the western
hemisphere (outermost first), the VXM stages, and the mirror image. Streams are numbered 0..31 eastward and
32..63 westward on every chip; arguments carry that number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from lpu_emu.errors import SpecError, did_you_mean
from lpu_emu.spec.chip import Chip, load_chip
from lpu_emu.spec.chip_lint import timing_value
from lpu_emu.spec.isa import Instruction, Isa, Operand, load_isa

WEST_STREAM = 32  # streams from here on flow west
LATCH = 64
IMMEDIATE = 65
NOTHING = 127
EAST, WEST = 0, 1
HEMISPHERES = ("W", "E")
DTYPE_BYTES = {"int8": 1, "uint8": 1, "int16": 2, "int32": 4, "fp16": 2, "fp32": 4, "bf16": 2, "fp8": 1}


@dataclass(frozen=True, kw_only=True)
class Queue:
    """One instruction queue. ``kind`` is what may run there; ``number`` counts inside unit and hemisphere."""

    name: str
    index: int
    unit: str
    kind: str
    hemisphere: str
    number: int


@dataclass(frozen=True, kw_only=True)
class Machine:
    """Everything static about a chip that programs, analysis, executors and compiler share."""

    chip: Chip
    isa: Isa

    @cached_property
    def queues(self) -> tuple[Queue, ...]:
        """All queues in canonical order."""
        return tuple(
            Queue(name=name, index=i, unit=unit, kind=kind, hemisphere=side, number=number)
            for i, (name, unit, kind, side, number) in enumerate(_queues(self.chip, self.isa))
        )

    @cached_property
    def queue_by_name(self) -> Mapping[str, Queue]:
        """Queues by name: ``mem.W3``, ``vxm.7``, ``mxm.1.weights``, ``sxm.E.permute``, ``c2c.W.0``."""
        return {queue.name: queue for queue in self.queues}

    @cached_property
    def positions(self) -> int:
        """Number of stream-register positions."""
        return self.x_mxm("E") + 1

    def x_mxm(self, hemisphere: str) -> int:
        """Position of the MXM of a hemisphere."""
        return 0 if hemisphere == "W" else self.x_sxm("E") + int(self.chip["distance.sxm_to_mxm"])

    def x_sxm(self, hemisphere: str) -> int:
        """Position of the SXM and C2C of a hemisphere."""
        if hemisphere == "W":
            return int(self.chip["distance.sxm_to_mxm"])
        return self.x_mem("E", self.chip.slices - 1) + int(self.chip["distance.mem_to_sxm"])

    def x_mem(self, hemisphere: str, slice_number: int) -> int:
        """Position of a MEM slice."""
        hop = slice_number // int(self.chip["mem.slices_per_hop"])
        if hemisphere == "W":
            outermost = (self.chip.slices - 1) // int(self.chip["mem.slices_per_hop"])
            return self.x_sxm("W") + int(self.chip["distance.mem_to_sxm"]) + outermost - hop
        return self.x_vxm(2 * int(self.chip["vxm.columns"]) - 1) + int(self.chip["distance.vxm_to_mem"]) + hop

    def x_vxm(self, stage: int) -> int:
        """Position of a VXM stage, 0 in the west; column c has the stages 2c and 2c + 1."""
        return self.x_mem("W", 0) + int(self.chip["distance.vxm_to_mem"]) + stage

    def x_in(self, queue: Queue, direction: int) -> int:
        """Position where a queue's unit samples streams of a direction (EAST or WEST)."""
        if queue.unit == "vxm":
            return self.x_vxm(2 * (queue.number % int(self.chip["vxm.columns"])) + direction)
        return self._x(queue)

    def x_out(self, queue: Queue, direction: int) -> int:
        """Position where a queue's unit drives streams of a direction."""
        if queue.unit == "vxm":
            return self.x_in(queue, 1 - direction)
        return self._x(queue)

    def _x(self, queue: Queue) -> int:
        if queue.unit == "mem":
            return self.x_mem(queue.hemisphere, queue.number)
        if queue.unit == "mxm":
            return self.x_mxm(queue.hemisphere)
        return self.x_sxm(queue.hemisphere)

    def timing(self, instruction: Instruction) -> Mapping[str, int]:
        """Return the timing keys of an instruction in cycles."""
        return self._timing[instruction.mnemonic]

    @cached_property
    def _timing(self) -> Mapping[str, Mapping[str, int]]:
        table = self.chip.table["timing"]
        return {
            i.mnemonic: {key: timing_value(table, i, key) or 0 for key in i.timing}
            for i in self.isa.instructions.values()
        }

    def group(self, instruction: Instruction, operand: Operand, args: Sequence[int]) -> int:
        """Return how many consecutive streams an operand covers, given the instruction's arguments."""
        if not operand.group:
            return 0
        if operand.group.isdigit():
            return int(operand.group)
        fixed = {"lanes": self.chip.lanes_per_superlane, "weights": self.chip.weight_streams}
        if operand.group in fixed:
            return fixed[operand.group]
        if operand.group == "edge2":
            return int(args[instruction.operand_index("edge")]) ** 2
        value = int(args[instruction.operand_index(operand.group)])
        if operand.group == "width":
            return 1 << value
        return value if operand.group == "edge" else DTYPE_BYTES[self.isa.kinds["dtype"].values[value]]

    def is_large(self, alu: int) -> bool:
        """Whether a VXM ALU is a large one."""
        return alu in self.chip["vxm.large"]

    def reach(self, alu: int) -> frozenset[int]:
        """Return the groups of four streams that an ALU reads and writes, in either direction."""
        groups = self.chip.streams // 4
        first = (alu // int(self.chip["vxm.columns"])) * int(self.chip["vxm.group_step"])
        return frozenset((first + i) % groups for i in range(int(self.chip["vxm.groups_per_row"])))

    def links_of(self, queue: Queue) -> range:
        """Return the links of the hemisphere that a C2C queue serves."""
        each = int(self.chip["c2c.links"]) // int(self.chip["c2c.queues"])
        return range(queue.number * each, (queue.number + 1) * each)


def direction(stream: int) -> int:
    """Return EAST or WEST for a stream number 0..63."""
    return EAST if stream < WEST_STREAM else WEST


def stream_name(stream: int) -> str:
    """Return ``e5`` or ``w5`` for a stream number 0..63."""
    return f"{'ew'[direction(stream)]}{stream % WEST_STREAM}"


def load_machine(chip: str | Chip = "tsp1") -> Machine:
    """Return the machine of a chip (a name, a path, or a loaded chip) with the bundled instruction set.

    Raises:
        SpecError: no such chip, or a file breaks a rule.
    """
    return Machine(chip=chip if isinstance(chip, Chip) else load_chip(chip), isa=load_isa())


def _queues(chip: Chip, isa: Isa) -> list[tuple[str, str, str, str, int]]:
    found: list[tuple[str, str, str, str, int]] = []
    for side in HEMISPHERES:
        found += [(f"mem.{side}{n}", "mem", "mem", side, n) for n in range(chip.slices)]
    alus = int(chip["vxm.rows"]) * int(chip["vxm.columns"])
    found += [(f"vxm.{n}", "vxm", "vxm", "", n) for n in range(alus)]
    for plane in range(2 * chip.planes):
        side = HEMISPHERES[plane // chip.planes]
        found += [(f"mxm.{plane}.{q.kind}", "mxm", q.kind, side, plane) for q in isa.queue_kinds["mxm"]]
    for side in HEMISPHERES:
        found += _sxm_queues(chip, isa, side)
        found += [(f"c2c.{side}.{n}", "c2c", "c2c", side, n) for n in range(int(chip["c2c.queues"]))]
    return found


def _sxm_queues(chip: Chip, isa: Isa, side: str) -> list[tuple[str, str, str, str, int]]:
    counts = {q.kind: int(chip[q.count]) if q.count else 1 for q in isa.queue_kinds["sxm"]}
    return [
        (f"sxm.{side}.{kind}{number if count > 1 else ''}", "sxm", kind, side, number)
        for kind, count in counts.items()
        for number in range(count)
    ]


def require_queue(machine: Machine, name: str) -> Queue:
    """Return a queue by name.

    Raises:
        SpecError: the chip has no such queue.
    """
    if name not in machine.queue_by_name:
        raise SpecError(
            [f"chip {machine.chip.name} has no queue {name!r}{did_you_mean(name, machine.queue_by_name)}"]
        )
    return machine.queue_by_name[name]
