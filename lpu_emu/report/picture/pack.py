"""Tables as few bytes: every column as the narrowest integers, byte planes apart, all deflated together.

The packed form is a header (plain data) and one text of base64. Decompressed, the text holds the columns one after
the other. A column of n values has ``bytes`` planes of n bytes, low bytes first; values are ``base`` plus the unsigned
number that its planes make, and with ``delta`` each is added to the value before.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from lpu_emu.analysis.lattice import Ints
from lpu_emu.report.picture.table import Table

_LEVEL = 6
_TRIED = 1 << 16  # bytes that decide between values and differences


def pack(tables: Mapping[str, Table]) -> tuple[dict[str, Any], str]:
    """Return the header and the text of some tables."""
    header: dict[str, Any] = {}
    parts: list[bytes] = []
    for name, table in tables.items():
        columns = {}
        for column, values in table.columns.items():
            columns[column], data = _column(values)
            parts.append(data)
        header[name] = {"rows": len(table), "columns": columns}
    return header, base64.b64encode(zlib.compress(b"".join(parts), _LEVEL)).decode("ascii")


def unpack(header: Mapping[str, Any], text: str) -> dict[str, Table]:
    """Return the tables of a packed text: the inverse of :func:`pack`."""
    data, at, tables = zlib.decompress(base64.b64decode(text)), 0, {}
    for name, entry in header.items():
        columns = {}
        for column, form in entry["columns"].items():
            size = entry["rows"] * form["bytes"]
            planes = np.frombuffer(data, np.uint8, size, at).reshape(form["bytes"], entry["rows"])
            at += size
            values = form["base"] + (planes.astype(np.int64).T << (8 * np.arange(form["bytes"]))).sum(axis=1)
            columns[column] = np.cumsum(values) if form["delta"] else values
        tables[name] = Table(columns=columns)
    return tables


def _column(values: Ints) -> tuple[dict[str, int], bytes]:
    """Return the form and the bytes of a column: as it is or as differences, whichever deflates to less."""
    forms = [_planes(values, delta=0), _planes(np.diff(values, prepend=0), delta=1)]
    return min(forms, key=lambda form: _weight(form[1]))


def _weight(data: bytes) -> float:
    """Estimate what bytes deflate to, from some of them."""
    some = data[:: max(1, len(data) // _TRIED)][:_TRIED] if len(data) > 4 * _TRIED else data
    return len(zlib.compress(some, 1)) * len(data) / max(len(some), 1)


def _planes(values: Ints, delta: int) -> tuple[dict[str, int], bytes]:
    base = int(values.min(initial=0))
    apart = values - base
    number = (int(apart.max(initial=0)).bit_length() + 7) // 8
    planes = (apart[None, :] >> (8 * np.arange(number))[:, None]) & 0xFF
    return {"bytes": number, "base": base, "delta": delta}, planes.astype(np.uint8).tobytes()
