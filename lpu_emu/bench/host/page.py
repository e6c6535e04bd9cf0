"""``docs/performance.md``: the speed table with where the time goes, what the limits are, and other simulators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lpu_emu.bench.host.columns import COLUMNS, goal_text, is_disturbed, mebibytes, times, work_text
from lpu_emu.bench.host.comparison import comparison
from lpu_emu.bench.host.tasks import KERNELS
from lpu_emu.bench.suites import Report
from lpu_emu.bench.table import Column, Row, digits, duration, markdown_table, rate, share, whole

Rows = Mapping[str, Row]

COMMAND = "lpu-emu bench host --cold --markdown -o docs/performance.md"
_PROFILED = (
    "products and their sums",
    "ALUs",
    "lane moves",
    "gather and scatter",
    "reads and writes",
    "weights and masks",
)


def page(report: Report) -> str:
    """Return the page as Markdown. Sections whose rows were not measured are left out."""
    rows = {row["name"]: row for row in report.rows}
    parts = [
        _head(report.facts),
        _speed(report.rows),
        _goals(report.rows),
        _profile(rows),
        _kernels(rows),
        _preparation(rows),
        _limits(rows, report.facts["rates"]),
        _memory(rows),
        _starts(rows),
        _lines(rows),
        comparison(rows),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(facts: Mapping[str, Any]) -> str:
    machine, rates = facts["machine"], facts["rates"]
    memory = f", {machine['memory_bytes'] / 2**30:.0f} GiB" if machine["memory_bytes"] else ""
    features = ", ".join(machine["features"]) or "no known vector extensions"
    versions = (
        f"Python {machine['python']}, NumPy {machine['numpy']} with {machine['blas']}, "
        f"Numba {machine['numba']}, llvmlite {machine['llvmlite']}"
    )
    flops = [f"{dtype} {rate(rates[f'{dtype}_flops_per_s'], 'FLOP/s')}" for dtype in ("float32", "float64")]
    copied, read = (rate(rates[f"{way}_bytes_per_s"], "B/s") for way in ("copy", "read"))
    quick = (
        "\n\n**Sizes of this page are those of `--quick`: its rates mean nothing.**" if facts["quick"] else ""
    )
    return f"""# Performance

How fast the emulator runs on its host. This page is written by

```text
{COMMAND}
```

Nothing on it is typed in, apart from what was measured of other simulators. What is worth comparing are ratios inside one
run.{quick}

* CPU: {machine["cpu"]}, {machine["processors"]} processors{memory}; {features}
* {machine["system"]}, {versions}
* engine and NumPy on {_threads(facts["threads"])} each, in turns
* NumPy's matrix products here: {", ".join(flops)} (a multiply-accumulate is two)
* memory: copied at {copied} (both ways counted), read at {read}"""


def _threads(number: int) -> str:
    return f"{number} thread{'s' if number != 1 else ''}"


def _speed(rows: Sequence[Row]) -> str:
    asked = "\n".join(f"* `{row['name']}`: {row['asks']}{_title(row)}" for row in rows)
    return f"""## Speed

{markdown_table(COLUMNS, rows)}

{asked}

*time* is the best run of a program that is analysed and planned, in a session that has its weights in SRAM as NumPy has
them in arrays. *useful work* leaves padding out. *NumPy* is the best time of the same work in the same process, in
turns: operands ready, of the type that it is fastest with and still exact enough (float32 for int8, float64 for fp16).
*memory* is the peak of a fresh process that loads the program from a file and runs it once. All values of all runs
are compared with NumPy's; a difference fails the command. A star marks a row that other processes disturbed."""


def _title(row: Row) -> str:
    return f" ({row['title']})" if row.get("cycles") else ""


def _goals(rows: Sequence[Row]) -> str:
    judged = [row for row in rows if row.get("met") is not None]
    disturbed = [row["name"] for row in rows if row.get("goal") and is_disturbed(row)]
    if not judged and not disturbed:
        return ""
    missed = [
        f"* **{row['name']}**: {_reached(row)}, goal {goal_text(row)}." for row in judged if not row["met"]
    ]
    over = [row for row in rows if row.get("memory_met") is False]
    if over:
        worst = ", ".join(f"{row['name']} {times(row['memory_ratio'])}" for row in over)
        missed.append(f"* **memory**, goal 2 x what SRAM and live values take: {worst}.")
    met = ", ".join(f"`{row['name']}`" for row in judged if row["met"]) or "none"
    lost = "\n".join(missed) or "None."
    doubt = f"\n\nNot judged, as other processes disturbed them: {', '.join(disturbed)}." if disturbed else ""
    return f"## Goals\n\nMet: {met}. Missed:\n\n{lost}{doubt}"


def _reached(row: Row) -> str:
    kind = row["goal_kind"]
    if kind == "seconds":
        return duration(row["seconds"])
    return work_text(row) if kind == "rate" else f"{digits(row['ratio'])} x NumPy"


def _profile(rows: Rows) -> str:
    programs = [row for row in rows.values() if row.get("steps_s") is not None]
    if not programs:
        return ""
    kinds = [kind for kind in _PROFILED if any(kind in row["steps_s"] for row in programs)]
    columns = [
        Column(key="name", title="program"),
        Column(key="seconds", title="time, all threads", text=duration, right=True),
        Column(key="one_thread_s", title="one thread", text=duration, right=True),
        *(Column(key=kind, title=kind, text=duration, right=True) for kind in kinds),
        Column(key="around", title="around the steps", text=duration, right=True),
    ]
    table = [{**row, **row["steps_s"], "around": _around(row)} for row in programs]
    return f"""## Where the time goes

One thread executes the steps of a plan one after another; each stretch of steps of a kind is timed, and what the
timing costs is taken off. *around the steps* is what is left of the run: setting back what the run before has changed, and
reading results. Where nearly all stretches are a few steps long, they cannot be timed one by one.

{markdown_table(columns, table)}"""


def _around(row: Row) -> float | None:
    steps = row["steps_s"]
    return max(0.0, row["one_thread_s"] - sum(steps.values())) if steps else None


def _kernels(rows: Rows) -> str:
    table = []
    for name, (program, *_) in KERNELS.items():
        if name in rows and program in rows:
            table.append(_kernel_row(rows[name], rows[program], program))
    if not table:
        return ""
    columns = [
        Column(key="name", title="program"),
        Column(key="whole", title="program, one thread", text=duration, right=True),
        Column(key="kernel", title="kernel alone", text=duration, right=True),
        Column(key="pack", title="packing weights once", text=duration, right=True),
        Column(key="rest", title="all the rest", text=duration, right=True),
        Column(key="rest_share", title="share", text=share, right=True),
        Column(key="rate", title="kernel alone", text=lambda v: rate(v, "MAC/s"), right=True),
        Column(key="padding", title="padding", text=share, right=True),
    ]
    return f"""### The matrix kernel and everything around it

The kernel is called from Python for the same tiles in the same order, weights packed before and operands where they are
needed. What the program takes beyond that is packing, moving rows to where the kernel reads them, storing sums, and
the dispatch. *padding* is work on the zeros that fill tiles of 320 by 320, which the program cannot avoid and the useful
rate does not count; the kernel's own rate here counts it.

{markdown_table(columns, table)}"""


def _kernel_row(kernel: Row, program: Row, name: str) -> Row:
    whole_s, kernel_s = program["one_thread_s"], kernel["one_thread_s"]
    rest = max(0.0, whole_s - kernel_s - kernel["pack_s"])
    return {
        "name": name,
        "whole": whole_s,
        "kernel": kernel_s,
        "pack": kernel["pack_s"] or None,
        "rest": rest,
        "rest_share": rest / whole_s,
        "rate": kernel["padded_work"] / kernel_s,
        "padding": 1 - kernel["work"] / kernel["padded_work"],
    }


def _preparation(rows: Rows) -> str:
    programs = [row for row in rows.values() if row.get("steps_s") is not None]
    if not programs:
        return ""
    columns = [
        Column(key="name", title="program"),
        Column(key="steps", title="steps of the plan", text=whole, right=True),
        Column(key="validate_s", title="validation", text=duration, right=True),
        Column(key="analyse_s", title="analysis", text=duration, right=True),
        Column(key="plan_s", title="planning", text=duration, right=True),
        Column(key="first_run_s", title="first run", text=duration, right=True),
        Column(key="seconds", title="further runs", text=duration, right=True),
    ]
    return f"""### Before the first run

Once per program: is it valid on its chip, which hazards has it, what is executed in which order. The first run also fills
SRAM with the program's data; further runs of a session keep what the program does not change.

{markdown_table(columns, programs)}"""


def _limits(rows: Rows, rates: Mapping[str, float]) -> str:
    programs = [row for row in rows.values() if row.get("steps_s") is not None and row.get("image_bytes")]
    if not programs:
        return ""
    table = [_limit_row(row, rows, rates) for row in programs]
    columns = [
        Column(key="name", title="program"),
        Column(key="seconds", title="time", text=duration, right=True),
        Column(key="image_bytes", title="operands and results", text=mebibytes, right=True),
        Column(key="memory_s", title="to copy them once", text=duration, right=True),
        Column(key="numpy_s", title="NumPy", text=duration, right=True),
        Column(key="flops_s", title="at NumPy's peak", text=duration, right=True),
        Column(key="kernel_s", title="kernel alone, all threads", text=duration, right=True),
    ]
    return f"""## What the limit is

Nothing on this host can be faster than moving operands and results through memory once, at the measured rate of copies.
Matrix products have a second limit, arithmetic: *at NumPy's peak* is the padding-free work at the best rate that NumPy
reaches here with large square matrices, in float32 for int8 and in float64 for fp16. int8 products may pass it where
the CPU has instructions for them (VNNI); fp16 sums are float64 sums rounded once, and cannot.

{markdown_table(columns, table)}"""


def _limit_row(row: Row, rows: Rows, rates: Mapping[str, float]) -> Row:
    kernels = {program: (name, dtype) for name, (program, _, _, dtype) in KERNELS.items()}
    name, dtype = kernels.get(row["name"], ("", ""))
    kernel = rows.get(name, {})
    return {
        **row,
        "memory_s": row["image_bytes"] / (rates["copy_bytes_per_s"] / 2),
        "flops_s": 2 * row["work"] / rates[f"{dtype}_flops_per_s"] if dtype else None,
        "kernel_s": kernel.get("seconds"),
    }


def _memory(rows: Rows) -> str:
    programs = [row for row in rows.values() if row.get("base_bytes")]
    if not programs:
        return ""
    columns = [
        Column(key="name", title="program"),
        Column(key="image_bytes", title="SRAM in use", text=mebibytes, right=True),
        Column(key="pool_bytes", title="live values", text=mebibytes, right=True),
        Column(key="base_bytes", title="process before", text=mebibytes, right=True),
        Column(key="peak_bytes", title="peak", text=mebibytes, right=True),
        Column(key="added", title="added", text=mebibytes, right=True),
        Column(key="memory_ratio", title="over SRAM and live values", text=times, right=True),
    ]
    table = [{**row, "added": row["peak_bytes"] - row["base_bytes"]} for row in programs]
    passing = max(row["small_peak_bytes"] - row["base_bytes"] for row in programs)
    return f"""## Memory

A fresh process loads and runs a small program of the same chip (*process before*: interpreter, libraries, compiled code,
tables), then loads the program of the row from its file and runs it once. *SRAM in use* are the words that are not zero
in the end, *live values* the room for results between instructions and for packed weights. The goal is 2 x of both
together; the loaded program and the filled SRAM are already 1 x each. The small program alone has a peak of
{mebibytes(passing)} above what stays: the tables of analysis and planning over all words of the chip.

{markdown_table(columns, table)}"""


def _starts(rows: Rows) -> str:
    found = [rows[name] for name in ("start", "cold_start") if name in rows]
    if not found:
        return ""
    columns = [
        Column(key="title", title="a process until"),
        Column(key="begun", title="Python runs", text=duration, right=True),
        Column(key="assembled", title="kernel assembled", text=duration, right=True),
        Column(key="loaded", title="engine ready", text=duration, right=True),
        Column(key="run", title="kernel has run", text=duration, right=True),
    ]
    table = [{**row, **row["reached_s"]} for row in found]
    command = rows.get("start", {}).get("command_s")
    whole_command = (
        f"\n\n`lpu-emu run hello --engine fast` takes {duration(command)} in all." if command else ""
    )
    return f"## Start\n\n{markdown_table(columns, table)}{whole_command}"


def _lines(rows: Rows) -> str:
    found = [row for row in rows.values() if "slope_s" in row]
    if not found:
        return ""
    texts = []
    for row in found:
        points = ", ".join(
            f"{whole(n)}: {duration(s)}" for n, s in zip(row["sizes"], row["sizes_s"], strict=True)
        )
        texts.append(
            f"* {row['title']}: {duration(row['slope_s'])}, and {duration(max(row['base_s'], 0.0))} in any case; the worst "
            f"measurement is {share(row['worst_deviation'])} off the line ({points})."
        )
    return "## Cost over size\n\n" + "\n".join(texts)
