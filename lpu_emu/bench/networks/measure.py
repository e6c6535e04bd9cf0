"""Measuring one network: the model in a file, our part in a process of its own, ONNX Runtime beside it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

import lpu_emu
from lpu_emu.bench.networks.rows import Case
from lpu_emu.errors import MissingExtraError
from lpu_emu.library import judge
from lpu_emu.library.checks import compare
from lpu_emu.library.networks.catalogue import FP32, INT8, find, make
from lpu_emu.library.networks.images import images
from lpu_emu.library.oracle import has_onnxruntime, onnxruntime_seconds, run_onnxruntime
from lpu_emu.library.tensors import Array, npz_bytes, read_npz

_PICTURE_SEED = 1000
_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "NUMBA_NUM_THREADS")
_STATUS_OK, _NOT_YET, _REFUSED = "ok", "not yet", "refused"
_SHOWN_CHARACTERS = 300


def measure_case(case: Case, folder: Path, *, chip: str, threads: int) -> dict[str, Any]:
    """Return the row of a network.

    Args:
        case: what to measure.
        folder: where models are kept between rows.
        chip: name of the chip.
        threads: of the engine and of ONNX Runtime.

    Raises:
        MissingExtraError: onnx or ONNX Runtime is not installed.
    """
    if not has_onnxruntime():
        raise MissingExtraError("onnxruntime", "verify", "the benchmark of networks")
    original = model_file(case.network, FP32, folder)
    model = model_file(case.network, INT8, folder) if case.precision == INT8 else original
    inputs = {"x": images((1, *find(case.network).image), _PICTURE_SEED)}
    given, found = folder / f"{case.network}.npz", folder / f"{case.name}.out.npz"
    given.write_bytes(npz_bytes(inputs))
    arguments = {"chip": chip, "precision": case.precision, "inputs": str(given), "outputs": str(found)}
    row: dict[str, Any] = {"name": case.name, "network": case.network, "precision": case.precision}
    row |= _in_child({"model": str(model), **arguments}, threads)
    if "refused" in row:
        reason = str(row.pop("refused")).replace(f"{folder}{os.sep}", "")
        return row | {"status": _REFUSED if case.refused else _NOT_YET, "reason": _short(reason)}
    seconds = onnxruntime_seconds(original, inputs, threads=threads)
    outputs = read_npz(found)
    wanted = run_onnxruntime(str(model), case.name, list(outputs), inputs)
    verdict = compare(outputs, wanted, against="ONNX Runtime", tolerance=judge.TOLERANCES[case.precision])
    return row | {
        "onnxruntime_s": seconds,
        "run_ratio": row["run_s"] / seconds,
        "max_abs_err": verdict.max_abs_err,
        "max_rel_err": verdict.max_rel_err,
        "mismatches": verdict.mismatches,
        "cosine": min(cosine(outputs[name], array) for name, array in wanted.items()),
        "status": _STATUS_OK,
    }


def cosine(a: Array, b: Array) -> float:
    """Return the cosine of the angle between two tensors as vectors, 0 when one is all zero."""
    first, second = (array.astype(np.float64).reshape(-1) for array in (a, b))
    length = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float(first @ second) / length if length else 0.0


def model_file(network: str, precision: str, folder: Path) -> Path:
    """Return the file of a network in a folder, making it when it is not there."""
    path = folder / f"{network}_{precision}.onnx"
    if not path.is_file():
        path.write_bytes(make(network, precision=precision).SerializeToString(deterministic=True))
    return path


def _short(reason: str) -> str:
    lines = reason.splitlines()
    more = f" (and {len(lines) - 1} more)" if len(lines) > 1 else ""
    return lines[0][:_SHOWN_CHARACTERS] + more


def _in_child(arguments: dict[str, str], threads: int) -> dict[str, Any]:
    root = str(Path(lpu_emu.__file__).resolve().parents[1])
    path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": path, **dict.fromkeys(_THREADS, str(threads))}
    command = [sys.executable, "-m", "lpu_emu.bench.networks.child", json.dumps(arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return {"refused": f"the process ended with code {done.returncode}: {last}"}
    result: dict[str, Any] = json.loads(done.stdout)
    return result
