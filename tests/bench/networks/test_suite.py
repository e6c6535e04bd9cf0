"""The suite ``networks``: what it counts, its rows, and what counts as a failure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lpu_emu.bench.networks import measure, suite
from lpu_emu.bench.networks.macs import ideal_cycles, model_macs
from lpu_emu.bench.networks.rows import CASES, Case
from lpu_emu.bench.suites import Options
from lpu_emu.errors import UsageError
from lpu_emu.graph import read_onnx_bytes
from lpu_emu.library.networks.catalogue import NETWORKS
from lpu_emu.library.networks.mobilenet import mobilenet_v2
from lpu_emu.library.networks.plain import squeezenet
from lpu_emu.library.networks.resnet import resnet
from lpu_emu.spec.machine import load_machine

ROW = {"status": "ok", "cycles": 5, "ran_cycles": 5, "hazards": 0, "cosine": 0.99}


@pytest.mark.parametrize(
    ("model", "macs"),
    [
        (lambda: resnet(50), 4_089_184_256),
        (lambda: mobilenet_v2(), 300_774_272),
        (lambda: squeezenet(), 349_151_936),
    ],
    ids=["resnet50", "mobilenet_v2", "squeezenet"],
)
def test_products_are_as_many_as_published(model: Any, macs: int) -> None:
    assert model_macs(read_onnx_bytes(model().SerializeToString())) == macs


@pytest.mark.parametrize("name", ["tiny_cnn", "mobilenet_v1", "resnet101"])
def test_the_catalogue_states_the_products_of_its_networks(name: str) -> None:
    network = next(n for n in NETWORKS if n.name == name)
    graph = read_onnx_bytes(network.build(1, 0).SerializeToString())
    assert model_macs(graph) / 1e6 == pytest.approx(network.macs_m, rel=0.01)
    weights = sum(array.size for array in graph.constants.values() if array.ndim > 1)
    assert weights / 1e6 == pytest.approx(network.parameters_m, rel=0.02)


def test_ideal_cycles_follow_from_the_peak_of_the_chip() -> None:
    machine = load_machine("tsp1")
    assert ideal_cycles(machine, 4 * 320 * 320, "int8") == 1
    assert ideal_cycles(machine, 4 * 320 * 320 + 1, "int8") == 2
    assert ideal_cycles(machine, 4_089_184_256, "int8") == 9_984


def test_rows_are_unique_and_networks_exist() -> None:
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names)
    assert [b.name for b in suite.benchmarks()] == names
    assert {case.network for case in CASES} <= {n.name for n in NETWORKS}


def test_an_unknown_row_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match="no benchmark 'resnet5_int8'"):
        suite.run(Options(only=("resnet5_int8",)), lambda _what: None)


@pytest.mark.parametrize(
    ("change", "failures"),
    [
        ({}, []),
        ({"ran_cycles": 6}, ["n_int8: 6 cycles ran, 5 were predicted"]),
        ({"hazards": 2}, ["n_int8: 2 hazards"]),
        ({"oracle_err": 1e-8}, []),
        ({"oracle_err": 1e-3}, ["n_int8: differs from its integer semantics by 1.0e-03"]),
        ({"cosine": 0.5}, ["n_int8: the outputs have a cosine of 0.500 with what they should be"]),
        ({"status": "not yet", "cosine": 0.5}, []),
    ],
)
def test_failures(change: dict[str, Any], failures: list[str]) -> None:
    assert suite.failures({**ROW, **change}, Case(network="n", precision="int8")) == failures


def test_a_refused_model_has_the_reason(tmp_path: Path) -> None:
    row = measure.measure_case(
        Case(network="tiny_cnn", precision="fp16", refused=True), tmp_path, chip="tiny", threads=1
    )
    assert (row["status"], row["name"]) == ("refused", "tiny_cnn_fp16")
    assert row["reason"]
    assert str(tmp_path) not in row["reason"]


def test_a_small_network_from_end_to_end(tmp_path: Path) -> None:
    row = measure.measure_case(Case(network="tiny_cnn", precision="int8"), tmp_path, chip="tsp1", threads=1)
    assert (row["status"], row["mismatches"], row["hazards"]) == ("ok", 0, 0), row
    assert row["cycles"] == row["ran_cycles"] > row["ideal_cycles"] > 0
    assert 0 < row["mxm_utilization"] < 1
    assert all(
        np.isfinite(row[key]) and row[key] > 0
        for key in ("compile_s", "run_s", "onnxruntime_s", "sram_bytes")
    )
    assert {column.key for column in suite.COLUMNS} <= {*row, "reason"}
