"""Results as processes would hand them over, with figures that are easy to follow."""

from __future__ import annotations

from typing import Any

MACHINE = {
    "cpu": "A CPU",
    "processors": 2,
    "features": ["avx2"],
    "memory_bytes": 8 << 30,
    "system": "Linux x86_64",
    "python": "3.11.0",
    "numpy": "2.0.0",
    "numba": "0.61.0",
    "llvmlite": "0.44.0",
    "blas": "a-blas 1.0",
}
RATES = {
    "float32_flops_per_s": 200e9,
    "float64_flops_per_s": 100e9,
    "copy_bytes_per_s": 20e9,
    "read_bytes_per_s": 10e9,
    "others": 0.0,
}


def program_result(name: str, **other: Any) -> dict[str, Any]:
    """Return what a process says of a program."""
    small = name == "small_instructions"
    found: dict[str, Any] = {
        "title": f"title of {name}",
        "cycles": 10_000,
        "steps": 100,
        "work": 100_000 if small else 1_000_000_000,
        "unit": "instruction" if small else "MAC",
        "goal": 2e6 if small else 1.3,
        "seconds": 0.01,
        "median_s": 0.011,
        "one_thread_s": 0.018,
        "numpy_s": None if small else 0.02,
        "numpy_median_s": None if small else 0.021,
        "ratio": None if small else 2.0,
        "others": 0.01,
        "data_bytes": 10 << 20,
        "pool_bytes": 2 << 20,
        "validate_s": 0.01,
        "analyse_s": 0.1,
        "plan_s": 0.2,
        "first_run_s": 0.02,
        "whole_one_thread_s": 0.34,
        "differing": 0,
        "image_bytes": 14 << 20,
        "steps_s": {} if small else {"products and their sums": 0.012, "reads and writes": 0.004},
    }
    return {**found, **other}


def task_result(task: str, **arguments: Any) -> dict[str, Any]:
    """Return what a process says that does a task."""
    if task == "program":
        return program_result(arguments["name"])
    if task == "kernel":
        numbers = {"work": 800, "padded_work": 1000, "seconds": 0.006, "one_thread_s": 0.011, "pack_s": 0.001}
        others = {"title": "kernel", "unit": "MAC", "numpy_s": 0.012, "ratio": 2.0, "others": 0.5}
        return {**numbers, **others, "median_s": 0.006, "numpy_median_s": 0.012}
    if task.startswith("linear"):
        sizes = {"sizes": [1, 2, 3, 4], "sizes_s": [0.1, 0.2, 0.3, 0.4], "work": 4, "seconds": 0.4}
        fit = {"slope_s": 0.1, "base_s": -0.001, "worst_deviation": 0.02, "others": None}
        return {"title": "execution, per row", "unit": "row", **sizes, **fit}
    known: dict[str, dict[str, Any]] = {
        "memory": {"base_bytes": 100 << 20, "small_peak_bytes": 110 << 20, "peak_bytes": 132 << 20},
        "rates": RATES,
    }
    return known[task]
