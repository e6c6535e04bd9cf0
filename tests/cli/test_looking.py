"""``inspect``, ``debug`` and ``compare``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from lpu_emu.cli import cli

from .commands import call
from .programs import write_program


def test_inspect_shows_a_range_of_cycles(workdir: Path) -> None:
    done = call("inspect", "vector_add", "--cycle", "13:14", "--slice", "E0", "--json")
    assert done.code == 0
    assert done.json["schema"] == "lpu-emu/inspect/1"
    assert {sight["cycle"] for sight in done.json["sights"]} == {13, 14}
    assert any("write e1 -> 0x000" in sight["by"] for sight in done.json["sights"])


def test_inspect_watches_a_word(workdir: Path) -> None:
    done = call("inspect", write_program(workdir), "--at", "E4:2", "--watch")
    assert done.code == 0
    (header, line) = done.out.splitlines()
    assert header.split() == ["cycle", "place", "values", "by"]
    assert "E4:0x002" in line


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "say when"),
        (("--watch",), "say which with --at"),
        (("--cycle", "1", "--plane", "0", "--slice", "E0"), "are different places"),
        (("--cycle", "1", "--at", "E0:0", "--as", "fp16"), "a word holds one byte per lane"),
    ],
)
def test_inspect_says_what_is_missing(options: tuple[str, ...], message: str, workdir: Path) -> None:
    done = call("inspect", "vector_add", *options)
    assert done.code == 2
    assert message in done.err


def test_debug_runs_a_script_from_a_pipe() -> None:
    script = "break add\ncontinue\nquit\nstep\n"
    result = CliRunner().invoke(cli, ["debug", "vector_add"], input=script)
    assert result.exit_code == 0
    assert "vxm.0[1] is dispatched" in result.stdout
    assert "(lpu) step" not in result.stdout


def test_debug_answers_in_json() -> None:
    done = call("debug", "vector_add", "-c", "goto 5", "-c", "nonsense", "--json")
    assert [answer["cycle"] for answer in done.json["answers"]] == [5, 5]
    assert done.json["answers"][1]["lines"][0].startswith("error: there is no command")


def test_compare_with_itself_changes_nothing(workdir: Path) -> None:
    call("report", "vector_add", "--json", "-o", "before.json")
    done = call("compare", "before.json", "vector_add", "--fail-on", "cycles:0%", "--json")
    assert done.code == 0
    assert done.json["operators"] == []
    assert {figure["difference"] for figure in done.json["figures"]} == {0}


def test_compare_is_a_gate() -> None:
    done = call("compare", "vector_add", "matmul", "--fail-on", "cycles:10%")
    assert done.code == 1
    assert "FAILED: cycles grew from 98 to 182" in done.out
    assert call("compare", "matmul", "vector_add", "--fail-on", "cycles:10%").code == 0


def test_compare_names_the_operators_that_changed() -> None:
    arguments = ("compare", "digits_mlp", "digits_mlp_int8", "--shape", "x=32x64", "--json")
    operators = {op["name"]: op for op in call(*arguments).json["operators"]}
    assert operators["x:fp16"]["cause"] == "gone"
    assert operators["x_QuantizeLinear"]["cause"] == "new"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("vector_add", "vector_add", "--fail-on", "cycels:0%"), 2, "did you mean 'cycles'?"),
        (("vector_add", "vector_add", "--fail-on", "cycles"), 2, "write a percentage"),
        (("broken.json", "vector_add"), 3, "cannot be read as a JSON report"),
        (("other.json", "vector_add"), 3, "is no report"),
        (("lacking.json", "vector_add"), 3, "it lacks"),
    ],
)
def test_compare_refuses(arguments: tuple[str, ...], code: int, message: str, workdir: Path) -> None:
    Path("broken.json").write_text("{", encoding="utf-8")
    Path("other.json").write_text('{"schema": "x"}', encoding="utf-8")
    Path("lacking.json").write_text(json.dumps({"schema": "lpu-emu/report/1"}), encoding="utf-8")
    done = call("compare", *arguments)
    assert done.code == code
    assert message in done.err
