"""The JSON form of Chrome's trace viewer. One microsecond of the file is a thousand cycles."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from lpu_emu.report.trace.model import Trace

_COUNTERS = "counters"
_PER_MICROSECOND = 1000


def chrome_text(trace: Trace) -> str:
    """Return a trace as JSON text: groups are processes, tracks threads, a cycle is a nanosecond."""
    events = [*_names(trace), *_slices(trace), *_flows(trace), *_counters(trace)]
    other = {
        "title": trace.title,
        "cycles": trace.cycles,
        "clock_hz": trace.clock_hz,
        "nanosecond": "one cycle",
    }
    head = json.dumps({"displayTimeUnit": "ns", "otherData": other})
    lines = ",\n".join(json.dumps(event, separators=(",", ":")) for event in events)
    return f'{head[:-1]}, "traceEvents": [\n{lines}\n]}}\n'


def _time(cycle: int) -> float:
    return cycle / _PER_MICROSECOND


def _process(trace: Trace, group: str) -> int:
    return trace.groups.index(group) + 2


def _names(trace: Trace) -> Iterator[dict[str, Any]]:
    for number, group in enumerate((_COUNTERS, *trace.groups), start=1):
        yield {"ph": "M", "name": "process_name", "pid": number, "args": {"name": group}}
        yield {"ph": "M", "name": "process_sort_index", "pid": number, "args": {"sort_index": number}}
    for number, track in enumerate(trace.tracks):
        at = {"ph": "M", "pid": _process(trace, track.group), "tid": number}
        yield {**at, "name": "thread_name", "args": {"name": track.name}}
        yield {**at, "name": "thread_sort_index", "args": {"sort_index": number}}


def _place(trace: Trace, track: int) -> dict[str, int]:
    return {"pid": _process(trace, trace.tracks[track].group), "tid": track}


def _slices(trace: Trace) -> Iterator[dict[str, Any]]:
    for each in sorted(trace.slices, key=lambda s: (s.track, s.start)):
        yield {
            "ph": "X",
            "name": each.name,
            "cat": trace.tracks[each.track].group,
            **_place(trace, each.track),
            "ts": _time(each.start),
            "dur": _time(each.end - each.start),
            "args": dict(each.details),
        }


def _flows(trace: Trace) -> Iterator[dict[str, Any]]:
    for number, flow in enumerate(trace.flows, start=1):
        at = {"name": flow.kind, "cat": f"flow.{flow.kind}", "id": number}
        source, target = trace.slices[flow.source].track, trace.slices[flow.target].track
        yield {"ph": "s", **at, **_place(trace, source), "ts": _time(flow.start)}
        yield {"ph": "f", "bp": "e", **at, **_place(trace, target), "ts": _time(flow.end)}


def _counters(trace: Trace) -> Iterator[dict[str, Any]]:
    for counter in trace.counters:
        for cycle, value in zip(counter.cycles.tolist(), counter.values.tolist(), strict=True):
            yield {
                "ph": "C",
                "name": counter.name,
                "pid": 1,
                "tid": 0,
                "ts": _time(cycle),
                "args": {counter.unit: value},
            }
