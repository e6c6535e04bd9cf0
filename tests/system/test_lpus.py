"""Stages on LPUs: cycles of compiled programs, kept once, and what crosses between chips."""

from __future__ import annotations

from pathlib import Path

import pytest

from lpu_emu.compiler import CompileOptions, compile_graph
from lpu_emu.errors import UsageError
from lpu_emu.gpu.models import Ffn, load_model
from lpu_emu.spec.machine import load_machine
from lpu_emu.system.cycles import Cycles
from lpu_emu.system.lpus import Cost, Lpus
from lpu_emu.system.racks import Site, load_rack
from lpu_emu.system.shards import Shard

SMALL = Shard(kind="gated", rows=2, a=64, b=64)


@pytest.fixture
def lpus(tmp_path: Path) -> Lpus:
    site = Site(gpu_rack=load_rack("vr_nvl72"), lpu_rack=load_rack("lpx"), lpu_racks=9)
    return Lpus(site=site, cycles=Cycles("lp30", tmp_path))


@pytest.mark.parametrize("kind", ["linear", "gated", "attention", "sum", "norm"])
def test_every_kind_compiles(kind: str, tmp_path: Path) -> None:
    shard = Shard(kind=kind, rows=2, a=64, b=2 if kind == "sum" else 64)
    assert 30 < Cycles("lp30", tmp_path).of(shard) < 3000


def test_cycles_are_those_of_the_program(tmp_path: Path) -> None:
    program = compile_graph(
        SMALL.graph(), machine=load_machine("lp30"), options=CompileOptions(precision="int8")
    )
    assert Cycles("lp30", tmp_path).of(SMALL) == int(program.attributes["predicted_cycles"])


def test_a_shape_is_compiled_once_and_per_chip(tmp_path: Path) -> None:
    first, second = (Cycles("lp30", tmp_path) for _ in range(2))
    assert first.of(SMALL) == second.of(SMALL) == second.of(SMALL)
    assert (first.compiled, first.known, second.compiled, second.known) == (1, 0, 0, 1)
    other = Cycles("tsp1", tmp_path)
    other.of(SMALL)
    assert other.compiled == 1
    for file in tmp_path.iterdir():
        file.write_text("{")
    third = Cycles("lp30", tmp_path)
    assert third.of(SMALL) == first.of(SMALL)
    assert third.compiled == 1


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert Cycles("lp30", tmp_path / "file").of(SMALL) > 0


def test_unknown_shards_are_refused() -> None:
    with pytest.raises(UsageError, match="no shard 'dense'"):
        Shard(kind="dense", rows=1, a=1, b=1)


def test_latency_ladder(lpus: Lpus) -> None:
    steps = {1: 0.0, 2: 0.35, 16: 0.35, 17: 0.75, 128: 0.75, 256: 1.15, 768: 1.6, 2304: 2.95, 2305: 3.4}
    for chips, microseconds in steps.items():
        assert lpus.hop(chips) * 1e6 == pytest.approx(microseconds), chips


def test_exchanges(lpus: Lpus) -> None:
    assert lpus.exchange(1e6, 1) == Cost()
    assert lpus.exchange(90 * 12.5e9, 16).parts == {
        "hops": pytest.approx(0.35e-6),
        "wires": pytest.approx(1.0),
    }
    assert lpus.scatter(1, 64, 1) == Cost()
    once = lpus.all_reduce(1, 64, 4)
    assert once.parts["hops"] == pytest.approx(0.35e-6)
    assert lpus.all_reduce(1, 64, 32).parts["hops"] == pytest.approx(2 * 0.75e-6)


def test_large_shards_go_on_from_two_programs(lpus: Lpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lpu_emu.system.lpus.MOST_WEIGHTS", 64 * 3 * 128)
    small, large = (lpus.cycles.of(Shard(kind="gated", rows=1, a=64, b=b)) for b in (64, 128))
    found = lpus.program("gated", 1, 64, 64 * 10).parts["programs"] * 1.5e9
    assert found == pytest.approx(large + 8 * (large - small))


def test_experts_that_are_hit_make_one_program(lpus: Lpus) -> None:
    model = load_model("draft-1b")
    one = lpus.ffn(model, Ffn(width=64, experts=16, active=2), 1, 2)
    assert one == lpus.program("gated", 1, model.hidden, 2 * 32)
    shared = lpus.ffn(model, Ffn(width=64, experts=16, active=2, shared=1), 1, 2)
    assert shared == one + lpus.program("gated", 1, model.hidden, 32)


def test_knobs_scale_their_part(lpus: Lpus) -> None:
    slow = Lpus(site=lpus.site.turned("lpu.hop", 2).turned("lpu.cycles", 3), cycles=lpus.cycles)
    before, after = (x.scatter(1, 64, 4).parts for x in (lpus, slow))
    assert after["hops"] == pytest.approx(2 * before["hops"])
    assert after["programs"] == pytest.approx(3 * before["programs"])
    with pytest.raises(UsageError, match=r"no knob 'lpu\.hops'"):
        lpus.site.turned("lpu.hops", 2)
