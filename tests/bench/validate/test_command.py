"""``lpu-emu validate`` as a command."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.commands import call
from lpu_emu.bench.micro.measured import Measured
from lpu_emu.bench.validate import evaluate
from lpu_emu.bench.validate.claim import Claim

KEYS = {
    "id", "source", "tag", "published", "emulated", "unit", "ratio", "tolerance", "reason", "status", "passed", "how"
}  # fmt: skip


@pytest.fixture
def workdir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_row_as_json() -> None:
    done = call("validate", "--only", "path.alu", "--only", "path.exit", "--json")
    assert (done.code, done.err) == (0, "")
    assert done.json["schema"] == "lpu-emu/validate/1"
    alu, exit_ = done.json["rows"]
    assert set(alu) >= KEYS
    assert (alu["id"], alu["emulated"], alu["ratio"], alu["passed"]) == ("path.alu", 5, 1, True)
    assert alu["how"] == "lpu-emu validate --only path.alu"
    assert (exit_["emulated"], exit_["status"], exit_["passed"]) == (None, "out of reach", False)
    counts = {"passed": 1, "failed": 0, "waiting": 0, "not measured": 0, "out of reach": 1}
    assert done.json["counts"] == counts
    assert done.json["networks"] == dict.fromkeys(counts, 0)
    assert done.json["passed"]


def test_the_command_of_a_row_reproduces_it(workdir: Path) -> None:
    done = call("validate", "--only", "path.matmul", "--programs", "programs", "--json")
    (row,) = done.json["rows"]
    again = call(*row["how"].split()[1:], "--json").json["rows"]
    assert again == [row]
    for name in row["programs"]:
        text = workdir / "programs" / "tsp1" / f"{name.replace(' ', '_')}.lpu"
        verified = call("verify", text, "--json")
        assert (verified.code, verified.json["hazards"]) == (0, [])


def test_the_table_says_why_rows_do_not_pass() -> None:
    done = call("validate", "--only", "sram.b*", "--no-run")
    assert done.code == 0
    assert "sram.brochure: out of reach: no number of slices" in done.out
    assert done.out.splitlines()[-1].startswith("1 passed, 0 failed, 1 out of reach")


def test_a_row_out_of_tolerance_fails_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Measured(value=90, programs=(), cycles=0)
    claim = Claim(
        id="x", what="x", group="unit", source="S20", published=100, unit="cycles", measure=lambda _lab: found
    )
    monkeypatch.setattr(evaluate, "claims", lambda: (claim,))
    done = call("validate", "--json")
    assert (done.code, done.json["rows"][0]["status"], done.json["passed"]) == (1, "failed", False)


def test_sensitivity_and_picture(workdir: Path) -> None:
    done = call("validate", "--only", "path.alu", "--sensitivity", "--picture", "v.svg", "--no-run", "--json")
    (row,) = done.json["rows"]
    assert (row["spread_low"], row["spread_high"]) == (5, 6)
    assert row["moved_by"] == [{"key": "distance.vxm_to_mem", "value": 2, "emulated": 6}]
    assert (workdir / "v.svg").read_text().startswith("<svg")
    text = call("validate", "--only", "path.alu", "--sensitivity", "--no-run")
    assert "5 .. 6" in text.out
    assert "distance.vxm_to_mem" in text.out


def test_networks_are_measured_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Measured(value=200, programs=(), cycles=0)
    claim = Claim(
        id="network.x", what="x", group="network", source="S20", published=100, unit="cycles",
        measure=lambda _lab: found, slow=True,
    )  # fmt: skip
    monkeypatch.setattr(evaluate, "claims", lambda: (claim,))
    plain = call("validate")
    assert (plain.code, plain.out.splitlines()[-1]) == (0, "networks: 0 passed, 0 failed, 1 not measured")
    for arguments in (("--networks",), ("--only", "network.x")):
        done = call("validate", *arguments)
        assert (done.code, done.out.splitlines()[-1]) == (1, "networks: 0 passed, 1 failed"), arguments


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--only", "path.alus"), 2, "no row 'path.alus'; did you mean 'path.alu'"),
        (("--json", "--markdown"), 2, "exclude each other"),
        (("-o", "missing/file"), 2, "does not exist"),
    ],
)
def test_wrong_usage(workdir: Path, arguments: tuple[str, ...], code: int, message: str) -> None:
    done = call("validate", *arguments)
    assert (done.code, done.out) == (code, "")
    assert message in done.err
