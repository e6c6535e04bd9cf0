"""``report`` as a page for browsers, with detail, by table, and in colour."""

from __future__ import annotations

import csv
import json
import os
import pty
from pathlib import Path

import pytest

from lpu_emu import __version__, report
from lpu_emu.analysis import analyse
from lpu_emu.cli.report import TABLES
from lpu_emu.report.document import CSV_TABLES

from .commands import call, spawn
from .programs import copy, write_program


def test_a_page_for_browsers(workdir: Path) -> None:
    program = write_program(workdir)
    done = call("report", program, "--format", "html", "-o", "page.html")
    assert (done.code, done.out, done.err) == (0, "", "")
    text = Path("page.html").read_text(encoding="utf-8")
    assert text == report.html_report(copy(), analyse(copy()), version=__version__)
    assert call("report", program, "--format", "html").out == text


def test_json_with_detail_has_every_table(workdir: Path) -> None:
    done = call("report", write_program(workdir), "--format", "json", "--detail")
    plain = call("report", write_program(workdir), "--json").json
    assert {key: done.json[key] for key in plain} == plain
    assert set(done.json) - set(plain) == {"facts", "tables"}
    assert done.json == json.loads(json.dumps(report.json_report(copy(), analyse(copy()), detail=True)))


@pytest.mark.parametrize("table", CSV_TABLES)
def test_every_table_as_csv(workdir: Path, table: str) -> None:
    program = write_program(workdir)
    done = call("report", program, "--format", "csv", "--table", table)
    assert (done.code, done.err) == (0, "")
    rows = list(csv.DictReader(done.out.splitlines()))
    data = call("report", program, "--json", "--detail").json
    if table in data["tables"]:
        columns = data["tables"][table]
        assert [{k: int(v) for k, v in row.items()} for row in rows] == [
            dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
        ]
    elif table == "figures":
        found = {row["key"]: row["value"] for row in rows}
        assert found["cycles"] == str(data["cycles"])
        assert found["losses.mem"] == str(data["losses"]["mem"])
        assert found["units.mem.dispatches"] == str(data["units"]["mem"]["dispatches"])
    elif table == "units":
        assert [row["name"] for row in rows] == list(data["units"])
    else:
        assert len(rows) == len(data[table])


def test_the_command_knows_the_tables_of_the_report() -> None:
    assert TABLES == CSV_TABLES


@pytest.mark.parametrize(
    ("option", "form", "wanted"),
    [(("--table", "runs"), "json", "csv"), (("--detail",), "csv", "json"), (("--detail",), "text", "json")],
)
def test_options_that_do_not_go_with_a_form(
    workdir: Path, option: tuple[str, ...], form: str, wanted: str
) -> None:
    done = call("report", write_program(workdir), "--format", form, *option)
    assert (done.code, done.out) == (2, "")
    assert done.err == f"error: {option[0]} goes with --format {wanted}, not with {form}\n"


def on_terminal(folder: Path, **environment: str) -> str:
    """Return what ``report`` writes on a terminal."""
    program = write_program(folder)
    parent, child = pty.openpty()
    try:
        done = spawn_to(child, program, environment)
        assert done == 0
        os.set_blocking(parent, False)
        return os.read(parent, 1 << 20).decode()
    finally:
        os.close(parent)
        os.close(child)


def spawn_to(terminal: int, program: Path, environment: dict[str, str]) -> int:
    """Run the report with stdout on a terminal."""
    import subprocess
    import sys

    from .commands import ROOT

    variables = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
    variables |= {"PYTHONPATH": str(ROOT), "TERM": "xterm", **environment}
    command = [sys.executable, "-m", "lpu_emu", "report", str(program)]
    return subprocess.run(
        command, stdout=terminal, stderr=subprocess.DEVNULL, env=variables, check=False
    ).returncode


def test_colour_on_terminals_only(workdir: Path) -> None:
    plain = spawn("report", write_program(workdir)).out
    assert "\x1b" not in plain
    shown = on_terminal(workdir)
    assert "\x1b[1m" in shown
    assert report.text_report(copy(), analyse(copy()), colour=True) == shown.replace("\r\n", "\n")


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_colour_can_be_refused(workdir: Path, environment: dict[str, str]) -> None:
    shown = on_terminal(workdir, **environment)
    assert shown.replace("\r\n", "\n") == report.text_report(copy(), analyse(copy()))
