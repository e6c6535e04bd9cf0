"""The debugger: stepping, breakpoints, and what it shows, against the static analysis and the reference's results."""

from __future__ import annotations

import numpy as np
import pytest

from lpu_emu import asm, reference
from lpu_emu._resources import kernels_folder
from lpu_emu.debugger import places, sights, watch
from lpu_emu.debugger.console import COMMANDS, Console
from lpu_emu.debugger.debugger import Debugger
from lpu_emu.errors import UsageError
from lpu_emu.program.model import Program

SEED = 11


@pytest.fixture(scope="module")
def program() -> Program:
    return asm.assemble_file(kernels_folder() / "vector_add.lpu")


@pytest.fixture
def inputs() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(SEED)
    return {name: rng.integers(-128, 128, size=(64, 320), dtype=np.int8) for name in ("a", "b")}


@pytest.fixture
def console(program: Program, inputs: dict[str, np.ndarray]) -> Console:
    return Console(Debugger(program, inputs))


def test_going_to_the_end_gives_the_memory_of_the_reference(
    program: Program, inputs: dict[str, np.ndarray]
) -> None:
    debugger = Debugger(program, inputs)
    debugger.go_to(1000)
    expected = reference.run(program, inputs).memory
    assert debugger.next_cycle is None
    for name, words in debugger.state.memory.words.items():
        np.testing.assert_array_equal(words, expected[name], err_msg=f"{name}, seed {SEED}")


def test_going_back_shows_what_was_there(program: Program, inputs: dict[str, np.ndarray]) -> None:
    debugger = Debugger(program, inputs)
    debugger.go_to(20)
    there = [str(d) for d in debugger.dispatched]
    debugger.go_to(60)
    debugger.go_to(20)
    assert [str(d) for d in debugger.dispatched] == there
    assert debugger.cycle == 20


def test_a_stream_carries_the_input_towards_the_alu(program: Program, inputs: dict[str, np.ndarray]) -> None:
    debugger = Debugger(program, inputs)
    debugger.go_to(2)
    seen = {s.place: s for s in sights.stream(debugger, places.stream_of("e0", program.machine), "int8")}
    sight = seen["e0 at x=19"]
    assert sight.values is not None
    np.testing.assert_array_equal(sight.values, inputs["a"][0], err_msg=f"seed {SEED}")
    assert sight.by == "mem.W0[1] read 0x000 -> e0, dispatched in 1"


def test_a_watch_finds_the_write_of_each_word(program: Program, inputs: dict[str, np.ndarray]) -> None:
    where = places.words_of("E0:0x10+1", program.machine)
    found = list(watch.changes(Debugger(program, inputs), where, "int8", 0, None))
    assert [(s.cycle, s.place) for s in found] == [(30, "E0:0x010"), (31, "E0:0x011")]
    total = np.clip(inputs["a"].astype(np.int16) + inputs["b"], -128, 127)
    for sight, row in zip(found, (16, 17), strict=True):
        assert sight.values is not None
        np.testing.assert_array_equal(sight.values, total[row], err_msg=f"seed {SEED}")
        assert "mem.E0[1] write" in sight.by


@pytest.mark.parametrize(
    ("where", "cycle"), [("E0:0x10", 29), ("mem.E0[1]", 13), ("add", 3), ("E0", 13), ("hazard", None)]
)
def test_breakpoints(console: Console, where: str, cycle: int | None) -> None:
    console.execute(f"break {where}")
    answer = console.execute("continue")
    if cycle is None:
        assert answer[0] == "the end is reached"
    else:
        assert console.debugger.cycle == cycle


def test_a_hazard_stops_the_program(program: Program, inputs: dict[str, np.ndarray]) -> None:
    text = (kernels_folder() / "vector_add.lpu").read_text(encoding="utf-8")
    late = asm.assemble(
        text.replace("nop   13", "nop   14").replace("@13", "@14").replace("nop 13", "nop 14")
    )
    console = Console(Debugger(late, inputs))
    console.execute("break hazard")
    answer = console.execute("c")
    assert answer[0].startswith("hazard: un"), answer


def test_every_command_is_listed_by_help_and_explains_itself(console: Console) -> None:
    listed = console.execute("help")
    assert len(listed) == len(COMMANDS)
    assert all(command.meaning in "\n".join(listed) for command in COMMANDS.values())


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("stepp", "there is no command 'stepp'; did you mean 'step'?"),
        ("goto x", "'x' is no number"),
        ("memory E0", "'E0' is no address"),
        ("memory E0:99999", "lies outside slice E0"),
        ("queue Q7", "no slice or queue 'Q7'"),
        ("plane 9", "there is no plane 9: chip tsp1 has planes 0 to 3"),
        ("streams e32", "there is no stream e32"),
        ("as int9", "there is no type 'int9'"),
        ("delete 1", "there is no breakpoint 1"),
    ],
)
def test_mistakes_are_answered(console: Console, line: str, message: str) -> None:
    (answer,) = console.execute(line)
    assert answer.startswith("error: ")
    assert message in answer


def test_comments_and_empty_lines_do_nothing(console: Console) -> None:
    assert console.execute("  # nothing") == console.execute("") == []


def test_planes_show_sums(inputs: dict[str, np.ndarray]) -> None:
    matmul = asm.assemble_file(kernels_folder() / "matmul.lpu")
    rng = np.random.default_rng(SEED)
    arrays = {b.name: rng.integers(-128, 128, size=b.layout.shape).astype(np.int8) for b in matmul.inputs}
    debugger = Debugger(matmul, arrays)
    debugger.go_to(1000)
    *_, last = sights.plane(debugger, 0, range(512), "int32")
    assert last.place.startswith("plane 0 row ")
    assert last.values is not None
    assert last.values.dtype == np.int32
    assert last.values.any()


@pytest.mark.parametrize("text", ["", "4:2", "x", "1:2:3", "-1"])
def test_cycles_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="no cycles"):
        places.cycles_of(text)


def test_streams_are_written_in_two_ways(program: Program) -> None:
    assert [places.stream_of(t, program.machine) for t in ("e3", "3E", "w0", "31W")] == [3, 3, 32, 63]
