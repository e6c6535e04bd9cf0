"""The suite without its processes."""

from __future__ import annotations

from typing import Any

import pytest

from lpu_emu.bench.host import machine, processes

from .results import MACHINE, task_result


@pytest.fixture
def canned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all processes say what ``results.py`` has."""

    def started(**_: Any) -> dict[str, float]:
        return {"begun": 0.01, "assembled": 0.2, "loaded": 0.8, "run": 0.9, "others": 0.0}

    monkeypatch.setattr(processes, "run_task", task_result)
    monkeypatch.setattr(processes, "start_times", started)
    monkeypatch.setattr(processes, "cold_start_times", lambda **_: {**started(), "run": 50.0})
    monkeypatch.setattr(processes, "command_seconds", lambda **_: 0.95)
    monkeypatch.setattr(machine, "describe_machine", lambda: MACHINE)
