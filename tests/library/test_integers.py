"""Quantised networks equal their integer semantics, and those equal the standard's up to ties."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import lpu_emu as lpu
from lpu_emu.graph import read_onnx, run_graph
from lpu_emu.library.integers import FLOAT_TOLERANCE, integer_outputs, largest_difference
from lpu_emu.library.networks.catalogue import make
from lpu_emu.library.networks.images import images


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "tiny_cnn.onnx"
    path.write_bytes(make("tiny_cnn", precision="int8").SerializeToString())
    return path


@pytest.mark.parametrize("seed", range(3))
def test_a_network_runs_as_its_integers_say(model: Path, seed: int) -> None:
    inputs = {"x": images((1, 3, 32, 32), seed)}
    found = lpu.compile(model).run(inputs, engine="fast").outputs
    difference = largest_difference(found, integer_outputs(read_onnx(model), inputs))
    assert difference <= FLOAT_TOLERANCE, f"seed {seed}"


def test_the_integer_semantics_are_those_of_the_standard(model: Path) -> None:
    graph = read_onnx(model)
    inputs = {"x": images((1, 3, 32, 32), 7)}
    standard = run_graph(graph, inputs)
    ours = integer_outputs(graph, inputs)
    for name, array in standard.items():
        np.testing.assert_allclose(ours[name], array, atol=0.02)
        assert ours[name].argmax() == array.argmax()
