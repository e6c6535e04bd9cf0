"""How long pages and traces take to make, and how large they are. Goal: a page of 200,000 runs under 5 MB.

``extra_info`` holds runs, cycles, bytes of the page and of the traces, and the seconds of each.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lpu_emu.analysis import analyse
from lpu_emu.compiler import compile_graph
from lpu_emu.graph import read_onnx
from lpu_emu.program.model import DataSection, Operator, Program
from lpu_emu.program.text import QueueText
from lpu_emu.report import chrome_trace, html_report, json_report, perfetto_trace, text_report
from lpu_emu.spec.machine import EAST, Machine, load_machine

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

SEED = 7
MODELS = Path(__file__).parents[2] / "kernels" / "models"
_PAIRS, _FIRST, _OPERATORS = 32, 40, 40
GOAL_BYTES = 5_000_000


def scattered(runs: int) -> Program:
    """Return a program of about ``runs`` short runs without any regularity: the worst case for packing.

    Slices of the west read bursts of random length at random addresses and times, slices of the east write them.
    """
    machine = load_machine("tsp1")
    rng = np.random.default_rng(SEED)
    each = runs // (2 * _PAIRS)
    queues = {}
    for number in range(_PAIRS):
        source, target = (machine.queue_by_name[f"mem.{side}{number}"] for side in "WE")
        count, gap = rng.integers(1, 9, each), rng.integers(0, 12, each)
        late = 1 + machine.x_out(target, EAST) - machine.x_out(source, EAST)
        low, high = rng.integers(0, 4000, each), rng.integers(4096, 8000, each)
        queues[source.name] = _bursts(machine, "read", number, _FIRST, low, count, gap)
        queues[target.name] = _bursts(machine, "write", number, _FIRST + late, high, count, gap)
    words = np.zeros((4096, machine.chip.lanes), dtype=np.uint8)
    data = [DataSection(name=f"data{n}", slice=f"W{n}", address=0, words=words) for n in range(_PAIRS)]
    operators = [Operator(name=f"block/{i}", op_type="Copy") for i in range(_OPERATORS)]
    ordered = {q.name: queues[q.name] for q in machine.queues if q.name in queues}
    return Program(
        name="scattered", machine=machine, queues=ordered, data=tuple(data), operators=tuple(operators)
    )


def _bursts(
    machine: Machine,
    name: str,
    stream: int,
    first: int,
    address: np.ndarray,
    count: np.ndarray,
    gap: np.ndarray,
) -> QueueText:
    """Return a queue of bursts: the instruction, its repeat, and the gap to the next one."""
    isa, rows = machine.isa, 3 * len(address) + 1
    access, repeat, nop = (isa.instructions[n] for n in (name, "repeat", "nop"))
    opcodes, args = np.zeros(rows, dtype=np.uint8), np.zeros((rows, isa.widest), dtype=np.int64)
    opcodes[0], args[0, 0] = nop.opcode, first
    opcodes[1::3], opcodes[2::3], opcodes[3::3] = access.opcode, repeat.opcode, nop.opcode
    args[1::3, access.operand_index("address")] = address
    args[1::3, access.operand_index("to" if name == "read" else "data")] = stream
    for operand, values in (("count", count), ("interval", 1 + gap % 2), ("stride", 1)):
        args[2::3, repeat.operand_index(operand)] = values
    args[3::3, 0] = gap + 1
    origins = (np.arange(rows) * _OPERATORS // rows).astype(np.int32)
    return QueueText(opcodes=opcodes, args=args, lines=np.zeros(rows, dtype=np.int32), origins=origins)


def digits(precision: str) -> Program:
    name = {"fp16": "digits_mlp", "int8": "digits_mlp_int8"}[precision]
    return compile_graph(read_onnx(MODELS / f"{name}.onnx", {"x": (64, 64)}), machine=load_machine("tsp1"))


PROGRAMS: dict[str, Callable[[], Program]] = {
    "digits": lambda: digits("fp16"),
    "digits_int8": lambda: digits("int8"),
    "scattered_20k": lambda: scattered(20_000),
    "scattered_200k": lambda: scattered(200_000),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_page(benchmark: BenchmarkFixture, name: str) -> None:
    program = PROGRAMS[name]()
    analysis = analyse(program)
    page = benchmark.pedantic(html_report, args=(program, analysis), rounds=3, warmup_rounds=1)  # type: ignore[no-untyped-call]
    info = benchmark.extra_info
    info["runs"], info["cycles"], info["page_bytes"] = len(analysis.runs), analysis.cycles, len(page.encode())
    info["goal_bytes"] = GOAL_BYTES
    for form, make in (("text", text_report), ("json", json_report)):
        begin = time.perf_counter()
        make(program, analysis)
        info[f"{form}_s"] = time.perf_counter() - begin


@pytest.mark.parametrize("name", ["digits", "scattered_20k"])
@pytest.mark.parametrize("form", ["chrome", "perfetto"])
def test_trace(benchmark: BenchmarkFixture, name: str, form: str) -> None:
    program = PROGRAMS[name]()
    analysis = analyse(program)
    make = chrome_trace if form == "chrome" else perfetto_trace
    made = benchmark.pedantic(make, args=(program, analysis), rounds=3, warmup_rounds=1)  # type: ignore[no-untyped-call]
    benchmark.extra_info["runs"] = len(analysis.runs)
    benchmark.extra_info["trace_bytes"] = len(made)
