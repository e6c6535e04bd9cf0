"""Tokens per second of a user against tokens per second and megawatt, as a picture. Needs Matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lpu_emu.errors import MissingExtraError
from lpu_emu.system.evaluate import Outcome, curve


def figure(outcomes: Sequence[Outcome]) -> Any:
    """Return a Matplotlib figure of the curves of some outcomes; the band is the range of power.

    Raises:
        MissingExtraError: Matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("matplotlib", "plot", "a picture of a rack's curve") from error
    drawing: Any = Figure(figsize=(8, 5), dpi=120)
    axes = drawing.add_subplot()
    for outcome in outcomes:
        points = curve(outcome.points)
        across = [step.per_user for step in points]
        axes.plot(
            across, [outcome.per_megawatt(step) for step in points], marker="o", label=outcome.scenario.title
        )
        ends = [
            [outcome.per_megawatt(step, which) for step in points] for which in ("watts_high", "watts_low")
        ]
        axes.fill_between(across, *ends, alpha=0.2)
        axes.axvline(outcome.scenario.target, color="#8c8c8c", linewidth=0.8, linestyle=":")
    axes.set_xlabel("tokens/s per user")
    axes.set_ylabel("tokens/s per MW (band: power assumed)")
    axes.set_yscale("log")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.legend(frameon=False, fontsize=8)
    drawing.tight_layout()
    return drawing
