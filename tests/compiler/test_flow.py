"""Flows: offsets keep the timing equation, columns keep the rules of the mesh, contradictions are found."""

from __future__ import annotations

from itertools import pairwise

import pytest

from lpu_emu import timing
from lpu_emu.compiler.flow.builder import Column, FlowBuilder, Immediate, Reading
from lpu_emu.compiler.flow.columns import ColumnChoices
from lpu_emu.compiler.flow.model import AnyAlu, Flow
from lpu_emu.compiler.flow.rigid import Rigid, Solver, shape_of
from lpu_emu.compiler.geometry import Geometry
from lpu_emu.compiler.memory.words import ACTIVATIONS, Words
from lpu_emu.compiler.schedule.scheduler import NoPlaceError, Scheduler
from lpu_emu.spec.machine import EAST, load_machine

GEOMETRIES = {name: Geometry(load_machine(name)) for name in ("tiny", "tsp1", "lp30")}


def words(count: int, planes: int, name: str = "w") -> tuple[Words, ...]:
    return tuple(Words(f"{name}.{i}", count, ACTIVATIONS) for i in range(planes))


def chain(geometry: Geometry, length: int) -> Flow:
    builder = FlowBuilder(geometry, "chain", count=4)
    edge = builder.read(Reading(words=words(4, 4)))
    for i in range(length):
        edge = builder.alu("add", "fp32", {"x": edge, "y": Immediate(bits=i)})
    builder.write(edge, words(4, 4))
    return builder.build()


def check_equations(geometry: Geometry, rigid: Rigid) -> None:
    solver = Solver(geometry, rigid.shape, rigid.columns)
    for edge, way in enumerate(rigid.directions):
        if way is None:
            continue
        for producer, _ in rigid.shape.producers[edge]:
            for consumer, port in rigid.shape.consumers[edge]:
                if producer.is_leaf or consumer.is_leaf:
                    continue
                driven = rigid.offsets[producer.index] + geometry.delay(producer.mnemonic, "func")
                sampled = rigid.offsets[consumer.index] + geometry.skew(consumer.mnemonic, port.operand)
                hops = timing.hops(solver.x_out(producer, way), solver.x_in(consumer, way), way)
                assert hops > 0
                assert sampled == driven + hops


@pytest.mark.parametrize("chip", GEOMETRIES)
@pytest.mark.parametrize("length", [1, 2, 4, 7])
def test_every_choice_of_columns_keeps_the_timing_equation(chip: str, length: int) -> None:
    geometry = GEOMETRIES[chip]
    choices = list(ColumnChoices(geometry).of(shape_of(chain(geometry, length))))
    assert choices
    for rigid in choices:
        check_equations(geometry, rigid)
        columns = [rigid.columns[s.index] for s in rigid.shape.alus]
        assert all(a != b for a, b in pairwise(columns))


def test_the_quickest_chain_from_the_west_walks_east() -> None:
    geometry = GEOMETRIES["tsp1"]
    first = next(ColumnChoices(geometry).of(shape_of(chain(geometry, 4))))
    columns = [first.columns[s.index] for s in first.shape.alus]
    assert columns[0] == 0
    assert [abs(b - a) for a, b in pairwise(columns)] == [1, 1, 1]


def test_a_matrix_pass_and_its_epilogue_are_one_rigid_flow() -> None:
    geometry = GEOMETRIES["tsp1"]
    builder = FlowBuilder(geometry, "pass", count=10, side="W")
    x = builder.read(Reading(words=words(10, 1)))
    acc = builder.multiply(0, x, "int8", install=True, row=0, step=0, mode="set")
    y = builder.alu("add", "int32", {"x": builder.result(acc), "y": Column(words=words(1, 4))})
    builder.write(y, words(10, 4))
    rigid = next(ColumnChoices(geometry).of(shape_of(builder.build())))
    check_equations(geometry, rigid)
    at = {s.mnemonic: rigid.offsets[s.index] for s in rigid.shape.core}
    assert at["iw"] + geometry.delay("iw", "land") == at["abc"]
    assert at["acc"] + geometry.delay("acc", "skew") == at["abc"] + geometry.delay("abc", "product")
    fill_seen = at["copy"] + geometry.delay("copy", "latch")
    assert fill_seen == at["add"] + geometry.delay("add", "skew")
    assert rigid.directions[acc.outputs[0].edge if acc.outputs else 1] in (EAST, None)


def test_an_operand_that_has_passed_by_cannot_be_sampled() -> None:
    geometry = GEOMETRIES["tiny"]
    builder = FlowBuilder(geometry, "late", count=1)
    x = builder.read(Reading(words=words(1, 4)))
    y = builder.alu("neg", "fp32", {"x": x})
    z = builder.alu("add", "fp32", {"x": x, "y": y})  # x is gone when y is ready
    builder.write(z, words(1, 4))
    with pytest.raises(NoPlaceError, match="late: cannot be scheduled on chip tiny"):
        Scheduler(geometry).place(builder.build())


def test_a_pinned_alu_keeps_its_column() -> None:
    geometry = GEOMETRIES["tsp1"]
    builder = FlowBuilder(geometry, "pinned", count=1)
    x = builder.read(Reading(words=words(1, 4)))
    builder.write(builder.alu("neg", "fp32", {"x": x}, alu=6), words(1, 4))
    flow = builder.build()
    (rigid,) = ColumnChoices(geometry).of(shape_of(flow))
    (stage,) = rigid.shape.alus
    assert stage.place == AnyAlu(large=False, number=6)
    assert rigid.columns[stage.index] == 2


def test_a_fork_takes_the_next_target() -> None:
    geometry = GEOMETRIES["tsp1"]
    builder = FlowBuilder(geometry, "fork", count=1)
    y = builder.alu("neg", "fp32", {"x": builder.read(Reading(words=words(1, 4)))})
    for edge in (y, builder.fork(y), builder.fork(y)):
        builder.write(edge, words(1, 4))
    (alu,) = shape_of(builder.build()).alus
    assert [port.operand for port in alu.outputs] == ["to", "to2", "to3"]
