"""The suite ``networks``: one row per network and precision."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from lpu_emu.bench.host.machine import describe_machine
from lpu_emu.bench.networks.measure import measure_case
from lpu_emu.bench.networks.rows import CASES, QUICK, Case
from lpu_emu.bench.suites import Benchmark, Options, Progress, Report, chosen
from lpu_emu.bench.table import Column, Row, digits, duration, rate, share, whole
from lpu_emu.library.integers import FLOAT_TOLERANCE

CHIP = "tsp1"
# Roundings of a deep network add up, and softmax spreads them; a wrong layer leaves nothing of the direction.
LEAST_COSINE = 0.95
COLUMNS = (
    Column(key="name", title="network"),
    Column(key="ideal_cycles", title="ideal", text=whole, right=True),
    Column(key="cycles", title="cycles", text=whole, right=True),
    Column(key="time_us", title="us", text=digits, right=True),
    Column(key="ideal_share", title="ideal/cycles", text=share, right=True),
    Column(key="mxm_utilization", title="MXM", text=share, right=True),
    Column(key="sram_bytes", title="SRAM", text=lambda value: rate(value, "B"), right=True),
    Column(key="compile_s", title="compile", text=duration, right=True),
    Column(key="compile_bytes", title="memory", text=lambda value: rate(value, "B"), right=True),
    Column(key="run_s", title="run", text=duration, right=True),
    Column(key="onnxruntime_s", title="ORT fp32", text=duration, right=True),
    Column(key="run_ratio", title="run/ORT", text=digits, right=True),
    Column(key="oracle_err", title="vs integers", text=lambda value: f"{value:.0e}", right=True),
    Column(key="max_abs_err", title="max error", text=lambda value: f"{value:.2g}", right=True),
    Column(key="status", title="status"),
)


def benchmarks() -> Sequence[Benchmark]:
    """Return the rows of the suite."""
    return [
        Benchmark(name=case.name, asks=f"How fast is {case.network} in {case.precision}, and how exact?")
        for case in CASES
    ]


def run(options: Options, progress: Progress) -> Report:
    """Make, compile, run and compare the networks that are asked for.

    Raises:
        UsageError: there is no row of a name that is asked for.
        MissingExtraError: onnx or ONNX Runtime is not installed.
    """
    wanted = {benchmark.name for benchmark in chosen(benchmarks(), options.only)}
    cases = [case for case in CASES if case.name in wanted and (not options.quick or case.network in QUICK)]
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="lpu-emu-networks-") as folder:
        for case in cases:
            progress(f"measuring {case.name}")
            rows.append(measure_case(case, Path(folder), chip=CHIP, threads=options.threads))
    return Report(
        rows=tuple(rows),
        columns=COLUMNS,
        facts={"chip": CHIP, "machine": describe_machine(), "threads": options.threads},
        notes=(
            f"chip {CHIP}, batch 1; {options.threads} threads for the engine and for ONNX Runtime (fp32, fastest of "
            f"several).",
            "ideal: all products on all planes, none waiting. MXM: share of the planes' cycles that are occupied.",
            "vs integers: int8 rows against the integer semantics of the model in NumPy; what is left is softmax.",
            "max error: of the probabilities, against ONNX Runtime (unfused) on the same model.",
            *(f"{row['name']}: {row['reason']}" for row in rows if row.get("reason")),
        ),
        failures=tuple(
            failure for row, case in zip(rows, cases, strict=True) for failure in failures(row, case)
        ),
    )


def failures(row: Row, case: Case) -> list[str]:
    """Return what must never be: other cycles than predicted, hazards, or results that are too far off."""
    if row["status"] == "not yet" or case.refused:
        return []
    found = []
    if row["cycles"] != row["ran_cycles"]:
        found.append(f"{case.name}: {row['ran_cycles']} cycles ran, {row['cycles']} were predicted")
    if row["hazards"]:
        found.append(f"{case.name}: {row['hazards']} hazards")
    if row.get("oracle_err") is not None and row["oracle_err"] > FLOAT_TOLERANCE:
        found.append(f"{case.name}: differs from its integer semantics by {row['oracle_err']:.1e}")
    if row["cosine"] < LEAST_COSINE:
        found.append(
            f"{case.name}: the outputs have a cosine of {row['cosine']:.3f} with what they should be"
        )
    return found
