"""Figures for notebooks: drawn with Matplotlib, returned so that people can adapt them."""

from __future__ import annotations

from typing import Any

from lpu_emu.analysis import Analysis
from lpu_emu.errors import MissingExtraError, UsageError
from lpu_emu.program.model import Program
from lpu_emu.report.figures import Figures
from lpu_emu.report.measure import measure

KINDS = ("operators", "roofline", "losses")
COLOURS = {
    "mxm": "#c43c0f",
    "weights": "#9c6500",
    "vxm": "#1b7f4b",
    "mem": "#1f5fbf",
    "sxm": "#7a3fb5",
    "latency": "#868a97",
}
OTHER = "#444444"


def plot(program: Program, analysis: Analysis, kind: str = "operators") -> Any:
    """Return a Matplotlib figure: operators in time, the roofline, or where the cycles go.

    Raises:
        UsageError: there is no such kind.
        MissingExtraError: Matplotlib is not installed.
    """
    if kind not in KINDS:
        raise UsageError(f"there is no figure {kind!r}; figures: {', '.join(KINDS)}")
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("matplotlib", "plot", "a figure of a report") from error
    figures = measure(program, analysis)
    drawing = Figure(
        figsize=(9, 0.6 + 0.28 * max(8, len(figures.ops)) if kind == "operators" else 4.5), dpi=110
    )
    axes = drawing.add_subplot()
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    {"operators": _operators, "roofline": _roofline, "losses": _losses}[kind](axes, figures)
    axes.set_title(f"{figures.program.name} on {figures.program.chip}: {figures.cycles:,} cycles", loc="left")
    drawing.tight_layout()
    return drawing


def _operators(axes: Any, figures: Figures) -> None:
    for row, op in enumerate(figures.ops):
        axes.barh(row, op.end - op.start, left=op.start, color=COLOURS.get(op.bound_by, OTHER), height=0.7)
    axes.set_yticks(range(len(figures.ops)), [op.name for op in figures.ops], fontsize=7)
    axes.invert_yaxis()
    axes.set_xlabel("cycle")
    for name in dict.fromkeys(op.bound_by for op in figures.ops):
        axes.barh(0, 0, color=COLOURS.get(name, OTHER), label=f"bound by {name}")
    if figures.ops:
        axes.legend(frameon=False, fontsize=8)


def _roofline(axes: Any, figures: Figures) -> None:
    roof = figures.roofline
    intensities = [roof.ridge / 1000, roof.ridge, roof.ridge * 100]
    roofs = [min(roof.peak_macs_per_cycle, i * roof.peak_sram_bytes_per_cycle) for i in intensities]
    axes.loglog(intensities, roofs, color="black", linewidth=1)
    for op in figures.ops:
        if op.macs and op.sram_bytes and op.cycles:
            axes.loglog(
                op.macs / op.sram_bytes,
                op.macs / op.cycles,
                "o",
                color=COLOURS.get(op.bound_by, OTHER),
                alpha=0.7,
            )
    if roof.achieved_macs_per_cycle:
        axes.loglog(roof.intensity, roof.achieved_macs_per_cycle, "s", color="black", label="whole program")
        axes.legend(frameon=False)
    axes.set_xlabel("MACs per byte of SRAM traffic")
    axes.set_ylabel("MACs per cycle")


def _losses(axes: Any, figures: Figures) -> None:
    losses = {name: value for name, value in vars(figures.losses).items() if value}
    start = 0.0
    for row, value in enumerate(losses.values()):
        axes.barh(row, value, left=start, color=COLOURS["mxm"] if row == 0 else OTHER, height=0.7)
        start += value
    axes.set_yticks(range(len(losses)), [name.replace("_", " ") for name in losses])
    axes.invert_yaxis()
    axes.set_xlabel("cycles")
