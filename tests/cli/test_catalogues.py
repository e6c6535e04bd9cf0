"""``isa``, ``chip`` and ``kernels``."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lpu_emu import _resources
from lpu_emu.spec.chip import chip_names
from lpu_emu.spec.isa import load_isa
from lpu_emu.spec.manual import check, instruction_page

from .commands import call
from .programs import write_kernel

ISA = load_isa()


def test_every_instruction_is_listed() -> None:
    lines = call("isa", "list").out.splitlines()
    assert lines[0].split() == ["mnemonic", "unit", "opcode", "bytes", "text"]
    assert {line.split()[0] for line in lines[1:]} == set(ISA.instructions)
    data = call("isa", "list", "--json").json
    assert list(data) == ["schema", "version", "isa", "instructions"]
    assert (data["schema"], data["isa"]["digest"]) == ("lpu-emu/isa-list/1", ISA.digest)
    assert {row["mnemonic"] for row in data["instructions"]} == set(ISA.instructions)


@pytest.mark.parametrize("unit", list(ISA.units))
def test_instructions_of_a_unit(unit: str) -> None:
    rows = call("isa", "list", "--unit", unit, "--json").json["instructions"]
    assert [r["mnemonic"] for r in rows] == [
        i.mnemonic for _, i in sorted(ISA.by_opcode.items()) if i.unit == unit
    ]


@pytest.mark.parametrize("mnemonic", list(ISA.instructions))
def test_every_instruction_can_be_shown(mnemonic: str) -> None:
    assert call("isa", "show", mnemonic).out == instruction_page(ISA, mnemonic)
    data = call("isa", "show", mnemonic, "--json").json
    assert data["instruction"]["opcode"] == ISA[mnemonic].opcode
    assert [o["name"] for o in data["instruction"]["operands"]] == [o.name for o in ISA[mnemonic].operands]
    assert list(data["instruction"]["timing"]) == ["tsp1", "lp30", "tiny"]


def test_unknown_instruction() -> None:
    done = call("isa", "show", "reed")
    assert (done.code, done.out, done.err) == (3, "", "error: no instruction 'reed'; did you mean 'read'?\n")


def test_the_bundled_instruction_set_passes() -> None:
    done = call("isa", "check")
    assert (done.code, done.out, done.err) == (0, "bundled instruction set: no findings\n", "")
    assert call("isa", "check", "--json").json["findings"] == []


def test_a_changed_instruction_set_is_checked(workdir: Path) -> None:
    shutil.copytree(_resources.isa_folder(), workdir / "isa")
    assert call("isa", "check", "isa").code == 0
    mem = workdir / "isa" / "mem.toml"
    mem.write_text(mem.read_text().replace("opcode = 0x11", "opcode = 0x10"))
    done = call("isa", "check", "isa")
    assert (done.code, done.err) == (1, "".join(f"error: {f}\n" for f in check(Path("isa"))))
    assert done.out == f"isa: {len(check(Path('isa')))} findings\n"
    data = call("isa", "check", "isa", "--json")
    assert (data.code, data.json["passed"]) == (1, False)
    assert data.json["findings"] == check(Path("isa"))


def test_checking_a_folder_that_is_none(workdir: Path) -> None:
    (workdir / "empty").mkdir()
    assert call("isa", "check", "nix").code == 2
    done = call("isa", "check", "empty")
    assert done.code == 1
    assert "error: empty/lpu.toml: cannot be read" in done.err


def test_chips_are_listed() -> None:
    assert [line.split()[0] for line in call("chip", "list").out.splitlines()] == ["name", *chip_names()]
    data = call("chip", "list", "--json").json
    assert data["schema"] == "lpu-emu/chip-list/1"
    assert [chip["name"] for chip in data["chips"]] == chip_names()


@pytest.mark.parametrize("name", chip_names())
def test_chips_are_shown_with_the_source_of_every_number(name: str) -> None:
    assert call("chip", "show", name).out.startswith(f"# {name}: ")
    data = call("chip", "show", name, "--json").json
    assert list(data) == ["schema", "version", "chip", "numbers", "sources"]
    assert all({"key", "value", "unit", "tag", "source"} <= set(row) for row in data["numbers"])


def test_a_chip_file_of_ones_own(workdir: Path) -> None:
    text = (_resources.isa_folder() / "chips" / "tiny.toml").read_text()
    changed = text.replace('name = "tiny"', 'name = "mine"').replace(
        "value = 1_000_000_000", "value = 500_000_000"
    )
    (workdir / "mine.toml").write_text(changed)
    assert call("chip", "show", "mine.toml").out.startswith("# mine: ")
    rows = call("chip", "diff", "tiny", "mine.toml", "--json").json
    assert (rows["schema"], rows["a"], rows["b"]) == ("lpu-emu/chip-diff/1", "tiny", "mine")
    assert rows["differences"][0]["key"] == "clock.hz"
    done = call("run", write_kernel(workdir), "--chip", "mine.toml", "--json")
    assert (done.json["program"]["chip"], done.json["cycles"], done.json["time_us"]) == ("mine", 18, 0.036)
    (workdir / "bad.toml").write_text(changed.replace("value = 500_000_000", "value = 5"))
    done = call("chip", "show", "bad.toml")
    assert done.code == 3
    assert done.err == (
        "error: bad.toml: clock.hz: value: 5 Hz is impossible; the range is 1000000..20000000000\n"
    )
    done = call("chip", "show", "nix.toml")
    assert (done.code, done.err.startswith("error: nix.toml: cannot be read")) == (3, True)


def test_equal_chips() -> None:
    assert call("chip", "diff", "tiny", "tiny").out == "tiny and tiny have the same numbers.\n"


def test_kernels_are_listed_and_shown(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_kernel(workdir)
    (workdir / "models").mkdir()
    (workdir / "models" / "m.onnx").write_text("")
    monkeypatch.setattr(_resources, "kernels_folder", lambda: workdir)
    assert call("kernels", "list").out == (
        "name  kind    chip  title\ncopy  kernel  tiny  Copy four vectors.\nm     model   any   ONNX model\n"
    )
    data = call("kernels", "list", "--json").json
    assert data["schema"] == "lpu-emu/kernels-list/1"
    assert data["kernels"][0] == {
        "name": "copy", "kind": "kernel", "title": "Copy four vectors.", "chip": "tiny", "path": str(path),
    }  # fmt: skip
    assert data["kernels"][1]["chip"] is None
    assert call("kernels", "show", "copy").out == path.read_text()
    assert call("kernels", "show", "copy", "--json").json["text"] == path.read_text()
    assert call("kernels", "show", "m").code == 3
    assert (
        call("kernels", "show", "cpy").err
        == "error: no bundled kernel or model 'cpy'; did you mean 'copy'?\n"
    )
