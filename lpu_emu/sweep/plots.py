"""Pictures of results: Pareto curve, tornado, heat map. Needs Matplotlib."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lpu_emu.errors import InputError, MissingExtraError, UsageError
from lpu_emu.sweep.results import Results, settings_of

KINDS = ("pareto", "tornado", "heatmap")
BLUE, ORANGE, GREY = "#2166ac", "#d6604d", "#8c8c8c"
Row = Mapping[str, Any]


def figure(results: Results, kind: str, *, x: str, y: str, value: str) -> Any:
    """Return a Matplotlib figure that can be adapted and saved.

    Args:
        results: the rows; those with an error are left out.
        kind: ``pareto`` (``x`` against ``y``, both to be small), ``tornado`` (how far each setting moves ``value``), or
            ``heatmap`` (``value`` over the settings ``x`` and ``y``).
        x: column, or setting of a heat map.
        y: column, or setting of a heat map.
        value: column that is shown.

    Raises:
        MissingExtraError: Matplotlib is not installed.
        UsageError: unknown kind or column.
        InputError: there is nothing to show.
    """
    if kind not in KINDS:
        raise UsageError(f"there is no picture {kind!r}; pictures: {', '.join(KINDS)}")
    wanted = {"pareto": (x, y), "tornado": (value,), "heatmap": (x, y, value)}[kind]
    for name in wanted:
        results.column(name)
    rows = [
        row for row in results.rows if not row.get("error") and all(row.get(n) is not None for n in wanted)
    ]
    if not rows:
        raise InputError(f"no row has {' and '.join(wanted)}, so there is nothing to show")
    drawing, axes = _figure()
    if kind == "pareto":
        _pareto(axes, rows, x, y)
    elif kind == "tornado":
        _tornado(axes, rows, results, value)
    else:
        _heatmap(drawing, axes, rows, x, y, value)
    axes.set_title(f"{results.provenance.get('sweep', 'sweep')}: {kind}", loc="left", fontsize=11)
    drawing.tight_layout()
    return drawing


def _figure() -> tuple[Any, Any]:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("matplotlib", "plot", "a picture of a sweep") from error
    drawing = Figure(figsize=(8, 5), dpi=120)
    axes = drawing.add_subplot()
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return drawing, axes


def pareto_front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Return the indices of the points that no other one beats in both numbers (small is good), by x."""
    best = float("inf")
    front = []
    for index in sorted(range(len(points)), key=lambda i: points[i]):
        if points[index][1] < best:
            best = points[index][1]
            front.append(index)
    return front


def _pareto(axes: Any, rows: Sequence[Row], x: str, y: str) -> None:
    points = [(float(row[x]), float(row[y])) for row in rows]
    front = pareto_front(points)
    axes.scatter(*zip(*points, strict=True), s=18, color=GREY, label="points", zorder=2)
    axes.plot(
        *zip(*(points[i] for i in front), strict=True),
        color=BLUE,
        marker="o",
        drawstyle="steps-post",
        label="Pareto front",
    )
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.legend(frameon=False)


def spreads(rows: Sequence[Row], settings: Sequence[str], value: str) -> list[tuple[str, float, float]]:
    """Return each setting with the lowest and highest mean of ``value`` over its values, the widest spread first."""
    found = []
    for setting in settings:
        groups: dict[Any, list[float]] = {}
        for row in rows:
            if row.get(setting) is not None:
                groups.setdefault(row[setting], []).append(float(row[value]))
        if len(groups) > 1:
            means = [sum(group) / len(group) for group in groups.values()]
            found.append((setting, min(means), max(means)))
    return sorted(found, key=lambda item: item[1] - item[2])


def _tornado(axes: Any, rows: Sequence[Row], results: Results, value: str) -> None:
    settings = settings_of(results)
    bars = spreads(rows, settings, value)
    if not bars:
        raise InputError("no setting has more than one value, so nothing can be compared")
    centre = sum(float(row[value]) for row in rows) / len(rows)
    for place, (_, low, high) in enumerate(reversed(bars)):
        axes.barh(place, centre - low, left=low, color=BLUE, height=0.6)
        axes.barh(place, high - centre, left=centre, color=ORANGE, height=0.6)
    axes.set_yticks(range(len(bars)), [name for name, *_ in reversed(bars)])
    axes.axvline(centre, color="black", linewidth=0.8)
    axes.set_xlabel(f"mean {value} over all points with the lowest and the highest value of a setting")


def _heatmap(drawing: Any, axes: Any, rows: Sequence[Row], x: str, y: str, value: str) -> None:
    across, up = (list(dict.fromkeys(sorted((row[n] for row in rows), key=_order))) for n in (x, y))
    sums: dict[tuple[Any, Any], list[float]] = {}
    for row in rows:
        sums.setdefault((row[y], row[x]), []).append(float(row[value]))
    nothing = float("nan")
    means = [[_mean(sums.get((b, a)), nothing) for a in across] for b in up]
    image = axes.imshow(means, aspect="auto", origin="lower", cmap="viridis")
    axes.set_xticks(range(len(across)), [str(a) for a in across])
    axes.set_yticks(range(len(up)), [str(b) for b in up])
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    drawing.colorbar(image, ax=axes, label=value)


def _order(value: Any) -> tuple[bool, Any]:
    return isinstance(value, str), value


def _mean(values: list[float] | None, nothing: float) -> float:
    return sum(values) / len(values) if values else nothing
