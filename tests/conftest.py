"""Options and fixtures of all tests: golden files."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import pytest


class Golden(Protocol):
    """Compares a text with a file; with ``--update-golden`` writes the file instead."""

    def __call__(self, path: Path, text: str) -> None: ...


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="write golden files instead of comparing with them"
    )


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Return the comparison with a golden file."""
    update = bool(request.config.getoption("--update-golden"))

    def compare(path: Path, text: str) -> None:
        if update:
            path.write_text(text, encoding="utf-8")
        assert path.is_file(), (
            f"{path} is missing; look at the text and write it with --update-golden:\n{text}"
        )
        assert text == path.read_text(encoding="utf-8"), (
            f"differs from {path}; --update-golden writes it anew"
        )

    return compare
