"""Programs to trace files."""

from __future__ import annotations

from lpu_emu.analysis import Analysis
from lpu_emu.program.model import Program
from lpu_emu.report.trace.build import trace_of
from lpu_emu.report.trace.chrome import chrome_text
from lpu_emu.report.trace.model import Trace
from lpu_emu.report.trace.perfetto import perfetto_bytes

__all__ = ["chrome_trace", "encoded", "perfetto_trace", "trace_of"]


def chrome_trace(program: Program, analysis: Analysis) -> str:
    """Return the schedule as a Chrome JSON trace. One nanosecond of the trace is one cycle."""
    return chrome_text(trace_of(program, analysis))


def perfetto_trace(program: Program, analysis: Analysis) -> bytes:
    """Return the schedule as a Perfetto trace (protobuf). One nanosecond of the trace is one cycle."""
    return perfetto_bytes(trace_of(program, analysis))


def encoded(trace: Trace, form: str) -> bytes:
    """Return a trace as the bytes of a file of form ``chrome`` or ``perfetto``."""
    return perfetto_bytes(trace) if form == "perfetto" else chrome_text(trace).encode("utf-8")
