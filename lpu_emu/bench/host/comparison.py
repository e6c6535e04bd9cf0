"""The section about other simulators: what each computes, and rates with where they were measured."""

from __future__ import annotations

from collections.abc import Mapping

from lpu_emu.bench.host.peers import FIGURES, PEER_HOST, PEERS
from lpu_emu.bench.table import Column, Row, digits, markdown_table

_OURS = ("int8_product", "fp16_product", "decode_1", "decode_4")


def comparison(rows: Mapping[str, Row]) -> str:
    """Return the section; our own figures are those of the rows, whole runs on one thread."""
    return f"""## Other simulators

They answer different questions, so first what each computes:

{_kinds()}

Then rates. Those of others were measured by this project in November 2026 on {PEER_HOST}: CPU seconds of a
process, one run each. Ours are seconds of one thread on the machine of this page, for everything from a program to its
values: validation, analysis, planning, filling SRAM, execution.

{_rates(rows)}

Read with care:

* The machines are not the same, and the others' was busy, which CPU seconds correct only in part. A factor of two says
  nothing.
* The figures of lpu-emu, STONNE and FTLPU include computing the values, those of FTLPU also its tests' check of them.
  SCALE-Sim, ONNXim and mNPUsim compute no values; ZigZag searches for a mapping and simulates nothing.
* Cycles of SCALE-Sim are those of computation only; those of FTLPU's projection are read from its source.
* ONNXim and mNPUsim model DRAM, ONNXim also a network on chip, where requests compete. The chip here has neither caches nor
  arbiters: every cycle is known before the run. A good part of the difference is what is simulated, not how.
* Our programs are hand-scheduled for the benchmark, theirs come from a description of the layer, and mapping it is part of
  their time. ResNet-50 does not compile here yet, so there is no row for it.
* Cycles of different chips cannot be compared, and cycles a second hardly: one cycle here may do 409,600
  multiply-accumulates. MACs a second on similar work can.
* A run of ONNX Runtime in float32, for scale, took 0.094 CPU seconds for ResNet-50 on the same machine as the others: values
  only, no cycles."""


def _kinds() -> str:
    columns = [
        Column(key="name", title="simulator"),
        Column(key="language", title="written in"),
        Column(key="values", title="computes values"),
        Column(key="cycles", title="its cycles"),
    ]
    ours = {
        "name": "lpu-emu",
        "language": "Python, Numba",
        "values": "yes: int8, fp16, bf16, fp8, int32, fp32, bit for bit",
        "cycles": "a static schedule, analysed; every instruction at its cycle, hazards found",
    }
    return markdown_table(columns, [*(vars_of(peer) for peer in PEERS), ours])


def vars_of(record: object) -> Row:
    """Return the fields of a dataclass as a row."""
    return dict(vars(record))


def _rates(rows: Mapping[str, Row]) -> str:
    columns = [
        Column(key="peer", title="simulator"),
        Column(key="work", title="work"),
        Column(key="cpu_s", title="seconds", right=True),
        Column(key="memory_mb", title="peak MB", right=True),
        Column(key="kilocycles", title="1,000 cycles/s", right=True),
        Column(key="megamacs", title="MMAC/s", right=True),
    ]
    ours = [_our_row(rows[name]) for name in _OURS if name in rows]
    return markdown_table(columns, [*(vars_of(figure) for figure in FIGURES), *ours])


def _our_row(row: Row) -> Row:
    seconds = row["whole_one_thread_s"]
    return {
        "peer": "**lpu-emu**, tsp1",
        "work": row["title"],
        "cpu_s": digits(seconds),
        "memory_mb": f"{row['peak_bytes'] / 1e6:,.0f}" if row["peak_bytes"] else None,
        "kilocycles": digits(row["cycles"] / seconds / 1e3),
        "megamacs": digits(row["work"] / seconds / 1e6),
    }
