"""The chip as the scheduler asks about it: positions, reach and delays as plain tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from lpu_emu import timing
from lpu_emu.spec.isa import Instruction
from lpu_emu.spec.machine import DTYPE_BYTES, EAST, HEMISPHERES, WEST, WEST_STREAM, Machine, Queue

STREAMS_PER_GROUP = 4


@dataclass(frozen=True, kw_only=True)
class Slice:
    """One MEM slice: its name (``W3``), queue, position and hemisphere."""

    name: str
    queue: str
    number: int
    x: int
    side: str


@dataclass(frozen=True, kw_only=True)
class Alu:
    """One ALU: its queue, place in the mesh, and the groups of four streams in its reach."""

    queue: str
    number: int
    row: int
    column: int
    large: bool
    reach: frozenset[int]


class Geometry:
    """Tables of one machine, each computed once."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.chip = machine.chip
        self.isa = machine.isa
        self.lanes = machine.chip.lanes
        self.columns = int(machine.chip["vxm.columns"])
        self._timing: dict[str, Mapping[str, int]] = {}

    @cached_property
    def slices(self) -> Mapping[str, Slice]:
        """All MEM slices by name, W0, W1, ... E0, E1, ..."""
        found = {}
        for side in HEMISPHERES:
            for number in range(self.chip.slices):
                name = f"{side}{number}"
                x = self.machine.x_mem(side, number)
                found[name] = Slice(name=name, queue=f"mem.{name}", number=number, x=x, side=side)
        return found

    @cached_property
    def alus(self) -> tuple[Alu, ...]:
        """All ALUs in the order of their numbers."""
        count = int(self.chip["vxm.rows"]) * self.columns
        return tuple(
            Alu(
                queue=f"vxm.{n}",
                number=n,
                row=n // self.columns,
                column=n % self.columns,
                large=self.machine.is_large(n),
                reach=self.machine.reach(n),
            )
            for n in range(count)
        )

    @cached_property
    def alus_of_column(self) -> tuple[tuple[Alu, ...], ...]:
        """ALUs of each column, small ones first so that large ones stay free for what needs them."""
        return tuple(
            tuple(sorted((a for a in self.alus if a.column == c), key=lambda a: (a.large, a.number)))
            for c in range(self.columns)
        )

    @cached_property
    def _queues(self) -> Mapping[str, Queue]:
        return self.machine.queue_by_name

    def x_in(self, queue: str, direction: int) -> int:
        """Position where a queue's unit samples streams of a direction."""
        return self.machine.x_in(self._queues[queue], direction)

    def x_out(self, queue: str, direction: int) -> int:
        """Position where a queue's unit drives streams of a direction."""
        return self.machine.x_out(self._queues[queue], direction)

    @cached_property
    def _column_in(self) -> tuple[tuple[int, int], ...]:
        return tuple((self.x_in(f"vxm.{c}", EAST), self.x_in(f"vxm.{c}", WEST)) for c in range(self.columns))

    @cached_property
    def _column_out(self) -> tuple[tuple[int, int], ...]:
        return tuple(
            (self.x_out(f"vxm.{c}", EAST), self.x_out(f"vxm.{c}", WEST)) for c in range(self.columns)
        )

    def column_in(self, column: int, direction: int) -> int:
        """Position where the ALUs of a column sample streams of a direction."""
        return self._column_in[column][direction]

    def column_out(self, column: int, direction: int) -> int:
        """Position where the ALUs of a column drive streams of a direction."""
        return self._column_out[column][direction]

    def delay(self, mnemonic: str, key: str) -> int:
        """Return a timing key of an instruction in cycles."""
        table = self._timing.get(mnemonic)
        if table is None:
            table = self._timing[mnemonic] = self.machine.timing(self.isa[mnemonic])
        return table[key]

    @cached_property
    def _skews(self) -> dict[tuple[str, str], int]:
        return {}

    def skew(self, mnemonic: str, operand: str) -> int:
        """Return the cycles from dispatch to the sample of an operand."""
        known = self._skews.get((mnemonic, operand))
        if known is None:
            instruction = self.isa[mnemonic]
            key = instruction.operands[instruction.operand_index(operand)].skew
            known = self._skews[mnemonic, operand] = self.delay(mnemonic, key)
        return known

    @cached_property
    def _finishes(self) -> dict[tuple[str, bool], int]:
        return {}

    def finish(self, mnemonic: str, wide: bool) -> int:
        """Return the cycles from a dispatch until everything it does is done."""
        known = self._finishes.get((mnemonic, wide))
        if known is None:
            known = timing.finish_cycles(self.machine, self.isa[mnemonic], wide=wide)
            self._finishes[mnemonic, wide] = known
        return known

    def dtype_code(self, dtype: str) -> int:
        """Return the number of a type in instructions."""
        return self.enum("dtype", dtype)

    def enum(self, kind: str, value: str) -> int:
        """Return the number of a named operand value."""
        return self.isa.kinds[kind].values.index(value)

    def strided(self, mnemonic: str) -> tuple[str, ...]:
        """Return the operands that advance with the strides of a repeat."""
        return tuple(o.name for o in self.isa[mnemonic].operands if o.strided)

    def is_wide(self, mnemonic: str, operands: Mapping[str, int]) -> bool:
        """Whether an instruction is a two-byte MXM issue over all lanes."""
        if not self.is_tandem(mnemonic, operands):
            return False
        return operands["half"] == self.enum("half", "all")

    def is_tandem(self, mnemonic: str, operands: Mapping[str, int]) -> bool:
        """Whether an instruction is an MXM issue that needs both planes of a hemisphere."""
        instruction: Instruction = self.isa[mnemonic]
        if "product" not in instruction.timing:
            return False
        return DTYPE_BYTES[self.isa.kinds["dtype"].values[operands["dtype"]]] > 1

    def distributor(self, side: str, number: int) -> str:
        """Return the queue of a distributor of a hemisphere; numbers beyond the last begin again."""
        kind = [q.name for q in self.machine.queues if q.kind == "distribute" and q.hemisphere == side]
        return kind[number % len(kind)]

    def plane_side(self, plane: int) -> str:
        """Return the hemisphere of an MXM plane."""
        return HEMISPHERES[plane // self.chip.planes]


def group_of(stream: int) -> int:
    """Return the number of a stream's group of four within its direction."""
    return stream % WEST_STREAM // STREAMS_PER_GROUP


def base_stream(direction: int) -> int:
    """Return the first stream number of a direction."""
    return WEST_STREAM if direction == WEST else 0
