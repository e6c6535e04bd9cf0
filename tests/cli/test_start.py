"""Starting: what is imported, help, version, mistyped names, exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

from lpu_emu.cli import cli, settings
from lpu_emu.cli.app import COMMANDS
from lpu_emu.cli.options import PRECISIONS
from lpu_emu.compiler.options import PRECISIONS as COMPILER_PRECISIONS
from lpu_emu.errors import LpuError

from .commands import ROOT, call

HEAVY = ("numba", "h5py", "onnx", "onnxruntime", "numpy")


def leaves(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from leaves(command, (*path, name))


ALL = list(leaves(cli))


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["run", "--help"], ["kernels", "--help"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys, json\n"
        "from lpu_emu.cli import cli\n"
        "try:\n    cli.main(sys.argv[1:], prog_name='lpu-emu')\n"
        f"finally:\n    print(json.dumps(sorted(set(sys.modules) & set({HEAVY!r}))), file=sys.stderr)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, env=environment, check=True
    )
    assert json.loads(done.stderr) == []
    assert done.stdout


def test_version() -> None:
    assert call("--version").out == "lpu-emu, version 0.1.0\n"


def test_no_command_shows_the_help_and_is_wrong_usage() -> None:
    done = call()
    assert (done.code, done.out) == (2, "")
    assert "Commands:" in done.err


def test_every_command_is_listed_with_the_line_of_its_own_help() -> None:
    lazy = {entry.name: entry.help for entry in COMMANDS}
    assert list(lazy) == [path[0] for path, _ in ALL if len(path) == 1]
    for path, command in ALL:
        assert command.help, path
        if len(path) == 1:
            assert command.name == path[0]


@pytest.mark.parametrize(("path", "command"), ALL, ids=[" ".join(path) for path, _ in ALL])
def test_every_command_has_help_with_an_example(path: tuple[str, ...], command: click.Command) -> None:
    done = call(*path, "--help")
    assert done.code == 0
    assert "Example" in done.out
    assert f"  lpu-emu {path[0]}" in done.out


@pytest.mark.parametrize(("path", "command"), ALL, ids=[" ".join(path) for path, _ in ALL])
def test_every_command_has_json_and_debug(path: tuple[str, ...], command: click.Command) -> None:
    if not isinstance(command, click.Group):
        assert {"--json", "--debug"} <= {option for p in command.params for option in p.opts}


def test_precisions_are_those_of_the_compiler() -> None:
    assert PRECISIONS == COMPILER_PRECISIONS


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rnu"], "error: no command 'rnu'; did you mean 'run'?\ntry: lpu-emu --help\n"),
        (["kernels", "lst"], "error: no command 'lst'; did you mean 'list'?\ntry: lpu-emu kernels --help\n"),
        (["isa", "zzz"], "error: no command 'zzz'; commands: check, list, show\ntry: lpu-emu isa --help\n"),
        (
            ["run", "x", "--chp", "1"],
            "error: no option '--chp'; did you mean '--chip'?\ntry: lpu-emu run --help\n",
        ),
        (["run"], "error: missing argument 'FILE'\ntry: lpu-emu run --help\n"),
        (["asm", "x.lpu"], "error: missing option '-o' / '--output'\ntry: lpu-emu asm --help\n"),
        (
            ["run", "x", "--precision", "fp17"],
            "error: invalid value for '--precision': 'fp17' is not one of 'auto', 'fp16', 'fp32', 'int8'\n"
            "try: lpu-emu run --help\n",
        ),
        (
            ["run", "x", "--chip", "tps1"],
            "error: invalid value for '--chip': no chip 'tps1'; chips: lp30, tiny, tsp1, or the path of a "
            ".toml file; did you mean 'tsp1'?\ntry: lpu-emu run --help\n",
        ),
        (
            ["run", "x", "--shape", "x=1y2"],
            "error: invalid value for '--shape': 'x=1y2' is not of the form NAME=1x128 with sizes of at "
            "least 1\ntry: lpu-emu run --help\n",
        ),
        (
            ["run", "x", "--seed", "-1"],
            "error: invalid value for '--seed': -1 is not in the range x>=0\ntry: lpu-emu run --help\n",
        ),
        (
            ["run", "x", "--engine", "fats"],
            "error: invalid value for '--engine': no engine 'fats'; engines: auto, fast, reference; did you "
            "mean 'fast'?\ntry: lpu-emu run --help\n",
        ),
        (
            ["isa", "list", "--unit", "vmx"],
            "error: invalid value for --unit: no unit 'vmx'; units: icu, mem, vxm, mxm, sxm, c2c; "
            "did you mean 'vxm'?\ntry: lpu-emu isa list --help\n",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_is_one_message_and_code_2(arguments: list[str], message: str) -> None:
    done = call(*arguments)
    assert (done.code, done.out, done.err) == (2, "", message)


class Raises(click.Command):
    """A command that raises."""

    def __init__(self, error: BaseException) -> None:
        super().__init__("raises", params=[], callback=self.fail)
        self.error = error
        settings.debug_option(self)

    def fail(self) -> None:
        raise self.error


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (KeyboardInterrupt(), 130, "interrupted\n"),
        (LpuError("no"), 3, "error: no\n"),
        (EOFError("file ends early"), 70, "error: internal error (EOFError: file ends early)\n"),
        (ValueError("one\ntwo"), 70, "error: internal error (ValueError: one)\n"),
        (AssertionError(), 70, "error: internal error (AssertionError)\n"),
        (OSError(28, "No space left on device", "f.npz"), 3, "error: f.npz: No space left on device\n"),
        (MemoryError(), 3, "error: the machine has not enough memory for this\n"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_exception_ends_in_a_message_and_a_code(
    error: BaseException, code: int, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "get_command", lambda _context, _name: Raises(error))
    done = call("anything")
    assert done.code == code
    assert done.err.startswith(message)
    assert "Traceback" not in done.err
    traced = call("--debug", "anything")
    assert "Traceback" in traced.err
    assert traced.code == code


def test_a_bug_asks_to_be_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        cli, "get_command", lambda _context, _name: Raises(ZeroDivisionError("division by zero"))
    )
    assert call("anything").err == (
        "error: internal error (ZeroDivisionError: division by zero)\n"
        "this is a bug in lpu-emu; please report it with the command and its input\n"
        "(--debug shows where it happened)\n"
    )


def test_debug_may_stand_behind_the_command() -> None:
    done = call("isa", "show", "nix", "--debug")
    assert done.code == 3
    assert done.err.startswith("Traceback")
    assert done.err.splitlines()[-1].startswith("error: no instruction 'nix'")


def test_a_reader_that_goes_away_is_no_failed_check() -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = f"{sys.executable} -m lpu_emu chip show tsp1; echo $? >&2"
    done = subprocess.run(
        ["bash", "-c", f"({command}) | true"], capture_output=True, text=True, env=environment, check=False
    )
    assert done.stderr in ("141\n", "0\n")
