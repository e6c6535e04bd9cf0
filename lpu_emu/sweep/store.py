"""Finished points by digest, kept in a database file, so that nothing is computed twice."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lpu_emu.errors import InputError

_TABLE = """
create table if not exists results (digest text primary key, row text not null, finished real not null)
"""
COMMIT_SECONDS = 1.0


class Store:
    """A file of finished points. Several sweeps may use one file at the same time.

    Raises:
        InputError: the file cannot be opened, or is no such file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._committed = time.monotonic()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(path, timeout=60)
            self._database.execute("pragma journal_mode = wal")
            self._database.execute(_TABLE)
            self._database.commit()
        except (OSError, sqlite3.Error) as error:
            raise self._failed(error) from error

    def get(self, digest: str) -> Mapping[str, Any] | None:
        """Return the row of a digest, None if it was never finished."""
        try:
            found = self._database.execute("select row from results where digest = ?", (digest,)).fetchone()
        except sqlite3.Error as error:
            raise self._failed(error) from error
        return None if found is None else json.loads(found[0])

    def put(self, digest: str, row: Mapping[str, Any]) -> None:
        """Keep a row; it is safe on disk after a second, or after :meth:`flush`.

        Raises:
            InputError: the disk is full, or the file cannot be written.
        """
        try:
            self._database.execute(
                "insert or replace into results values (?, ?, ?)", (digest, json.dumps(row), time.time())
            )
            if time.monotonic() - self._committed > COMMIT_SECONDS:
                self.flush()
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def forget(self, digests: Iterable[str]) -> None:
        """Remove rows."""
        self._database.executemany("delete from results where digest = ?", ((d,) for d in digests))
        self.flush()

    def flush(self) -> None:
        """Bring everything to disk."""
        self._database.commit()
        self._committed = time.monotonic()

    def close(self) -> None:
        """Bring everything to disk and let go of the file."""
        self.flush()
        self._database.close()

    def _failed(self, error: Exception) -> InputError:
        return InputError(
            f"{self.path}: the store of finished points cannot be used: {error}; free some space, or name "
            f"another file with --store"
        )
