"""Oracles meet NaN and infinity on purpose; test_layout.py holds that the package itself stays quiet."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def _quiet_oracles() -> Iterator[None]:
    with np.errstate(all="ignore"):
        yield
