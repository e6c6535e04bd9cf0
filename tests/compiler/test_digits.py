"""The digit classifier that ships with the package."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from compiler import oracle
from compiler.oracle import Array
from compiler.test_softmax import softmax
from lpu_emu.analysis import analyse
from lpu_emu.compiler import CompileOptions, compile_onnx
from lpu_emu.graph.evaluate import run_graph
from lpu_emu.graph.onnx_reader import read_onnx
from lpu_emu.program.model import Program
from lpu_emu.reference.numerics import vxm
from lpu_emu.spec.machine import load_machine

MODELS = Path(__file__).resolve().parents[2] / "kernels" / "models"
TSP1 = load_machine("tsp1")
HELD_OUT = np.load(MODELS / "digits_heldout.npz")
ROWS = 24


def compiled(model: str, batch: int, chip: str = "tsp1") -> Program:
    options = CompileOptions(shapes={"x": (batch, 64)})
    return compile_onnx(MODELS / f"{model}.onnx", machine=load_machine(chip), options=options)


def digest(program: Program) -> str:
    """Everything that a program file would hold."""
    sha = hashlib.sha256(
        repr((program.bindings, program.operators, sorted(program.attributes.items()))).encode()
    )
    for name, text in program.queues.items():
        sha.update(name.encode())
        for column in (text.opcodes, text.args, text.lines, text.origins):
            sha.update(column.tobytes())
    for section in program.data:
        sha.update(f"{section.name} {section.slice} {section.address}".encode() + section.words.tobytes())
    return sha.hexdigest()


@pytest.mark.parametrize("model", ["digits_mlp", "digits_mlp_int8"])
@pytest.mark.parametrize("batch", [1, 360])
def test_compiles_quickly_and_without_hazards(model: str, batch: int) -> None:
    started = time.perf_counter()
    program = compiled(model, batch)
    assert time.perf_counter() - started < 10  # under 2 seconds when the machine has nothing else to do
    analysis = analyse(program)
    assert analysis.hazards == ()
    assert analysis.cycles == int(program.attributes["predicted_cycles"])
    assert [(o.name, o.op_type) for o in program.operators if o.macs] == [
        ("fc1", OPERATORS[model][0]), ("fc2", OPERATORS[model][0]), ("fc3", OPERATORS[model][1]),
    ]  # fmt: skip
    macs = [batch * k * n for k, n in ((64, 128), (128, 64), (64, 10))]
    assert [o.macs for o in program.operators if o.macs] == macs


OPERATORS = {
    "digits_mlp": ("Gemm+Relu", "Gemm"),
    "digits_mlp_int8": ("Gemm+Relu+QuantizeLinear", "Gemm+QuantizeLinear+DequantizeLinear"),
}


def test_float_digits_bit_for_bit() -> None:
    graph = read_onnx(MODELS / "digits_mlp.onnx", {"x": (ROWS, 64)})
    x = HELD_OUT["x"][:ROWS]
    value = x
    for layer in (1, 2, 3):
        value = oracle.product_fp16(value, graph.constants[f"fc{layer}.weight"].T, TSP1.chip.lanes)
        bias = np.broadcast_to(graph.constants[f"fc{layer}.bias"], value.shape)
        value = vxm.BINARY["add"](value, bias, "fp32", False)
        value = oracle.to_fp16(vxm.UNARY["relu"](value, "fp32", False) if layer < 3 else value)
    expected = softmax(value.astype(np.float32), TSP1.chip.lanes)
    outputs = oracle.run(compiled("digits_mlp", ROWS), {"x": x}, "digits")
    oracle.same_bits(outputs["probabilities"], expected, "digits")
    exact = run_graph(graph, {"x": x})["probabilities"]
    assert np.abs(outputs["probabilities"] - exact).max() < 2e-3
    assert (outputs["probabilities"].argmax(axis=1) == exact.argmax(axis=1)).all()


def integer_logits(constants: Mapping[str, Array], x: Array) -> Array:
    """The logits in plain integers, as int8 times its scale."""
    q = oracle.quantise(x, np.float32(constants["x_scale"]))
    scale = np.float64(constants["x_scale"])
    for layer, name in ((1, "relu1_out"), (2, "relu2_out"), (3, "logits")):
        weights = constants[f"fc{layer}.weight_quantized"].astype(np.int64)
        sums = q.astype(np.int64) @ weights.T + constants[f"fc{layer}.bias_quantized"]
        after = np.float64(constants[f"{name}_scale"])
        factor = (scale * constants[f"fc{layer}.weight_scale"].astype(np.float64) / after).astype(np.float32)
        y = sums.astype(np.int32).astype(np.float32) * factor
        y = np.maximum(y, np.float32(0)) if layer < 3 else y
        q, scale = np.clip(np.rint(y), -128, 127).astype(np.int8), after
    logits: Array = q.astype(np.float32) * constants["logits_scale"]
    return logits


def test_integer_digits_bit_for_bit() -> None:
    graph = read_onnx(MODELS / "digits_mlp_int8.onnx", {"x": (ROWS, 64)})
    x = HELD_OUT["x"][:ROWS]
    expected = softmax(integer_logits(graph.constants, x), TSP1.chip.lanes)
    outputs = oracle.run(compiled("digits_mlp_int8", ROWS), {"x": x}, "integer digits")
    oracle.same_bits(outputs["probabilities"], expected, "integer digits")
    exact = run_graph(graph, {"x": x})["probabilities"]
    assert np.abs(outputs["probabilities"] - exact).max() < 1e-5


def test_the_reciprocal_of_the_scale_quantises_all_digits_as_division_does() -> None:
    graph = read_onnx(MODELS / "digits_mlp_int8.onnx", {"x": (1, 64)})
    scale = np.float32(graph.constants["x_scale"])
    x = HELD_OUT["x"]
    divided = np.clip(np.rint(x / scale), -128, 127).astype(np.int8)
    assert np.array_equal(oracle.quantise(x, scale), divided)


def test_integer_digits_fit_the_tiny_chip() -> None:
    x = HELD_OUT["x"][:1]
    outputs = oracle.run(compiled("digits_mlp_int8", 1, "tiny"), {"x": x}, "tiny digits")
    graph = read_onnx(MODELS / "digits_mlp_int8.onnx", {"x": (1, 64)})
    logits = integer_logits(graph.constants, x)
    oracle.same_bits(outputs["probabilities"], softmax(logits, 8), "tiny digits")


def test_the_same_model_gives_the_same_bytes_in_every_process() -> None:
    code = (
        "from compiler.test_digits import compiled, digest\n"
        "print(digest(compiled('digits_mlp', 5)), digest(compiled('digits_mlp_int8', 200)))"
    )
    found = set()
    for seed in ("0", "1234"):
        tests = Path(__file__).resolve().parents[1]
        path = os.pathsep.join([str(tests), str(tests.parent)])
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path}
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        found.add(done.stdout)
    assert len(found) == 1
    assert found.pop().split() == [
        digest(compiled("digits_mlp", 5)),
        digest(compiled("digits_mlp_int8", 200)),
    ]


def test_progress_goes_from_nothing_to_all() -> None:
    seen: list[tuple[str, float]] = []
    options = CompileOptions(shapes={"x": (2, 64)})
    compile_onnx(
        MODELS / "digits_mlp.onnx",
        machine=TSP1,
        options=options,
        progress=lambda what, share: seen.append((what, share)),
    )
    shares = [share for _, share in seen]
    assert shares == sorted(shares)
    assert (seen[0], seen[-1]) == (("passes", 0.0), ("done", 1.0))
