"""The suite ``host``: how fast the emulator is on this machine."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lpu_emu.bench.host.columns import COLUMNS, is_disturbed, times
from lpu_emu.bench.suites import Benchmark, Options, Progress, Report, chosen

Result = dict[str, Any]

_KERNELS = {
    "int8_kernel": "the matrix kernel of int8_product alone",
    "fp16_kernel": "the matrix kernel of fp16_product alone",
    "decode_1_kernel": "the matrix kernel of decode_1 alone",
    "decode_4_kernel": "the matrix kernel of decode_4 alone",
}
WITH_PLANNING, START, COLD = "small_with_planning", "start", "cold_start"
_LINEAR = {
    "linear_execution": "does execution grow with work? four sizes",
    "linear_planning": "do analysis and planning grow with work? four sizes",
}
GOALS = {WITH_PLANNING: 2e6, START: 1.0, COLD: 45.0}
MEMORY_GOAL = 2.0


def benchmarks() -> Sequence[Benchmark]:
    """Return what the suite has."""
    from lpu_emu.bench.host.workloads import WORKLOADS

    rows = {name: entry.asks for name, entry in WORKLOADS.items()}
    rows[WITH_PLANNING] = "the same with validation, analysis and planning"
    rows |= _KERNELS
    rows[START] = "from the start of a process to the end of a small kernel"
    rows[COLD] = "the same on a machine without compiled code (with --cold only)"
    rows |= _LINEAR
    return [Benchmark(name=name, asks=asks) for name, asks in rows.items()]


def run(options: Options, progress: Progress) -> Report:
    """Measure what is asked for, each in a process of its own."""
    from lpu_emu.bench.host.processes import run_task

    facts, rows = _facts(options), list[Result]()
    earlier = _undisturbed(options.earlier, facts)
    for benchmark in chosen(benchmarks(), options.only):
        if benchmark.name == COLD and not (options.cold or COLD in options.only):
            continue
        progress(f"measuring {benchmark.name}")
        result = earlier.get(benchmark.name) or _measured(benchmark.name, options, rows)
        rows.append(_judged({**result, "name": benchmark.name, "asks": benchmark.asks}, options))
    progress("measuring the host")
    rates = options.earlier["rates"] if earlier else None
    if not rates or is_disturbed(rates):
        rates = run_task("rates", **_common(options))
    facts["rates"] = rates
    failures = [f"{row['name']}: {row['differing']} results differ" for row in rows if row.get("differing")]
    return Report(
        rows=tuple(rows),
        columns=COLUMNS,
        facts=facts,
        notes=(*host_notes(facts), *row_notes(rows)),
        failures=tuple(failures),
        figures=("cycles", "seconds", "ratio"),
    )


def _facts(options: Options) -> Result:
    from lpu_emu.bench.host.machine import describe_machine
    from lpu_emu.engine._cache import source_digest

    return {
        "threads": options.threads,
        "quick": options.quick,
        "machine": describe_machine(),
        "engine": source_digest(()),
    }


def _undisturbed(earlier: Mapping[str, Any], facts: Result) -> dict[str, Result]:
    """Return the rows of an earlier run that count now: same machine, engine and sizes, and others were quiet."""
    if not earlier or any(earlier.get(key) != value for key, value in facts.items()):
        return {}
    quiet = [row for row in earlier["rows"] if row.get("others") is not None and not is_disturbed(row)]
    return {row["name"]: dict(row) for row in quiet}


def host_notes(facts: Result) -> tuple[str, ...]:
    """Return the first lines below the table: what the host can do, and what the columns mean."""
    from lpu_emu.bench.table import rate

    machine, rates, threads = facts["machine"], facts["rates"], facts["threads"]
    of = f"{threads} thread{'s' if threads != 1 else ''}"
    products = [
        f"{dtype} {rate(rates[f'{dtype}_flops_per_s'], 'FLOP/s')}" for dtype in ("float32", "float64")
    ]
    moved = [
        f"{verb} at {rate(rates[f'{key}_bytes_per_s'], 'B/s')}"
        for key, verb in (("copy", "copied"), ("read", "read"))
    ]
    return (
        f"host: {machine['cpu']}, {machine['processors']} processors, {machine['blas']}, {of}:",
        f"  NumPy matmul {', '.join(products)}; memory {', '.join(moved)}",
        "time: best run of a planned program, weights in place; NumPy: the same work in the same process, in turns",
        "goal: of the ratio to NumPy where there is one; memory: peak of a fresh process that loads and runs a file",
        *(("quick: sizes are too small for rates to mean anything",) if facts["quick"] else ()),
    )


def row_notes(rows: Sequence[Result]) -> tuple[str, ...]:
    """Return the last lines below the table: what uses more memory than it should, and what was disturbed."""
    heavy = [f"{row['name']} {times(row['memory_ratio'])}" for row in rows if row.get("memory_met") is False]
    noisy = [row["name"] for row in rows if is_disturbed(row)]
    over = f"memory MISSED, goal {MEMORY_GOAL:g} x what SRAM and live values take: {', '.join(heavy)}"
    return (
        *((over,) if heavy else ()),
        *((f"* disturbed by other processes, measure again: {', '.join(noisy)}",) if noisy else ()),
    )


def _measured(name: str, options: Options, before: Sequence[Result]) -> Result:
    from lpu_emu.bench.host.processes import run_task

    if name in _KERNELS:
        return run_task("kernel", name=name, **_common(options))
    if name in _LINEAR:
        return run_task(name, **_common(options))
    special: dict[str, Callable[[], Result]] = {
        WITH_PLANNING: lambda: _with_planning(options, before),
        START: lambda: _start(options),
        COLD: lambda: _cold(options),
    }
    return special[name]() if name in special else _program(name, options)


def _common(options: Options) -> dict[str, Any]:
    return {"quick": options.quick, "threads": options.threads, "patience_s": options.patience_s}


def _program(name: str, options: Options) -> Result:
    from lpu_emu.bench.host.processes import run_task

    with tempfile.TemporaryDirectory(prefix="lpu-emu-bench-") as folder:
        keep = str(Path(folder) / "program.h5")
        result = run_task("program", name=name, keep=keep, **_common(options))
        memory = run_task("memory", keep=keep, threads=options.threads)
    return {**result, **memory, **_memory_ratio(result, memory, options.quick)}


def _memory_ratio(result: Result, memory: Result, quick: bool) -> Result:
    """Return the memory that a program adds to an idle process, over what SRAM and live values take."""
    if not memory["peak_bytes"] or not memory["base_bytes"]:
        return {"memory_ratio": None, "memory_met": None}
    needed = max(result["image_bytes"] + result["pool_bytes"], 1)
    ratio = (memory["peak_bytes"] - memory["base_bytes"]) / needed
    return {"memory_ratio": ratio, "memory_met": None if quick else ratio <= MEMORY_GOAL}


def _with_planning(options: Options, before: Sequence[Result]) -> Result:
    small = [row for row in before if row["name"] == "small_instructions"]
    result: Result = dict(small[0]) if small else _program("small_instructions", options)
    kept = ("title", "cycles", "work", "unit", "others", "validate_s", "analyse_s", "plan_s")
    prepared = sum(result[key] for key in ("validate_s", "analyse_s", "plan_s"))
    return {**{key: result[key] for key in kept}, "seconds": prepared + result["seconds"]}


def _start(options: Options) -> Result:
    from lpu_emu.bench.host.processes import command_seconds, start_times

    tries = 2 if options.quick else 7
    reached = start_times(threads=options.threads, tries=tries, patience_s=options.patience_s)
    return {**_started("start with compiled code", reached), "command_s": command_seconds(tries=tries)}


def _cold(options: Options) -> Result:
    from lpu_emu.bench.host.processes import cold_start_times

    reached = cold_start_times(threads=options.threads, patience_s=options.patience_s)
    return _started("start without compiled code", reached)


def _started(title: str, reached: Result) -> Result:
    others = reached.pop("others")
    return {"title": title, "reached_s": reached, "seconds": reached["run"], "others": others}


def _judged(row: Result, options: Options) -> Result:
    """Add rates, the goal, and whether it is met; small sizes and disturbed rows are not judged."""
    goal, seconds = GOALS.get(row["name"], row.get("goal")), row["seconds"]
    kind = _goal_kind(row) if goal else None
    value = {"ratio": row.get("ratio"), "rate": row.get("work", 0) / seconds, "seconds": seconds}
    reached = value[kind] if kind else None
    met = None
    if reached is not None and not options.quick and not is_disturbed(row):
        met = bool(reached <= goal if kind == "seconds" else reached >= goal)
    rates: Result = {}
    if row.get("work") and row.get("unit"):
        rates["work_per_s"] = row["work"] / seconds
    if row.get("cycles"):
        rates["cycles_per_s"] = row["cycles"] / seconds
    if row.get("numpy_s"):
        rates["numpy_per_s"] = row["work"] / row["numpy_s"]
    return {**row, **rates, "goal": goal, "goal_kind": kind, "met": met}


def _goal_kind(row: Result) -> str:
    if row["name"] in (START, COLD):
        return "seconds"
    return "ratio" if row.get("ratio") else "rate"
