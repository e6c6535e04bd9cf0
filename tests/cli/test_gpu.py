"""``lpu-emu gpu``: lists, pages, comparisons."""

from __future__ import annotations

from pathlib import Path

from .commands import call


def test_list_and_show() -> None:
    assert "rubin" in call("gpu", "list").out
    assert [g["name"] for g in call("gpu", "list", "--json").json["gpus"]] == [
        "gb200",
        "h100",
        "h200",
        "rubin",
    ]
    shown = call("gpu", "show", "h100")
    assert "hbm.rate" in shown.out
    number = call("gpu", "show", "h100", "--json").json["numbers"]["sm.count"]
    assert (number["value"], number["unit"]) == (132, "SMs")
    assert call("gpu", "show", "h10").code == 3


def test_calibrate(workdir: Path) -> None:
    document = call("gpu", "calibrate", "--json").json
    assert document["schema"] == "lpu-emu/gpu-calibrate/1"
    assert len(document["rows"]) > 40
    assert "on average" in call("gpu", "calibrate").out
    assert call("gpu", "calibrate", "--markdown").out.startswith("# GPUs beside LPUs")
    (workdir / "empty.toml").write_text("")
    assert call("gpu", "calibrate", "empty.toml").code == 2
    assert call("gpu", "calibrate", "--markdown", "--json").code == 2
