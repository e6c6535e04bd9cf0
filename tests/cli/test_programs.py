"""``verify``, ``report``, ``asm`` and ``disasm``."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from lpu_emu import asm, report
from lpu_emu.analysis import analyse
from lpu_emu.program.file import load
from lpu_emu.program.model import Program

from .commands import call
from .programs import copy, write_kernel, write_program

PROGRAM_KEYS = ["name", "chip", "precision", "instructions", "text_bytes", "digest"]


def test_a_program_without_hazards_is_verified(workdir: Path) -> None:
    done = call("verify", write_program(workdir))
    assert (done.code, done.err) == (0, "")
    assert done.out == "copy on tiny: 5 instructions (28 bytes of text), 18 cycles: no hazards\n"


def test_hazards_quote_the_source_and_give_advice(workdir: Path) -> None:
    write_kernel(workdir, late=1)
    done = call("verify", "copy.lpu")
    assert (done.code, done.err) == (1, "")
    assert done.out == (
        "error: undriven: stream e0 at x=15 in cycle 15\n"
        "  mem.E4[1], dispatched in cycle 15, copy.lpu:14: write e0 -> 0x000 ; 12\n"
        "  1 cycle too early: mem.W0[0], dispatched in cycle 3, copy.lpu:9: read 0x000 -> e0 ; 0\n"
        "  advice: nothing was driven onto the stream for this cycle; check the producer's dispatch, func and hops\n"
        "\n"
        "copy on tiny: 5 instructions (28 bytes of text), 19 cycles: 1 error, 0 warnings\n"
    )


def test_verify_json(workdir: Path) -> None:
    done = call("verify", write_kernel(workdir, late=1), "--json")
    assert done.code == 1
    assert list(done.json) == [
        "schema", "version", "program", "cycles", "hazards", "errors", "warnings", "passed",
    ]  # fmt: skip
    assert list(done.json["program"]) == PROGRAM_KEYS
    assert (done.json["schema"], done.json["errors"], done.json["passed"]) == ("lpu-emu/verify/1", 1, False)
    (hazard,) = done.json["hazards"]
    assert list(hazard) == [
        "kind", "severity", "resource", "cycle", "count", "first", "second", "nearest", "advice",
    ]  # fmt: skip
    assert hazard["first"] == {"queue": "mem.E4", "index": 1, "line": 14, "cycle": 15, "instruction": "write"}
    assert hazard["second"] is None
    assert hazard["nearest"] == {
        "queue": "mem.W0", "index": 0, "line": 9, "cycle": 3, "instruction": "read", "late_cycles": -1,
    }  # fmt: skip


WARNED = """.chip tiny
.words a at W0:0x000
    0102030405060708
.queue mem.W0
    read 0x000 -> e0
.queue mem.E4
    nop 10
    read 0x000 -> e0
.words b at E4:0x000
    0102030405060708
"""


def test_warnings_alone_are_no_failure(workdir: Path) -> None:
    (workdir / "w.lpu").write_text(WARNED)
    done = call("verify", "w.lpu", "--json")
    assert (done.code, done.json["errors"], done.json["warnings"]) == (0, 0, 1)
    (hazard,) = done.json["hazards"]
    assert (hazard["kind"], hazard["severity"]) == ("overwritten", "warning")
    assert (hazard["first"]["line"], hazard["second"]["line"]) == (5, 8)
    assert call("verify", "w.lpu").out.splitlines()[-1].endswith("0 errors, 1 warning")
    assert call("run", "w.lpu").out.splitlines()[-1] == "1 warning; lpu-emu verify shows them"


def content(program: Program) -> tuple[object, ...]:
    """Return what a program does; source lines are no part of it."""
    texts = {name: (t.opcodes.tolist(), t.args.tolist()) for name, t in program.queues.items()}
    return (program.name, texts, program.bindings)


def test_asm_and_disasm_are_inverse(workdir: Path) -> None:
    done = call("asm", write_kernel(workdir), "-o", "copy.h5")
    assert (done.code, done.err) == (0, "")
    size = (workdir / "copy.h5").stat().st_size
    assert done.out == f"copy on tiny: 5 instructions (28 bytes of text)\nwrote copy.h5 ({size:,} bytes)\n"
    text = call("disasm", "copy.h5").out
    assert content(asm.assemble(text)) == content(load(workdir / "copy.h5")) == content(copy())
    assert call("disasm", "copy.h5", "-o", "again.lpu").out == ""
    assert (workdir / "again.lpu").read_text() == text


def test_asm_and_disasm_json(workdir: Path) -> None:
    done = call("asm", write_kernel(workdir), "-o", "copy.h5", "--json")
    assert list(done.json) == ["schema", "version", "program", "file"]
    assert done.json["schema"] == "lpu-emu/asm/1"
    assert done.json["file"] == {"path": "copy.h5", "bytes": (workdir / "copy.h5").stat().st_size}
    text = call("disasm", "copy.h5", "--json")
    assert list(text.json) == ["schema", "version", "program", "text"]
    assert text.json["program"] == done.json["program"]
    assert content(asm.assemble(text.json["text"])) == content(copy())


def test_asm_for_another_chip(workdir: Path) -> None:
    done = call("asm", write_kernel(workdir), "-o", "copy.h5", "--chip", "lp30", "--json")
    assert (done.code, done.json["program"]["chip"]) == (0, "lp30")


def test_all_errors_of_a_text_are_listed_and_nothing_is_written(workdir: Path) -> None:
    path = write_kernel(workdir)
    path.write_text(path.read_text().replace("read ", "reed ").replace("e0 ->", "f0 ->"))
    done = call("asm", path, "-o", "copy.h5")
    assert (done.code, done.out) == (3, "")
    assert f"{path}:9:5: error: " in done.err
    assert f"{path}:14:11: error: " in done.err
    assert done.err.endswith("\n2 errors\n")
    assert not (workdir / "copy.h5").exists()


@pytest.mark.parametrize("form", ["text", "json", "csv"])
def test_reports_in_every_format(workdir: Path, form: str) -> None:
    program = write_program(workdir)
    done = call("report", program, "--format", form)
    assert (done.code, done.err) == (0, "")
    built, analysis = copy(), analyse(copy())
    if form == "json":
        assert done.json == json.loads(json.dumps(report.json_report(built, analysis)))
    elif form == "csv":
        assert done.out == report.csv_report(built, analysis)
        assert len(list(csv.reader(done.out.splitlines()))) == 3
    else:
        assert done.out == report.text_report(built, analysis)
    call("report", program, "--format", form, "-o", "r")
    assert (workdir / "r").read_text() == done.out


def test_report_json_has_the_documented_keys(workdir: Path) -> None:
    data = call("report", "digits_mlp_int8", "--shape", "x=2x64", "--json").json
    assert {
        "schema", "cycles", "time_us", "units", "memory", "streams", "ops", "roofline",
    } <= set(data)  # fmt: skip
    assert set(data["units"]) == {"mxm", "vxm", "mem", "sxm", "c2c", "icu"}
    assert {"busy_cycles", "utilization"} <= set(data["units"]["mxm"])
    assert {"name", "op_type", "start", "end", "cycles", "macs", "bound_by"} <= set(data["ops"][0])
