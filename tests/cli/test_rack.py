"""``lpu-emu rack`` and ``lpu-emu split``."""

from __future__ import annotations

from pathlib import Path

from .commands import call

SCENARIO = """name = "mine"
title = "Mine"
mode = "gpu"
model = "llama-3-70b"
[workload]
context = 4000
target = 30
batches = [1, 64]
[site]
gpu_rack = "hgx_h100"
"""


def test_list() -> None:
    assert "moe-2t-lpx" in call("rack", "--list").out
    document = call("rack", "--list", "--json").json
    assert document["schema"] == "lpu-emu/rack-list/1"
    assert {"lpx", "vr_nvl72"} <= {rack["name"] for rack in document["racks"]}


def test_scenario(workdir: Path) -> None:
    (workdir / "mine.toml").write_text(SCENARIO)
    done = call("rack", "mine.toml", "--plot", "curve.png")
    assert done.code == 0, done
    assert "10 kW assumed" in done.out
    assert "bottleneck" in done.out
    assert (workdir / "curve.png").read_bytes().startswith(b"\x89PNG")
    document = call("rack", "mine.toml", "--json").json
    assert document["schema"] == "lpu-emu/rack/1"
    assert [point["users"] for point in document["scenarios"][0]["points"]] == [1, 64]


def test_wrong_usage(workdir: Path) -> None:
    assert call("rack").code == 2
    assert call("rack", "nothing").code == 3
    assert call("rack", "claims", "--plot", "x.png").code == 2
    (workdir / "mine.toml").write_text(SCENARIO)
    assert call("rack", "mine.toml", "--plot", "x.txt").code == 2
    assert call("rack", "mine.toml", "--markdown").code == 2


def test_split_of_a_random_model() -> None:
    arguments = ("split", "--random", 3, "--tokens", 3, "--chip", "tiny", "--engine", "reference")
    done = call(*arguments)
    assert done.code == 0, done
    assert "3 of 3 tokens are those of the plain model" in done.out
    document = call(*arguments, "--json").json
    assert document["schema"] == "lpu-emu/split/1"
    assert document["equal"] is True
    assert len(document["tokens"]) == 3
    assert call("split", "--random", 3, "--weights", "x.gguf").code == 2
    assert call("split", "--weights", "x.gguf").code == 3
