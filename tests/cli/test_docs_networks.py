"""The examples of ``docs/networks.md`` are run: what it shows is what comes out. ``...`` stands for anything."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from .commands import ROOT, call

PAGE = (ROOT / "docs" / "networks.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```console\n\$ lpu-emu (.*)\n([^`]*)```", PAGE)


@pytest.mark.parametrize(("command", "shown"), EXAMPLES, ids=[command for command, _ in EXAMPLES])
def test_examples_are_true(workdir: Path, command: str, shown: str) -> None:
    if "tiny_cnn.onnx" in command:
        assert call("networks", "make", "tiny_cnn", "-o", "tiny_cnn.onnx").code == 0
    done = call(*shlex.split(command))
    pattern = ".*".join(re.escape(part) for part in shown.split("..."))
    assert re.fullmatch(pattern, done.err + done.out, re.DOTALL), done
