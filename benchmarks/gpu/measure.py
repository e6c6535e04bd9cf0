"""Measure products, attention and copies on the NVIDIA GPU of this machine, as rows for ``lpu-emu gpu calibrate``.

    python benchmarks/gpu/measure.py --gpu h100 -o mine.toml
    lpu-emu gpu calibrate mine.toml

Needs PyTorch with CUDA. FP8 products need a GPU that has them. Times are the best of several CUDA graph
replays, so launches from the host do not count; that is what the model calls a kernel.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

PRODUCTS = [(m, n, k) for m in (64, 128, 4096) for n, k in ((4096, 7168), (7168, 2048), (24576, 1536))]
SQUARES = [(n, n, n) for n in (2048, 4096, 8192)]
PREFILLS = [(16384 // tokens, tokens, 16, 128) for tokens in (512, 1024, 2048, 4096, 8192, 16384)]
COPIES = [10_000_000, 100_000_000, 1_000_000_000]
REPEATS = 20
Set = dict[str, Any]


def seconds(torch: Any, work: Callable[[], Any]) -> float:
    """Return the shortest time of one call of ``work``, replayed from a CUDA graph."""
    for _ in range(3):
        work()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for _ in range(REPEATS):
            work()
    times = []
    for _ in range(5):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        graph.replay()
        end.record()
        torch.cuda.synchronize()
        times.append(start.elapsed_time(end) / 1e3 / REPEATS)
    return min(times)


def products(torch: Any, dtype: str) -> Set:
    rows = []
    for m, n, k in PRODUCTS + SQUARES:
        a, b = torch.randn(m, k, device="cuda"), torch.randn(n, k, device="cuda")
        if dtype == "fp8":
            a, b = a.to(torch.float8_e4m3fn), b.to(torch.float8_e4m3fn)
            one = torch.ones((), device="cuda")
            work = lambda a=a, b=b, one=one: torch._scaled_mm(a, b.t(), one, one, out_dtype=torch.bfloat16)  # noqa: E731
        else:
            a, b = a.bfloat16(), b.bfloat16()
            work = lambda a=a, b=b: a @ b.t()  # noqa: E731
        rows.append([m, n, k, 2 * m * n * k / seconds(torch, work) / 1e12])
    return {"title": f"{dtype} products", "operator": "gemm", "dtype": dtype, "columns": ["m", "n", "k"],
            "unit": "TFLOP/s", "rows": rows}  # fmt: skip


def prefills(torch: Any) -> Set:
    attend = torch.nn.functional.scaled_dot_product_attention
    rows = []
    for batch, tokens, heads, width in PREFILLS:
        q, k, v = (
            torch.randn(batch, heads, tokens, width, device="cuda", dtype=torch.bfloat16) for _ in range(3)
        )
        flops = 4 * batch * heads * tokens * tokens * width
        took = seconds(torch, lambda q=q, k=k, v=v: attend(q, k, v))
        rows.append([batch, tokens, heads, width, flops / took / 1e12])
    return {"title": "Attention of a prefill, not causal", "operator": "prefill", "dtype": "bf16",
            "columns": ["batch", "tokens", "heads", "width"], "unit": "TFLOP/s", "rows": rows}  # fmt: skip


def copies(torch: Any) -> Set:
    rows = []
    for elements in COPIES:
        a = torch.zeros(elements, device="cuda", dtype=torch.bfloat16)
        b = torch.empty_like(a)
        rows.append([elements, 4 * elements / seconds(torch, lambda a=a, b=b: b.copy_(a)) / 1e9])
    return {"title": "Copy, read and write", "operator": "copy", "dtype": "bf16", "columns": ["elements"],
            "unit": "GB/s", "rows": rows}  # fmt: skip


def text(sets: list[Set], gpu: str, source: str) -> str:
    """Return the file of measurements."""
    lines = []
    for entry in sets:
        lines += ["[[set]]", f'gpu = "{gpu}"', f'source = "{source}"']
        lines += [f'{key} = "{entry[key]}"' for key in ("title", "operator", "dtype", "unit")]
        columns = ", ".join(f'"{c}"' for c in entry["columns"])
        rows = ", ".join(
            "[" + ", ".join(f"{x:.4g}" if isinstance(x, float) else str(x) for x in row) + "]"
            for row in entry["rows"]
        )
        lines += [f"columns = [{columns}]", f"rows = [{rows}]", ""]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--gpu", required=True, help="name of the model: h100, h200, gb200, rubin, or a .toml file"
    )
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    try:
        import torch
    except ImportError:
        raise SystemExit(
            "measuring needs PyTorch with CUDA; install it in an environment of its own"
        ) from None
    if not torch.cuda.is_available():
        raise SystemExit("PyTorch sees no CUDA GPU on this machine")
    sets = [products(torch, "bf16"), prefills(torch), copies(torch)]
    if torch.cuda.get_device_capability() >= (8, 9):
        sets.append(products(torch, "fp8"))
    source = f"measured with PyTorch {torch.__version__} on {torch.cuda.get_device_name()}"
    options.output.write_text(text(sets, options.gpu, source), encoding="utf-8")


if __name__ == "__main__":
    main()
