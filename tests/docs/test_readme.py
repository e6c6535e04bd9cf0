"""README is true: its commands print what it shows, its Python runs, its links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from lpu_emu.cli import cli

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONSOLE = re.findall(r"```console\n\$ lpu-emu ([^\n]*)\n([^`]*)```", README)
DEMO = re.search(r"```text\n(digits_mlp on tsp1[^`]*)```", README)
PYTHON = re.findall(r"```python\n([^`]*)```", README)
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted(ROOT.glob("*/README.md"))]


def matches(shown: str, printed: str) -> bool:
    """Whether a text is what is shown, where ``...`` stands for anything."""
    pattern = ".*".join(re.escape(part) for part in shown.split("..."))
    return re.search(pattern, printed, re.DOTALL) is not None


@pytest.mark.parametrize(("command", "shown"), CONSOLE, ids=[command for command, _ in CONSOLE])
def test_commands_print_what_is_shown(command: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    result = CliRunner().invoke(cli, command.split(), prog_name="lpu-emu")
    assert matches(shown.strip(), result.stdout), result.stdout


def test_demo_prints_what_is_shown() -> None:
    assert DEMO is not None
    result = CliRunner().invoke(cli, ["demo"], prog_name="lpu-emu")
    assert result.exit_code == 0
    assert matches(DEMO[1].strip(), result.stdout), result.stdout


@pytest.mark.parametrize("code", PYTHON)
def test_python_runs(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    names: dict[str, object] = {}
    exec(code, names)
    for expression, value in re.findall(r"^(\S+)\s+# (\S+)", code, re.MULTILINE):
        found = str(eval(expression, names))
        assert found == value.rstrip(","), expression


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    prose = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#\s]+)", prose):
        if "://" not in target:
            assert (page.parent / target).exists(), target
