"""The three forms of a report: JSON data, a page of text, a table in CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

from lpu_emu.analysis import Analysis
from lpu_emu.program.model import Program
from lpu_emu.report.figures import OperatorFigures, QueueFigures
from lpu_emu.report.measure import measure
from lpu_emu.report.operators import RESOURCES
from lpu_emu.report.page import page


def json_report(program: Program, analysis: Analysis) -> dict[str, Any]:
    """Return the report as data of schema ``lpu-emu/report/1``: dictionaries, lists, numbers and strings.

    Args:
        program: any program that fits its chip.
        analysis: what ``analyse(program)`` returned.
    """
    data = asdict(measure(program, analysis))
    return {key: list(value) if isinstance(value, tuple) else value for key, value in data.items()}


def text_report(program: Program, analysis: Analysis) -> str:
    """Return the report as a page of text, 100 columns wide at most unless it quotes a longer source line."""
    return page(measure(program, analysis), program, analysis)


def csv_report(program: Program, analysis: Analysis) -> str:
    """Return one row per operator, or per queue for a program without operators, below a row of names."""
    figures = measure(program, analysis)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerows(_operator_rows(figures.ops) if figures.ops else _queue_rows(figures.queues))
    return out.getvalue()


def _operator_rows(ops: Sequence[OperatorFigures]) -> list[list[object]]:
    names = [field.name for field in fields(OperatorFigures) if field.name != "loads"]
    head: list[object] = [*names, *(f"load_{resource}" for resource in RESOURCES)]
    return [
        head,
        *(
            [*(getattr(op, name) for name in names), *(op.loads.get(resource, 0) for resource in RESOURCES)]
            for op in ops
        ),
    ]


def _queue_rows(queues: Sequence[QueueFigures]) -> list[list[object]]:
    names = [field.name for field in fields(QueueFigures)]
    return [list(names), *([getattr(queue, name) for name in names] for queue in queues)]
