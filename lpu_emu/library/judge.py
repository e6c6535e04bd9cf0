"""Which independent result judges a run, and how close it must come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from lpu_emu.analysis import Analysis
from lpu_emu.graph import Graph
from lpu_emu.library import kernels, oracle
from lpu_emu.library.checks import Tolerance, Verdict, compare
from lpu_emu.library.tensors import Array
from lpu_emu.program.result import RunResult

EXACT = Tolerance()
# By how much a compiled model may differ from the model as written. fp16 has 11 significant bits; an int8 value
# that lies between two steps may be rounded to either, and two steps are 1/64 of the range. fp32 sums taken in another
# order differ in the last bits, more so after many layers.
TOLERANCES = {
    "fp16": Tolerance(of_value=0.01, of_range=0.01),
    "fp32": Tolerance(of_value=1e-5, of_range=1e-5),
    "int8": Tolerance(of_range=1 / 64),
}


def check_model(
    path: Path, graph: Graph, inputs: Mapping[str, Array], result: RunResult, precision: str
) -> Verdict:
    """Compare with ONNX Runtime, or with the NumPy evaluation when that is not installed.

    Raises:
        ModelError: neither of them can run the model.
    """
    expectation = oracle.expected_outputs(path, graph, inputs)
    verdict = compare(
        result.outputs,
        expectation.outputs,
        against=expectation.by,
        tolerance=TOLERANCES[precision],
        argmax=True,
    )
    return replace(verdict, note=expectation.note)


def check_kernel(beside: kernels.Companion, inputs: Mapping[str, Array], result: RunResult) -> Verdict:
    """Compare with what the kernel's companion expects, bit for bit unless it states a tolerance.

    Raises:
        InputError: the companion fails, or expects outputs that the program has not.
    """
    expected = kernels.companion_expected(beside, inputs)
    tolerance = Tolerance(of_range=beside.tolerance)
    return compare(result.outputs, expected, against=f"expected() of {beside.path.name}", tolerance=tolerance)


def check_analysis(analysis: Analysis, result: RunResult) -> Verdict:
    """Compare the cycles and hazards of a run with those that the analysis found without running."""
    details = []
    if analysis.cycles != result.cycles:
        details.append(f"{result.cycles} cycles; the analysis says {analysis.cycles}")
    ran, found = set(result.hazards), set(analysis.hazards)
    details += [f"hazard of the run only: {h.kind} {h.resource}" for h in result.hazards if h not in found]
    details += [
        f"hazard of the analysis only: {h.kind} {h.resource}" for h in analysis.hazards if h not in ran
    ]
    error = abs(analysis.cycles - result.cycles)
    return Verdict(
        against="static analysis (cycles and hazards)",
        tolerance=EXACT,
        max_abs_err=float(error),
        max_rel_err=error / max(analysis.cycles, 1),
        mismatches=len(details),
        compared=1 + len(found | ran),
        details=tuple(details),
    )
