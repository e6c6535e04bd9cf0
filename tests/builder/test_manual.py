"""``docs/kernels.md``: its commands print what it shows, its tutorial takes the cycles that it states."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from lpu_emu.analysis import analyse
from lpu_emu.builder.files import build_program, load_kernel
from lpu_emu.cli import cli
from lpu_emu.errors import KernelError
from lpu_emu.library import kernels
from lpu_emu.library.judge import check_kernel
from lpu_emu.program.model import Program
from lpu_emu.reference import run
from lpu_emu.spec.machine import load_machine

ROOT = Path(__file__).resolve().parents[2]
PATH = ROOT / "docs" / "kernels.md"
PAGE = PATH.read_text(encoding="utf-8")
CONSOLE = re.findall(r"```console\n\$ lpu-emu ([^\n]*)\n([^`]*)```", PAGE)
TUTORIAL = PAGE[PAGE.index("## Tutorial") :]
STEPS = re.findall(r"^### Step (\d): [^\n]*?([\d,]+) cycles\n(.*?)(?=^###|\Z)", TUTORIAL, re.M | re.S)
SEED = 3


def python(text: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", text, re.M | re.S)


HEADER = python(TUTORIAL[: TUTORIAL.index("### Step 1")])[0]
BUILDS = [python(text)[0] for _, _, text in STEPS]
SCALED = BUILDS[1][: BUILDS[1].index("def build")]


def layer(folder: Path, step: int) -> Path:
    """Write the file of a step: what it says itself, after what the tutorial said before it."""
    before = HEADER if step < 3 else f"{HEADER}\n{SCALED}"
    path = folder / "layer.py"
    path.write_text(f"{before}\n{BUILDS[step - 1]}", encoding="utf-8")
    return path


def built(path: Path, size: str) -> Program:
    return build_program(load_kernel(path), machine=load_machine("tsp1"), size=size)


def matches(shown: str, printed: str) -> bool:
    pattern = ".*".join(re.escape(part) for part in shown.strip().split("..."))
    return re.search(pattern, printed, re.DOTALL) is not None


@pytest.mark.parametrize(("command", "shown"), CONSOLE, ids=[command for command, _ in CONSOLE])
def test_commands_print_what_is_shown(command: str, shown: str) -> None:
    result = CliRunner().invoke(cli, command.split(), prog_name="lpu-emu")
    assert matches(shown, result.stdout), result.stdout


def test_there_are_five_steps() -> None:
    assert [number for number, _, _ in STEPS] == ["1", "2", "3", "4", "5"]


def row(cycles: int, rows: int) -> str:
    """Return the end of a row of the table: cycles, and the share of the peak, which is two cycles per row."""
    return f"| {cycles:,} | {2 * rows / cycles:.0%}".replace("%", " % |")


def rewrite(pattern: str, text: str) -> None:
    """Write a number of the tutorial anew."""
    page = PATH.read_text(encoding="utf-8")
    PATH.write_text(re.sub(pattern, lambda found: found[1] + text, page, flags=re.M), encoding="utf-8")


@pytest.mark.parametrize("step", range(1, 6))
def test_a_step_takes_the_cycles_that_it_states(
    step: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    analysis = analyse(built(layer(tmp_path, step), "large"))
    assert analysis.hazards == ()
    cycles = analysis.cycles
    if request.config.getoption("--update-golden"):
        rewrite(rf"^(### Step {step}: .*?)[\d,]+ cycles$", f"{cycles:,} cycles")
        rewrite(rf"^(\| {step} \| (?!the same)[^|]* )\| .* \|$", row(cycles, 512))
        return
    assert f"{cycles:,}" == STEPS[step - 1][1], "--update-golden writes it anew"
    assert re.search(rf"^\| {step} \| [^|]* {re.escape(row(cycles, 512))}$", TUTORIAL, re.M)


def test_every_step_is_quicker_than_the_one_before() -> None:
    stated = [int(number.replace(",", "")) for _, number, _ in STEPS]
    assert stated == sorted(stated, reverse=True)


def test_more_rows_come_nearer_to_the_peak(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    cycles = analyse(built(layer(tmp_path, 5), "rows=2048")).cycles
    if request.config.getoption("--update-golden"):
        rewrite(r"^(\| 5 \| the same with 2,048 rows )\| .* \|$", row(cycles, 2048))
        return
    assert f"| 5 | the same with 2,048 rows {row(cycles, 2048)}" in TUTORIAL


@pytest.mark.parametrize("step", range(1, 6))
def test_a_step_computes_what_it_should(step: int, tmp_path: Path) -> None:
    path = layer(tmp_path, step)
    beside = kernels.python_companion(load_kernel(path), "small")
    inputs = kernels.companion_inputs(beside, SEED)
    verdict = check_kernel(beside, inputs, run(built(path, "small"), inputs))
    assert verdict.passed, (SEED, verdict.details)


def test_the_last_step_is_the_bundled_kernel(tmp_path: Path) -> None:
    bundled = load_kernel(kernels.find("linear_gelu").path)
    program = built(layer(tmp_path, 5), "large")
    assert int(program.attributes["predicted_cycles"]) == bundled.cycles["large"]


def test_step_2_without_scaling_fails_as_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    unscaled = BUILDS[1][BUILDS[1].index("def build") :].replace(" * S", "").replace("scaled_gelu", "gelu")
    Path("layer.py").write_text(f"{HEADER}\n{unscaled}", encoding="utf-8")
    with pytest.raises(KernelError) as caught:
        built(Path("layer.py"), "large")
    shown = re.findall(r"^error: (layer.py.*)$", STEPS[1][2], re.M)
    assert str(caught.value).splitlines()[0] == shown[0]


def test_the_error_is_as_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    section = PAGE[PAGE.index("## Errors") : PAGE.index("## Tutorial")]
    Path("clash.py").write_text(python(section)[0], encoding="utf-8")
    shown = re.findall(r"^```text\n(.*?)^```$", section, re.M | re.S)[0]
    result = CliRunner().invoke(cli, ["verify", "clash.py"], prog_name="lpu-emu")
    assert result.stderr == shown
    assert result.exit_code == 3
