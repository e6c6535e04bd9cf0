"""Random programs that keep every rule of :mod:`lpu_emu.program.validate`, for tests of whole chains."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from lpu_emu.program.layout import Piece, TensorLayout
from lpu_emu.program.model import Binding, DataSection, Operator, Program, Source
from lpu_emu.program.text import Issue, QueueText, pack_text
from lpu_emu.program.validate import findings
from lpu_emu.spec.isa import Instruction, Operand
from lpu_emu.spec.machine import IMMEDIATE, LATCH, NOTHING, Machine, Queue, load_machine


@lru_cache(maxsize=64)
def random_program(seed: int, chip: str = "tiny", per_queue: int = 24) -> Program:
    """Return a program with random text on many queues, data, bindings, wires, operators and attributes."""
    rng = np.random.default_rng(seed)
    machine = load_machine(chip)
    operators = tuple(
        Operator(name=f'layer "{i}"\\é', op_type="Conv", macs=int(rng.integers(1 << 40)), ideal_cycles=i)
        for i in range(int(rng.integers(0, 4)))
    )
    program = Program(
        name=f"random {seed}",
        machine=machine,
        queues=_queues(machine, rng, per_queue, len(operators)),
        data=_data(machine, rng),
        bindings=_bindings(machine, rng),
        wires=(("W0", "E1"), ("E1", "W0"))[: int(rng.integers(0, 3))],
        operators=operators,
        attributes={"note": 'a "quoted"\n\ttext; with é', "seed": str(seed)},
        source=Source(name="random.lpu", text="; nothing\n"),
    )
    assert findings(program) == [], f"seed {seed}"
    return program


def _queues(machine: Machine, rng: np.random.Generator, rows: int, operators: int) -> dict[str, QueueText]:
    queues = {}
    for queue in machine.queues:
        if rng.random() < 0.5:
            issues = [_issue(machine, queue, rng, operators) for _ in range(rows)]
            queues[queue.name] = _sound(machine, queue, issues)
    return {name: text for name, text in queues.items() if len(text)}


def _sound(machine: Machine, queue: Queue, issues: list[Issue]) -> QueueText:
    """Drop instructions until nothing is wrong with the rest."""
    operators = tuple(Operator(name="x", op_type="x") for _ in range(4))
    while True:
        text = pack_text(machine.isa, issues)
        program = Program(name="", machine=machine, queues={queue.name: text}, operators=operators)
        wrong = {finding.index for finding in findings(program)}
        if not wrong:
            return text
        issues = [issue for i, issue in enumerate(issues) if i not in wrong]


def _issue(machine: Machine, queue: Queue, rng: np.random.Generator, operators: int) -> Issue:
    choices = [
        i
        for i in machine.isa.instructions.values()
        if i.unit == "icu" or (i.unit == queue.unit and i.queue in ("", queue.kind))
    ]
    own = [i for i in choices if i.unit != "icu"]
    pool = own if rng.random() < 0.6 else choices
    instruction = pool[int(rng.integers(len(pool)))]
    args = [_argument(machine, queue, operand, rng) for operand in instruction.operands]
    return Issue(
        instruction=instruction,
        args=tuple(_consistent(instruction, args, rng)),
        origin=int(rng.integers(-1, operators)),
    )


def _consistent(instruction: Instruction, args: list[int], rng: np.random.Generator) -> list[int]:
    """Give an immediate exactly where an operand is one."""
    index = instruction.layout.index
    if "immediate" in index:
        given = IMMEDIATE in (args[i] for i, o in enumerate(instruction.operands) if o.kind.text == "source")
        args[index["immediate"]] = _immediate(rng) if given else 0
    return args


def _immediate(rng: np.random.Generator) -> int:
    """Return 32 random bits, often ones that mean something in a narrow type."""
    small = int(rng.choice([0, 1, 255, 128, 0x3F800000, 0x3C00, 0xFFFF, 0x7FC00000, 0xFFFFFFFF]))
    return small if rng.random() < 0.5 else int(rng.integers(1 << int(rng.choice([8, 16, 32]))))


def _argument(machine: Machine, queue: Queue, operand: Operand, rng: np.random.Generator) -> int:
    chip = machine.chip
    kind = operand.kind
    if kind.text in ("stream", "source", "target"):
        return _stream(machine, operand, rng)
    links = machine.links_of(queue) if queue.unit == "c2c" else range(1)
    most = {
        "address": chip.words - 1, "row": chip.accumulator_rows - 1, "row_group": chip.row_groups - 1,
        "superlanes": chip.superlanes, "amount": chip.lanes, "link": links.stop - 1, "edge": 4,
    }.get(kind.name, kind.maximum)  # fmt: skip
    least = {"edge": 3, "link": links.start}.get(kind.name, kind.minimum)
    if operand.name in ("count", "interval", "stride") and rng.random() < 0.8:
        least, most = max(least, -2), 6
    return int(rng.integers(least, most, endpoint=True))


def _stream(machine: Machine, operand: Operand, rng: np.random.Generator) -> int:
    special = {"source": [LATCH, IMMEDIATE], "target": [LATCH, NOTHING, NOTHING, NOTHING]}
    pool = special.get(operand.kind.text, [])
    if pool and rng.random() < 0.4:
        return int(rng.choice(pool))
    step = int(rng.choice([1, 4, 4]))
    return int(rng.integers(machine.chip.streams // step)) * step + 32 * int(rng.integers(2))


def _data(machine: Machine, rng: np.random.Generator) -> tuple[DataSection, ...]:
    sections = []
    for number in range(int(rng.integers(0, 5))):
        rows, step = int(rng.integers(1, 9)), int(rng.choice([-1, 1, 2]))
        sections.append(
            DataSection(
                name=["weights", "a.b", "with space"][number % 3],
                slice=f"W{number}",
                address=int(rng.integers(20, 60)),
                words=random_words(rng, rows, machine.chip.lanes),
                step=step,
            )
        )
    return tuple(sections)


def random_words(rng: np.random.Generator, rows: int, lanes: int) -> NDArray[np.uint8]:
    """Return uint8 [rows, lanes]."""
    return rng.integers(0, 256, size=(rows, lanes), dtype=np.uint8)


def _bindings(machine: Machine, rng: np.random.Generator) -> tuple[Binding, ...]:
    lanes = machine.chip.lanes
    plain = TensorLayout(
        shape=(4, lanes),
        element_bytes=2,
        pieces=tuple(
            Piece(block=0, byte_plane=p, first_row=0, rows=4, slice=f"E{p}", address=8, step=2)
            for p in (0, 1)
        ),
    )
    odd = TensorLayout(
        shape=(2, 3, lanes + 1),
        element_bytes=1,
        pieces=tuple(
            Piece(block=b, byte_plane=0, first_row=r, rows=1, slice="E3", address=64 + 8 * b + r)
            for b in (0, 1)
            for r in range(6)
        ),
        order=(1, 0, 2),
        pad=7,
    )
    scalar = TensorLayout(
        shape=(),
        element_bytes=1,
        pieces=(Piece(block=0, byte_plane=0, first_row=0, rows=1, slice="E4", address=0),),
    )
    wide = TensorLayout(
        shape=(2, 3),
        element_bytes=1,
        pieces=(Piece(block=0, byte_plane=0, first_row=0, rows=1, slice="E5", address=0),),
        column_axes=2,
    )
    listed = (
        Binding(name="x", kind="input", dtype="fp16", layout=plain),
        Binding(name="odd one", kind="input", dtype="uint8", layout=odd),
        Binding(name="y", kind="output", dtype="bool", layout=scalar),
        Binding(name="x", kind="output", dtype="int8", layout=wide),
    )
    return listed[: int(rng.integers(0, 5))]
