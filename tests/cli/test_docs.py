"""The examples of ``docs/cli.md`` are run: what it shows is what comes out. ``...`` stands for anything."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from .commands import ROOT, call

PAGE = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```console\n\$ lpu-emu (.*)\n([^`]*)```", PAGE)
TEXT = """.chip tiny
.words a at W0:0
    0102030405060708
.queue mem.W0
    read 0 -> e0
.queue mem.E4
    @13 write e0 -> 0
"""


def pattern(shown: str) -> str:
    return ".*".join(re.escape(part) for part in shown.split("..."))


@pytest.mark.parametrize(("command", "shown"), EXAMPLES, ids=[command for command, _ in EXAMPLES])
def test_examples_are_true(workdir: Path, command: str, shown: str) -> None:
    (workdir / "late.lpu").write_text(TEXT)
    (workdir / "bad.lpu").write_text(
        TEXT.replace(".words a at W0:0\n    0102030405060708\n", "\n").replace("read", "reed")
    )
    done = call(*shlex.split(command))
    assert re.fullmatch(pattern(shown), done.err + done.out, re.DOTALL), done


def test_every_command_and_every_schema_is_mentioned() -> None:
    source = "".join(path.read_text() for path in (ROOT / "lpu_emu" / "cli").glob("*.py"))
    for schema in set(re.findall(r'"(lpu-emu/[a-z-]+/\d)"', source)):
        assert f"`{schema}`" in PAGE, schema
