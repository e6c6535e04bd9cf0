"""The three forms of a report: JSON data, a page of text, a table in CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from lpu_emu.analysis import Analysis
from lpu_emu.program.model import Program
from lpu_emu.report.colour import painted
from lpu_emu.report.figures import OperatorFigures, QueueFigures, UnitFigures
from lpu_emu.report.measure import measure
from lpu_emu.report.operators import RESOURCES
from lpu_emu.report.page import page
from lpu_emu.report.picture.document import TABLES, picture_of

CSV_TABLES = ("ops", "queues", "units", "figures", *TABLES)


def json_report(program: Program, analysis: Analysis, *, detail: bool = False) -> dict[str, Any]:
    """Return the report as data of schema ``lpu-emu/report/1``: dictionaries, lists, numbers and strings.

    Args:
        program: any program that fits its chip.
        analysis: what ``analyse(program)`` returned.
        detail: add everything that the page for browsers draws: ``facts``, and ``tables`` by column.
    """
    data = asdict(measure(program, analysis))
    plain = {key: list(value) if isinstance(value, tuple) else value for key, value in data.items()}
    return plain | (_detail(program, analysis) if detail else {})


def _detail(program: Program, analysis: Analysis) -> dict[str, Any]:
    picture = picture_of(program, analysis)
    tables = {
        name: {column: values.tolist() for column, values in table.columns.items()}
        for name, table in picture.tables.items()
    }
    return {"facts": dict(picture.facts), "tables": tables}


def text_report(program: Program, analysis: Analysis, *, colour: bool = False) -> str:
    """Return the report as a page of text, 100 columns wide at most unless it quotes a longer source line.

    With ``colour`` it has escape sequences for terminals.
    """
    text = page(measure(program, analysis), program, analysis)
    return painted(text) if colour else text


def csv_report(program: Program, analysis: Analysis, table: str = "") -> str:
    """Return one table below a row of names.

    Args:
        program: any program that fits its chip.
        analysis: what ``analyse(program)`` returned.
        table: one of ``CSV_TABLES``; without it operators, or queues for a program without operators.
    """
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(_rows(program, analysis, table))
    return out.getvalue()


def _rows(program: Program, analysis: Analysis, table: str) -> Iterable[Sequence[object]]:
    if table in TABLES:
        found = picture_of(program, analysis).tables[table]
        return [list(found.columns), *found.rows()]
    figures = measure(program, analysis)
    wanted = table or ("ops" if figures.ops else "queues")
    if wanted in ("ops", "queues"):
        return _operator_rows(figures.ops) if wanted == "ops" else _queue_rows(figures.queues)
    if wanted == "units":
        rows = [[name, *vars(unit).values()] for name, unit in figures.units.items()]
        return [["name", *(field.name for field in fields(UnitFigures))], *rows]
    return [["key", "value"], *_flat("", asdict(figures))]


def _flat(prefix: str, data: Mapping[str, Any]) -> Iterator[list[object]]:
    """Yield the figures that stand alone, by their path: ``memory.read_bytes``."""
    for key, value in data.items():
        if isinstance(value, Mapping):
            yield from _flat(f"{prefix}{key}.", value)
        elif not isinstance(value, (list, tuple)):
            yield [f"{prefix}{key}", value]


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
