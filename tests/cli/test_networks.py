"""``networks`` and ``quantise``, and ``run --check=layers``."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

from lpu_emu import _resources
from lpu_emu.library.networks.catalogue import NETWORKS

from .commands import call

MODELS = _resources.kernels_folder() / "models"


def test_networks_are_listed() -> None:
    lines = call("networks", "list").out.splitlines()
    assert [line.split()[0] for line in lines] == ["name", *(n.name for n in NETWORKS)]
    data = call("networks", "list", "--json").json
    assert list(data) == ["schema", "version", "networks"]
    assert [row["name"] for row in data["networks"]] == [n.name for n in NETWORKS]
    assert data["networks"][1]["image"] == [3, 224, 224]


def test_a_network_becomes_a_file(workdir: Path) -> None:
    done = call("networks", "make", "tiny_cnn", "-o", "t.onnx")
    size = (workdir / "t.onnx").stat().st_size
    assert (done.code, done.out) == (0, f"tiny_cnn (fp32), x 1x3x32x32\nwrote t.onnx ({size:,} bytes)\n")
    data = call(
        "networks", "make", "tiny_cnn", "--int8", "--batch", "2", "--seed", "4", "-o", "q.onnx", "--json"
    ).json
    assert list(data) == ["schema", "version", "name", "precision", "seed", "input", "file"]
    assert (data["precision"], data["seed"], data["input"]) == ("int8", 4, [2, 3, 32, 32])
    kinds = {node.op_type for node in onnx.load(workdir / "q.onnx").graph.node}
    assert {"QuantizeLinear", "Conv"} <= kinds


def test_an_unknown_network_leaves_no_file(workdir: Path) -> None:
    done = call("networks", "make", "tiny_cn", "-o", "t.onnx")
    assert done.code == 2
    assert "did you mean 'tiny_cnn'?" in done.err
    assert list(workdir.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [["networks", "make", "tiny_cnn"], ["quantise", MODELS / "digits_mlp.onnx"]],
    ids=["make", "quantise"],
)
@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
def test_a_missing_package_is_named(
    workdir: Path, arguments: list[object], package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    done = call(*arguments, "-o", "out.onnx")
    assert (done.code, done.out) == (3, "")
    assert f"needs the package {package!r}, which is not installed" in done.err
    assert 'pip install "lpu-emu[verify]"' in done.err
    assert list(workdir.iterdir()) == []


def test_a_model_is_quantised_and_runs(workdir: Path) -> None:
    x = np.load(MODELS / "digits_heldout.npz")["x"]
    np.savez(workdir / "samples.npz", x=x[:64])
    done = call("quantise", MODELS / "digits_mlp.onnx", "--data", "samples.npz", "-o", "q.onnx")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0] == "calibrated by 64 runs on samples of samples.npz"
    assert lines[1].startswith("output probabilities: cosine 0.99")
    assert lines[2].startswith("wrote q.onnx (")
    checked = call("run", "q.onnx", "--shape", "x=4x64", "--check", "--json")
    assert (checked.code, checked.json["program"]["precision"]) == (0, "int8")
    assert checked.json["check"]["passed"]


def test_quantising_as_json(workdir: Path) -> None:
    arguments = ["quantise", MODELS / "digits_mlp.onnx", "--shape", "x=8x64", "--seed", "5", "--samples", "3"]
    data = call(*arguments, "--per-tensor", "-o", "q.onnx", "--json").json
    assert list(data) == ["schema", "version", "model", "calibration", "per_channel", "outputs", "file"]
    assert data["calibration"] == {"data": None, "seed": 5, "runs": 3}
    assert data["per_channel"] is False
    (output,) = data["outputs"]
    assert list(output) == ["name", "cosine", "max_abs_err", "largest"]
    assert output["name"] == "probabilities"
    assert data["file"]["bytes"] == (workdir / "q.onnx").stat().st_size


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--data", "x.npz", "--seed", "1"], 2, "--data and --seed exclude each other"),
        (["--data", "nix.npz"], 3, "nix.npz: no such file"),
        ([], 3, "has open dimension batch"),
        (["--shape", "x=1x65"], 3, "dimension 1 is 65, but the model fixes it to 64"),
    ],
)
def test_quantising_refuses(workdir: Path, arguments: list[str], code: int, message: str) -> None:
    done = call("quantise", MODELS / "digits_mlp.onnx", *arguments, "-o", "q.onnx")
    assert (done.code, done.out) == (code, "")
    assert message in done.err
    assert list(workdir.iterdir()) == []


def test_a_quantised_model_is_not_quantised_again(workdir: Path) -> None:
    done = call("quantise", MODELS / "digits_mlp_int8.onnx", "--shape", "x=1x64", "-o", "q.onnx")
    assert done.code == 3
    assert "is quantised already" in done.err


def test_every_layer_is_checked() -> None:
    done = call("run", "digits_mlp_int8", "--shape", "x=2x64", "--check=layers")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    start = lines.index("layers against ONNX Runtime:")
    assert lines[start + 1].split()[:2] == ["layer", "operators"]
    assert any(line.split()[1] == "Gemm+Relu+QuantizeLinear" for line in lines[start + 2 : -1])
    assert lines[-1] == "no layer departs"


def test_layers_as_json() -> None:
    data = call("run", "digits_mlp", "--shape", "x=2x64", "--check=layers", "--json").json
    layers = data["layers"]
    assert list(layers) == ["against", "first_departing", "passed", "unseen", "layers"]
    assert (layers["passed"], layers["first_departing"]) == (True, None)
    assert [layer["operators"] for layer in layers["layers"]] == ["Gemm+Relu", "Gemm+Relu", "Gemm", "Softmax"]
    assert list(layers["layers"][0]["local"]) == ["max_abs_err", "max_rel_err", "mismatches", "compared"]
    assert data["check"]["passed"]


def test_check_by_its_long_name_is_the_plain_one() -> None:
    data = call("run", "hello", "--check=outputs", "--json").json
    assert data["check"]["passed"]
    assert "layers" not in data


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["hello", "--check=layers"], "--check=layers goes with a model (.onnx); hello is none"),
        (["hello", "--check=nothing"], "--check takes 'outputs' or 'layers', not 'nothing'"),
    ],
)
def test_wrong_checks(arguments: list[str], message: str) -> None:
    done = call("run", *arguments)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
