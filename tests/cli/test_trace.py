"""``trace``: files for Perfetto and Chrome."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import Trace

from lpu_emu import report
from lpu_emu.analysis import analyse

from .commands import call
from .programs import copy, write_program


def test_the_name_says_the_form(workdir: Path) -> None:
    program = write_program(workdir)
    for name, words in (("t.json", "4 counters\nwrote t.json"), ("t.pftrace", "4 counters\nwrote t.pftrace")):
        done = call("trace", program, "-o", name)
        assert (done.code, done.err) == (0, "")
        assert words in done.out
    assert Path("t.json").read_text(encoding="utf-8") == report.chrome_trace(copy(), analyse(copy()))
    assert Path("t.pftrace").read_bytes() == report.perfetto_trace(copy(), analyse(copy()))
    assert json.loads(Path("t.json").read_text(encoding="utf-8"))["traceEvents"]
    assert len(Trace.FromString(Path("t.pftrace").read_bytes()).packet) > 10


def test_the_form_can_be_given(workdir: Path) -> None:
    program = write_program(workdir)
    assert call("trace", program, "-o", "trace.bin", "--format", "perfetto").code == 0
    assert Path("trace.bin").read_bytes() == report.perfetto_trace(copy(), analyse(copy()))


def test_json_says_what_was_written(workdir: Path) -> None:
    done = call("trace", write_program(workdir), "-o", "t.json", "--json").json
    assert done["schema"] == "lpu-emu/trace/1"
    assert done["file"] == {"path": "t.json", "bytes": Path("t.json").stat().st_size, "format": "chrome"}
    assert done["cycles"] == analyse(copy()).cycles
    assert {"tracks", "slices", "flows", "counters"} <= set(done)


def test_an_unknown_ending_is_refused(workdir: Path) -> None:
    done = call("trace", write_program(workdir), "-o", "t.txt")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "error: the name t.txt does not say which form; end it in .json, .pftrace, .perfetto-trace, or give --format\n"
    )


@pytest.mark.parametrize("place", ["nix/t.json", "."])
def test_places_that_cannot_be_written(workdir: Path, place: str) -> None:
    done = call("trace", write_program(workdir), "-o", place, "--format", "chrome")
    assert done.code == 2
    assert "cannot write" in done.err


def test_help_has_an_example() -> None:
    assert "lpu-emu trace model.onnx -o model.pftrace" in call("trace", "--help").out
