"""A process that compiles and runs one model: ``python -m lpu_emu.bench.networks.child ARGUMENTS``.

Arguments are JSON: ``model``, ``chip``, ``precision``, ``inputs`` (a .npz), ``outputs`` (where to write one). The
result is JSON on stdout. A process of its own makes its memory the compilation's.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from lpu_emu.errors import LpuError

RUNS = 3
INT8 = "int8"


def main(text: str) -> None:
    """Do the work and print its result; ``refused`` says why there is none."""
    arguments: dict[str, Any] = json.loads(text)
    try:
        result = measured(**arguments)
    except LpuError as error:
        result = {"refused": str(error)}
    sys.stdout.write(json.dumps(result))


def measured(model: str, chip: str, precision: str, inputs: str, outputs: str) -> dict[str, Any]:
    """Compile, verify, run and time a model, and write its outputs."""
    from lpu_emu import api
    from lpu_emu.bench.host.memory import peak_bytes
    from lpu_emu.bench.networks.macs import ideal_cycles, model_macs
    from lpu_emu.compiler import CompileOptions, compile_graph
    from lpu_emu.graph import read_onnx
    from lpu_emu.library.tensors import npz_bytes, read_npz
    from lpu_emu.spec.machine import load_machine

    started = time.perf_counter()
    machine = load_machine(chip)
    graph = read_onnx(model)
    program = compile_graph(graph, machine=machine, options=CompileOptions(precision=precision))
    compile_s, compile_bytes = time.perf_counter() - started, peak_bytes()
    executable = api.Executable(program)
    figures = executable.report().data
    macs = model_macs(graph)
    ideal = ideal_cycles(machine, macs, precision)
    seconds, found = _timed(executable, read_npz(Path(inputs)))
    Path(outputs).write_bytes(npz_bytes(found.outputs))
    return {
        "oracle_err": _oracle_error(graph, read_npz(Path(inputs)), found.outputs)
        if precision == INT8
        else None,
        "macs": macs,
        "ideal_cycles": ideal,
        "cycles": executable.cycles,
        "ran_cycles": found.cycles,
        "time_us": executable.time_us,
        "ideal_share": ideal / executable.cycles,
        "mxm_utilization": figures["units"]["mxm"]["utilization"],
        "sram_bytes": figures["memory"]["sram_bytes_used"],
        "instructions": program.instruction_count(),
        "hazards": len([hazard for hazard in executable.hazards if not hazard.is_warning]),
        "compile_s": compile_s,
        "compile_bytes": compile_bytes,
        "first_run_s": seconds[0],
        "run_s": min(seconds[1:]),
    }


def _oracle_error(graph: Any, inputs: Any, outputs: Any) -> float:
    """Return how far int8 results are from the integer semantics of the model."""
    from lpu_emu.library.integers import integer_outputs, largest_difference

    return largest_difference(outputs, integer_outputs(graph, inputs))


def _timed(executable: Any, inputs: Any) -> tuple[list[float], Any]:
    """Run several times with the fast engine; the first time includes its planning, but not its compilation."""
    from lpu_emu import engine

    engine.warm_up()
    started = time.perf_counter()
    session = engine.prepare(executable.program).session()
    seconds = []
    for _ in range(RUNS):
        found = session.run(inputs)
        now = time.perf_counter()
        seconds.append(now - started)
        started = now
    return seconds, found


if __name__ == "__main__":
    main(sys.argv[1])
