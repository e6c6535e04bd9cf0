"""Queues, positions, reach and links of a machine."""

from __future__ import annotations

import pytest

from lpu_emu.errors import SpecError
from lpu_emu.spec.machine import (
    DTYPE_BYTES,
    EAST,
    HEMISPHERES,
    WEST,
    Machine,
    Queue,
    direction,
    load_machine,
    require_queue,
    stream_name,
)

from .tables import CHIPS

SXM_TINY = ["permute", "distribute", "transpose", "shift_n", "shift_s", "rotate"]
SXM_TSP1 = [
    "permute", "distribute0", "distribute1", "distribute2", "distribute3", "transpose0", "transpose1",
    "shift_n", "shift_s", "rotate",
]  # fmt: skip


@pytest.fixture(params=CHIPS)
def machine(request: pytest.FixtureRequest) -> Machine:
    return load_machine(str(request.param))


@pytest.fixture
def tsp1() -> Machine:
    return load_machine("tsp1")


def expected_names(slices: int, planes: int, sxm: list[str], c2c: int) -> list[str]:
    kinds = ("weights", "activations", "accumulate")
    names = [f"mem.{side}{n}" for side in "WE" for n in range(slices)]
    names += [f"vxm.{n}" for n in range(16)]
    names += [f"mxm.{plane}.{kind}" for plane in range(2 * planes) for kind in kinds]
    for side in "WE":
        names += [f"sxm.{side}.{unit}" for unit in sxm] + [f"c2c.{side}.{n}" for n in range(c2c)]
    return names


def test_queue_names_in_canonical_order() -> None:
    def names(chip: str) -> list[str]:
        return [queue.name for queue in load_machine(chip).queues]

    assert names("tiny") == expected_names(8, 2, SXM_TINY, 1)
    assert names("tsp1") == expected_names(44, 2, SXM_TSP1, 4)
    assert names("lp30") == expected_names(80, 2, SXM_TSP1, 4)


def test_queues_know_their_place(machine: Machine) -> None:
    for index, queue in enumerate(machine.queues):
        assert queue.index == index
        assert machine.queue_by_name[queue.name] is queue
        assert require_queue(machine, queue.name) is queue
        assert queue.hemisphere == ("" if queue.unit == "vxm" else queue.hemisphere)
    mxm = [(q.number, q.hemisphere) for q in machine.queues if q.kind == "weights"]
    assert mxm == [(0, "W"), (1, "W"), (2, "E"), (3, "E")]


def test_every_instruction_with_a_queue_kind_has_queues(machine: Machine) -> None:
    kinds = {(queue.unit, queue.kind) for queue in machine.queues}
    for instruction in machine.isa.instructions.values():
        if instruction.unit != "icu":
            assert (instruction.unit, instruction.queue or instruction.unit) in kinds


def test_an_unknown_queue_suggests(tsp1: Machine) -> None:
    with pytest.raises(SpecError, match=r"chip tsp1 has no queue 'mem\.W44'; did you mean 'mem\.W4"):
        require_queue(tsp1, "mem.W44")


@pytest.mark.parametrize(
    ("chip", "positions"),
    [
        # MXM W, SXM W, first and last MEM position W, VXM, MEM E, SXM E, MXM E
        ("tsp1", (0, 5, 9, 19, 20, 27, 28, 38, 42, 47)),
        ("lp30", (0, 5, 9, 28, 29, 36, 37, 56, 60, 65)),
        ("tiny", (0, 2, 4, 5, 6, 13, 14, 15, 17, 19)),
    ],
)
def test_positions(chip: str, positions: tuple[int, ...]) -> None:
    m = load_machine(chip)
    last = m.chip.slices - 1
    found = (
        m.x_mxm("W"), m.x_sxm("W"), m.x_mem("W", last), m.x_mem("W", 0), m.x_vxm(0), m.x_vxm(7),
        m.x_mem("E", 0), m.x_mem("E", last), m.x_sxm("E"), m.x_mxm("E"),
    )  # fmt: skip
    assert found == positions
    assert m.positions == positions[-1] + 1


def test_the_east_is_the_mirror_image_of_the_west(machine: Machine) -> None:
    last = machine.positions - 1
    assert machine.x_mxm("E") == last - machine.x_mxm("W")
    assert machine.x_sxm("E") == last - machine.x_sxm("W")
    for n in range(machine.chip.slices):
        assert machine.x_mem("E", n) == last - machine.x_mem("W", n)
    for stage in range(8):
        assert machine.x_vxm(stage) == last - machine.x_vxm(7 - stage)


def test_slices_of_a_group_share_a_position(machine: Machine) -> None:
    for side in HEMISPHERES:
        places = [machine.x_mem(side, n) for n in range(machine.chip.slices)]
        assert len(set(places)) == machine.chip.slices // 4
        assert [abs(x - places[0]) for x in places] == [n // 4 for n in range(machine.chip.slices)]


def alu(machine: Machine, number: int) -> Queue:
    return machine.queue_by_name[f"vxm.{number}"]


def test_an_alu_samples_at_one_stage_and_drives_at_the_next(machine: Machine) -> None:
    for number in range(16):
        queue, column = alu(machine, number), number % 4
        assert machine.x_in(queue, EAST) == machine.x_vxm(2 * column)
        assert machine.x_out(queue, EAST) == machine.x_vxm(2 * column + 1)
        assert machine.x_in(queue, WEST) == machine.x_vxm(2 * column + 1)
        assert machine.x_out(queue, WEST) == machine.x_vxm(2 * column)


def test_a_result_reaches_the_next_column_and_never_its_own(machine: Machine) -> None:
    for number in range(15):
        queue, right = alu(machine, number), alu(machine, number + 1)
        if number % 4 < 3:
            assert machine.x_in(right, EAST) - machine.x_out(queue, EAST) == 1
            assert machine.x_out(right, WEST) - machine.x_in(queue, WEST) == 1
        assert machine.x_out(queue, EAST) > machine.x_in(queue, EAST)
        assert machine.x_out(queue, WEST) < machine.x_in(queue, WEST)


def test_other_units_sample_and_drive_at_one_position(machine: Machine) -> None:
    places = {"mxm": machine.x_mxm, "sxm": machine.x_sxm, "c2c": machine.x_sxm}
    for queue in machine.queues:
        if queue.unit == "vxm":
            continue
        x = (
            machine.x_mem(queue.hemisphere, queue.number)
            if queue.unit == "mem"
            else places[queue.unit](queue.hemisphere)
        )
        for way in (EAST, WEST):
            assert machine.x_in(queue, way) == machine.x_out(queue, way) == x


def group(machine: Machine, mnemonic: str, operand: str, **named: str | int) -> int:
    instruction = machine.isa[mnemonic]
    args = [0] * len(instruction.operands)
    for name, value in named.items():
        index = instruction.operand_index(name)
        kind = instruction.operands[index].kind
        args[index] = kind.values.index(value) if isinstance(value, str) else value
    return machine.group(instruction, instruction.operands[instruction.operand_index(operand)], args)


@pytest.mark.parametrize(("dtype", "size"), DTYPE_BYTES.items())
def test_groups_by_type(dtype: str, size: int, tsp1: Machine) -> None:
    assert group(tsp1, "add", "x", dtype=dtype) == size
    assert group(tsp1, "add", "to3", dtype=dtype) == size
    assert group(tsp1, "convert", "to", dtype="int32", result=dtype) == size
    assert group(tsp1, "convert", "x", dtype=dtype, result="int32") == size
    assert group(tsp1, "abc", "x", dtype=dtype) == size


def test_groups_of_other_operands(machine: Machine) -> None:
    assert group(machine, "read", "to") == 1
    assert group(machine, "read", "address") == 0
    assert group(machine, "add", "immediate") == 0
    assert group(machine, "acc", "to") == group(machine, "acc_read", "to") == 4
    assert [group(machine, "shift_up", "x", width=w) for w in ("b1", "b2", "b4")] == [1, 2, 4]
    assert group(machine, "permute", "map", width="b4") == 2
    assert group(machine, "distribute", "x") == group(machine, "distribute", "to") == 8
    assert [group(machine, "rotate", "x", edge=n) for n in (3, 4)] == [3, 4]
    assert [group(machine, "rotate", "to", edge=n) for n in (3, 4)] == [9, 16]
    assert group(machine, "transpose", "x") == machine.chip.lanes_per_superlane
    assert group(machine, "lw", "rows") == machine.chip.weight_streams


def test_every_type_has_a_size(machine: Machine) -> None:
    assert list(DTYPE_BYTES) == list(machine.isa.kinds["dtype"].values)


def test_reach(tsp1: Machine) -> None:
    """MO: row r reads and writes the groups 2r .. 2r + 3 modulo 8."""
    table = {0: {0, 1, 2, 3}, 1: {2, 3, 4, 5}, 2: {4, 5, 6, 7}, 3: {6, 7, 0, 1}}
    for number in range(16):
        assert tsp1.reach(number) == table[number // 4]


def test_reach_with_fewer_streams() -> None:
    tiny = load_machine("tiny")
    for number in range(16):
        assert tiny.reach(number) == {0, 1, 2, 3}


def test_large_alus(machine: Machine) -> None:
    """MO: a mod 8 in {0, 2, 5, 7}."""
    assert [a for a in range(16) if machine.is_large(a)] == [0, 2, 5, 7, 8, 10, 13, 15]


def test_the_mesh_has_the_symmetry_of_the_chip(tsp1: Machine) -> None:
    """MO: mirroring the chip maps ALU a to 15 - a and group s to (9 - s) mod 8."""
    for number in range(16):
        assert tsp1.is_large(15 - number) == tsp1.is_large(number)
        assert tsp1.reach(15 - number) == {(9 - s) % 8 for s in tsp1.reach(number)}


def test_links(machine: Machine) -> None:
    for side in HEMISPHERES:
        queues = [q for q in machine.queues if q.unit == "c2c" and q.hemisphere == side]
        links = [link for queue in queues for link in machine.links_of(queue)]
        assert links == list(range(machine.chip["c2c.links"]))


def test_links_of_one_queue(tsp1: Machine) -> None:
    assert list(tsp1.links_of(require_queue(tsp1, "c2c.E.3"))) == [6, 7]


def test_streams() -> None:
    assert [direction(s) for s in (0, 31, 32, 63)] == [EAST, EAST, WEST, WEST]
    assert [stream_name(s) for s in (0, 31, 32, 63)] == ["e0", "e31", "w0", "w31"]


def test_a_machine_of_a_loaded_chip() -> None:
    chip = load_machine("tiny").chip
    assert load_machine(chip).chip is chip
    assert load_machine().chip.name == "tsp1"


def test_timing_takes_the_instruction_before_the_unit(tsp1: Machine) -> None:
    assert dict(tsp1.timing(tsp1.isa["read"])) == {"access": 0, "func": 1}
    assert dict(tsp1.timing(tsp1.isa["write"])) == {"skew": 0, "access": 1}
    assert dict(tsp1.timing(tsp1.isa["acc"])) == {"skew": 0, "land": 1, "func": 34}
    tiny = load_machine("tiny")
    assert dict(tiny.timing(tiny.isa["gather"])) == {"skew": 0, "access": 1, "func": 2}
    for machine in (tsp1, tiny):
        for instruction in machine.isa.instructions.values():
            assert tuple(machine.timing(instruction)) == instruction.timing
