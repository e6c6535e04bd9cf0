"""Matrix products through the compiler: cycles, utilisation, instruction text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lpu_emu.analysis.core import analyse
from lpu_emu.bench.micro.lab import Lab, MeasurementError, Trial
from lpu_emu.bench.micro.matrix import peak_fp16
from lpu_emu.bench.micro.measured import Measured, from_trial
from lpu_emu.graph.ir import Graph, Node, ValueInfo
from lpu_emu.program.model import Program
from lpu_emu.spec.machine import Machine

OPSET = 17
SEED = 13
ROWS = 160


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A product [m, k] by [k, n]."""

    m: int
    k: int
    n: int

    @property
    def macs(self) -> int:
        """Useful multiply-accumulates."""
        return self.m * self.k * self.n

    def __str__(self) -> str:
        return f"{self.m}x{self.k} by {self.k}x{self.n}"


def small(machine: Machine) -> Shape:
    """Return a product of two weight tiles."""
    return Shape(m=ROWS, k=2 * machine.chip.lanes, n=machine.chip.lanes)


def operands(shape: Shape) -> tuple[NDArray[np.float16], NDArray[np.float16]]:
    """Return fp16 operands of -1, 0 and 1, whose sums are exact in every order."""
    rng = np.random.default_rng(SEED)
    x, w = (rng.integers(-1, 2, size).astype(np.float16) for size in ((shape.m, shape.k), (shape.k, shape.n)))
    return x, w


def graph(shape: Shape, weights: NDArray[np.float16]) -> Graph:
    """Return the product with constant weights as a graph: input ``x``, output ``y``, all fp16."""
    sizes = {"x": (shape.m, shape.k), "w": (shape.k, shape.n), "y": (shape.m, shape.n)}
    values = {n: ValueInfo(name=n, dtype=np.dtype(np.float16), shape=s) for n, s in sizes.items()}
    node = Node(name="product", op_type="MatMul", domain="", opset=OPSET, inputs=("x", "w"), outputs=("y",))
    return Graph(
        name=f"product {shape}", inputs=("x",), outputs=("y",), values=values, constants={"w": weights},
        nodes=(node,), source="product",
    )  # fmt: skip


def compiled(lab: Lab, shape: Shape) -> Trial:
    """Compile a product, verify it, and in a lab with values run it and compare every element.

    Raises:
        CompileError: the product does not fit the chip.
        MeasurementError: an element is wrong.
    """
    from lpu_emu.compiler import CompileOptions, compile_graph

    x, w = operands(shape)
    program = compile_graph(graph(shape, w), machine=lab.machine, options=CompileOptions(precision="fp16"))
    trial = Trial(program=program, analysis=analyse(program))
    if trial.analysis.hazards:
        raise MeasurementError(f"{program.name}: {len(trial.analysis.hazards)} hazards")
    if lab.values:
        _require_product(program, {"x": x}, x.astype(np.float32) @ w.astype(np.float32))
    lab.keep(program.name, trial)
    return trial


def _require_product(program: Program, inputs: dict[str, Any], expected: NDArray[np.float32]) -> None:
    from lpu_emu.api import Executable

    found = Executable(program).run(inputs).outputs["y"].astype(np.float32)
    if not np.array_equal(found, expected):
        raise MeasurementError(f"{program.name}: {int(np.sum(found != expected))} elements are wrong")


def small_product(lab: Lab) -> Trial:
    """Return the trial of the small product."""
    return compiled(lab, small(lab.machine))


def cycles(lab: Lab) -> Measured:
    """Cycles of a compiled fp16 product of two weight tiles."""
    trial = lab.once(small_product)
    return from_trial(trial.cycles, trial, note=str(small(lab.machine)))


def utilisation_of(lab: Lab, trial: Trial, shape: Shape) -> Measured:
    """Useful multiply-accumulates of a product against those that the planes reach in as many cycles."""
    return from_trial(shape.macs / (trial.cycles * lab.once(peak_fp16).value), trial, note=str(shape))


def utilisation(lab: Lab) -> Measured:
    """Share of the measured fp16 peak that the small product reaches."""
    return utilisation_of(lab, lab.once(small_product), small(lab.machine))


def text_size(lab: Lab) -> Measured:
    """Bytes of instruction text of the small product."""
    trial = lab.once(small_product)
    return from_trial(trial.program.text_bytes(), trial)


def text_bandwidth(lab: Lab) -> Measured:
    """Bytes of instruction text per cycle that the small product would have to fetch, on average."""
    trial = lab.once(small_product)
    text = trial.analysis.accounts.text
    return from_trial(
        text.bytes_per_cycle, trial, note=f"at most {text.peak_bytes_per_cycle:,} B in one cycle"
    )
