"""The columns of the speed table."""

from __future__ import annotations

from dataclasses import dataclass

from lpu_emu.bench.host.measure import QUIET_SHARE
from lpu_emu.bench.table import MISSING, Column, Row, digits, duration, rate, whole

_UNITS = {"MAC": "MAC/s", "element": "element/s", "vector": "vector/s", "instruction": "instr/s"}


@dataclass(frozen=True, kw_only=True)
class RowColumn(Column):
    """A column whose text needs several values of a row; ``key`` names the main one."""

    def cell(self, row: Row) -> str:
        """Return the text of a row in this column."""
        return MISSING if row.get(self.key) is None else self.text(row)


def work_text(row: Row) -> str:
    """Return useful operations a second: ``385 GMAC/s``; for a cost over sizes, its slope: ``1.2 us per row``."""
    if "slope_s" in row:
        return f"{duration(row['slope_s'])} each"
    return rate(row["work_per_s"], _UNITS.get(row["unit"], f"{row['unit']}/s"))


def goal_text(row: Row) -> str:
    """Return the goal: ``1.3 x``, ``2.00 Minstr/s``, ``under 1.00 s``."""
    goal, kind = row["goal"], row.get("goal_kind")
    if kind == "seconds":
        return f"under {duration(goal)}"
    return rate(goal, _UNITS.get(row.get("unit", ""), "/s")) if kind == "rate" else f"{goal:g} x"


def met_text(row: Row) -> str:
    """Return whether the goal is met; for a cost over sizes, the worst distance from a straight line."""
    mark = " *" if is_disturbed(row) else ""
    if row.get("worst_deviation") is not None:
        return f"line +-{row['worst_deviation']:.0%}{mark}"
    if row.get("met") is None:
        return MISSING + mark
    return ("met" if row["met"] else "MISSED") + mark


def is_disturbed(row: Row) -> bool:
    """Return whether other processes kept a processor busy during the best turns of a row."""
    return (row.get("others") or 0.0) > QUIET_SHARE


def mebibytes(value: float) -> str:
    """Return bytes as MiB."""
    return f"{value / 2**20:,.0f} MiB"


def times(value: float) -> str:
    """Return a ratio: ``1.86 x``."""
    return f"{digits(value)} x"


COLUMNS: tuple[Column, ...] = (
    Column(key="name", title="workload"),
    Column(key="cycles", title="cycles", text=whole, right=True),
    Column(key="seconds", title="time", text=duration, right=True),
    Column(key="cycles_per_s", title="cycles/s", text=rate, right=True),
    RowColumn(key="work", title="useful work", text=work_text, right=True),
    Column(key="numpy_s", title="NumPy", text=duration, right=True),
    Column(key="ratio", title="over NumPy", text=times, right=True),
    RowColumn(key="goal", title="goal", text=goal_text, right=True),
    RowColumn(key="name", title="goal met", text=met_text),
    Column(key="peak_bytes", title="memory", text=mebibytes, right=True),
)
