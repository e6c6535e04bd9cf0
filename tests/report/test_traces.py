"""Trace files: what Perfetto's own classes and a JSON reader find in them is the schedule."""

from __future__ import annotations

import json
from collections import defaultdict
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import Trace as Parsed

from lpu_emu.analysis import analyse
from lpu_emu.program.model import Program
from lpu_emu.program.text import issue
from lpu_emu.report import chrome_trace, perfetto_trace
from lpu_emu.report.trace import counters, protobuf
from lpu_emu.report.trace.build import trace_of
from lpu_emu.report.trace.model import Slice, Trace
from lpu_emu.spec.machine import load_machine

from .samples import EAST_0, again, at, product, program, vector_add

BEGIN, END, COUNTER = 1, 2, 4


def interleaved() -> Program:
    """Two loops of one queue whose dispatches take turns: reads at 0, 40 in 0 and 1, 2 and 3, ..."""
    machine = load_machine("tiny")
    isa = machine.isa
    reads = [issue(isa, "read", address=a, to=EAST_0) for a in (0, 40)]
    # Each nest is a loop of two dispatches ten cycles apart; the second one begins between them.
    queue = [reads[0], again(machine, 20, 1), reads[1]]
    inner = [issue(isa, "read", address=0, to=EAST_0), again(machine, 2, 1), again(machine, 40, 5, 3)]
    return program(machine, "turns", {"mem.W0": [*queue, *inner]})


SAMPLES = [vector_add(), vector_add(operators=True), product(), interleaved()]


def build(of: Program) -> Trace:
    return trace_of(of, analyse(of))


def by_track(trace: Trace) -> dict[str, list[Slice]]:
    found = defaultdict(list)
    for each in trace.slices:
        found[trace.tracks[each.track].name].append(each)
    return found


def test_the_tracks_of_a_product() -> None:
    trace = build(product())
    assert trace.groups == ("operators", "mxm planes", "mxm", "mem")
    assert [t.name for t in trace.tracks if t.group in ("operators", "mxm planes", "mxm")] == [
        "load", "dense", "plane 0", "mxm.0.weights", "mxm.0.activations", "mxm.0.accumulate",
    ]  # fmt: skip
    (issues,) = by_track(trace)["mxm.0.activations"]
    assert (issues.name, issues.start, issues.end) == ("abc.int8.all", 9, 19)
    assert issues.details == {
        "index": 1, "x": "w8", "operator": "dense", "dispatches": 10, "interval": 1, "stride": 0,
    }  # fmt: skip
    (plane,) = by_track(trace)["plane 0"]
    assert (plane.start, plane.end) == (9, 19)
    assert [(s.name, s.start, s.end) for s in by_track(trace)["dense"]] == [("dense", 3, 29)]


def test_flows_go_from_producer_to_consumer() -> None:
    trace = build(product())

    def name(slice_: int) -> str:
        return trace.tracks[trace.slices[slice_].track].name

    found = {(flow.kind, name(flow.source), flow.start, name(flow.target), flow.end) for flow in trace.flows}
    assert {
        ("stream", "mem.W0", 3, "mxm.0.activations", 9),
        ("stream", "mem.W5", 0, "mxm.0.weights", 5),
        ("weights", "mxm.0.weights", 8, "mxm.0.activations", 9),
        ("product", "mxm.0.activations", 9, "mxm.0.accumulate", 13),
    } <= found


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda p: f"{p.name}{len(p.operators)}")
def test_slices_of_a_track_never_overlap_and_hold_all_dispatches(sample: Program) -> None:
    analysis, trace = analyse(sample), build(sample)
    for name, slices in by_track(trace).items():
        spans = sorted((s.start, s.end) for s in slices)
        assert all(a[1] <= b[0] for a, b in pairwise(spans)), name
    queues = [s for s in trace.slices if trace.tracks[s.track].name in sample.machine.queue_by_name]
    assert sum(int(s.details.get("dispatches", 1)) for s in queues) == int(analysis.runs.count.sum())


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda p: f"{p.name}{len(p.operators)}")
def test_flows_lie_in_their_slices(sample: Program) -> None:
    trace = build(sample)
    for flow in trace.flows:
        assert trace.slices[flow.source].start <= flow.start < trace.slices[flow.source].end
        assert trace.slices[flow.target].start <= flow.end < trace.slices[flow.target].end
        assert flow.start <= flow.end


def test_counters_of_a_sum() -> None:
    """From 14 on all three tensors are live; two vectors and more are on their way; a pair of reads and a write."""
    sample = vector_add()
    found = {
        c.name: dict(zip(c.cycles.tolist(), c.values.tolist(), strict=True)) for c in build(sample).counters
    }
    assert found["SRAM live"] == {0: 2 * 64 * 320, 14: 3 * 64 * 320, 64: 2 * 64 * 320, 65: 64 * 320, 98: 0}
    traffic = found["SRAM traffic"]
    assert (traffic[0], traffic[1], traffic[14]) == (320, 640, 960)
    assert found["MACs"] == {0: 0}
    # b in 1..3 at 18..20 and a in 2..3: in cycle 3 three of b's and two of a's are between drive and sample.
    assert [found["vectors on streams"][cycle] for cycle in (1, 2, 3)] == [1, 3, 5]


def test_macs_of_a_product() -> None:
    (macs,) = (c for c in build(product()).counters if c.name == "MACs")
    assert dict(zip(macs.cycles.tolist(), macs.values.tolist(), strict=True)) == {0: 0, 9: 64, 19: 0}


@pytest.mark.parametrize("most", [7, 30, 1000])
def test_long_traces_average(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    """With fewer samples than cycles, what is moved in all stays what it is."""
    monkeypatch.setattr(counters, "MOST_SAMPLES", most)
    monkeypatch.setattr(counters, "_AT_ONCE", 5)
    sample = vector_add()
    cycles = analyse(sample).cycles
    span = -(-cycles // most)
    (traffic,) = (c for c in build(sample).counters if c.name == "SRAM traffic")
    ends = np.append(traffic.cycles[1:], (cycles // span + 1) * span)
    total = int(((ends - traffic.cycles) * traffic.values).sum())
    assert total == pytest.approx(3 * 64 * 320, abs=cycles)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda p: f"{p.name}{len(p.operators)}")
def test_chrome_reads_what_was_traced(sample: Program) -> None:
    analysis, trace = analyse(sample), build(sample)
    data: dict[str, Any] = json.loads(chrome_trace(sample, analysis))
    assert data["displayTimeUnit"] == "ns"
    events = data["traceEvents"]
    threads = {(e["pid"], e["tid"]): e["args"]["name"] for e in events if e["name"] == "thread_name"}
    slices = {
        (threads[e["pid"], e["tid"]], e["name"], round(1000 * e["ts"]), round(1000 * (e["ts"] + e["dur"])))
        for e in events
        if e["ph"] == "X"
    }
    assert slices == {(trace.tracks[s.track].name, s.name, s.start, s.end) for s in trace.slices}
    starts = {e["id"]: (threads[e["pid"], e["tid"]], round(1000 * e["ts"])) for e in events if e["ph"] == "s"}
    ends = {e["id"]: (threads[e["pid"], e["tid"]], round(1000 * e["ts"])) for e in events if e["ph"] == "f"}
    assert len(starts) == len(ends) == len(trace.flows)
    for number, flow in enumerate(trace.flows, start=1):
        assert starts[number] == (trace.tracks[trace.slices[flow.source].track].name, flow.start)
        assert ends[number] == (trace.tracks[trace.slices[flow.target].track].name, flow.end)
    assert {e["name"] for e in events if e["ph"] == "C"} == {c.name for c in trace.counters}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda p: f"{p.name}{len(p.operators)}")
def test_perfetto_reads_what_was_traced(sample: Program) -> None:
    analysis, trace = analyse(sample), build(sample)
    parsed = Parsed()
    parsed.ParseFromString(perfetto_trace(sample, analysis))
    tracks = {
        p.track_descriptor.uuid: p.track_descriptor for p in parsed.packet if p.HasField("track_descriptor")
    }
    names: dict[int, str] = {}
    keys: dict[int, str] = {}
    slices, values, open_ = [], defaultdict(list), {}
    flows: dict[str, dict[int, str]] = {"out": {}, "in": {}}
    times = [p.timestamp for p in parsed.packet if p.HasField("track_event")]
    assert times == sorted(times)
    for packet in parsed.packet:
        names |= {entry.iid: entry.name for entry in packet.interned_data.event_names}
        keys |= {entry.iid: entry.name for entry in packet.interned_data.debug_annotation_names}
        event = packet.track_event
        if event.type == BEGIN:
            details = {keys[d.name_iid]: d.string_value or d.int_value for d in event.debug_annotations}
            assert event.track_uuid not in open_
            open_[event.track_uuid] = (names[event.name_iid], packet.timestamp, details)
            flows["out"] |= dict.fromkeys(event.flow_ids, tracks[event.track_uuid].name)
            flows["in"] |= dict.fromkeys(event.terminating_flow_ids, tracks[event.track_uuid].name)
        elif event.type == END:
            name, start, details = open_.pop(event.track_uuid)
            slices.append((tracks[event.track_uuid].name, name, start, packet.timestamp, details))
        elif event.type == COUNTER:
            values[tracks[event.track_uuid].name].append((packet.timestamp, event.counter_value))
    assert not open_
    want = [(trace.tracks[s.track].name, s.name, s.start, s.end, dict(s.details)) for s in trace.slices]
    assert sorted(slices, key=str) == sorted(want, key=str)
    for counter in trace.counters:
        pairs = zip(counter.cycles.tolist(), counter.values.tolist(), strict=True)
        assert values[counter.name] == list(pairs)
    assert flows["out"].keys() == flows["in"].keys() == set(range(1, len(trace.flows) + 1))
    for number, flow in enumerate(trace.flows, start=1):
        assert flows["out"][number] == trace.tracks[trace.slices[flow.source].track].name
        assert flows["in"][number] == trace.tracks[trace.slices[flow.target].track].name
    groups = (
        {d.name for d in tracks.values()} - {t.name for t in trace.tracks} - {c.name for c in trace.counters}
    )
    assert groups == {trace.title, *trace.groups}


def test_nothing_leaves_an_empty_trace() -> None:
    empty = program(load_machine("tiny"), "empty", {})
    trace = build(empty)
    assert (trace.slices, trace.flows, trace.tracks) == ((), (), ())
    parsed = Parsed()
    parsed.ParseFromString(perfetto_trace(empty, analyse(empty)))
    assert json.loads(chrome_trace(empty, analyse(empty)))["otherData"]["cycles"] == 0


def test_wire_format() -> None:
    """The examples of the format's description: 150 is 96 01; field 1 of type number; a nested message."""
    assert protobuf.number(1, 150) == bytes.fromhex("089601")
    assert protobuf.text(2, "testing") == bytes.fromhex("120774657374696e67")
    assert protobuf.message(3, protobuf.number(1, 150)) == bytes.fromhex("1a03089601")
    assert protobuf.number(1, -1) == b"\x08" + b"\xff" * 9 + b"\x01"
    assert protobuf.fixed64(47, 5) == bytes.fromhex("f9020500000000000000")


def test_runs_that_take_turns_are_cut_into_dispatches() -> None:
    trace = build(interleaved())
    assert len(trace.slices) == 2 + 123
    assert {s.end - s.start for s in trace.slices[2:]} == {1}


def test_queues_in_use_have_tracks_in_the_order_of_the_machine() -> None:
    sample = vector_add()
    assert [t.name for t in build(sample).tracks] == ["vxm.0", "mem.W0", "mem.W4", "mem.E0"]
    late = program(sample.machine, "late", {"mem.W0": at(sample.machine, 5)})
    assert build(late).tracks == ()
