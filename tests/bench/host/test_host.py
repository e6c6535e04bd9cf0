"""What is said of the host: its name and folders are not part of it."""

from __future__ import annotations

import json
import platform
from pathlib import Path

from lpu_emu.bench.host import machine
from lpu_emu.bench.host.machine import describe_machine
from lpu_emu.bench.host.memory import held_bytes, peak_bytes
from lpu_emu.bench.host.rates import host_rates


def test_description_is_complete_and_anonymous() -> None:
    found = describe_machine()
    text = json.dumps(found)
    assert found["processors"] >= 1
    assert found["numpy"][0].isdigit()
    assert platform.node() not in found.values()
    assert str(Path.home()) not in text
    assert str(Path.cwd()) not in text


def test_missing_sources_leave_a_description() -> None:
    before = machine._CPUINFO
    try:
        machine._CPUINFO = Path("/nix")
        assert machine.cpu_features() == []
        assert machine.cpu_name()
    finally:
        machine._CPUINFO = before


def test_peak_is_at_least_what_is_held() -> None:
    held, peak = held_bytes(), peak_bytes()
    assert held is None or (peak is not None and 0 < held <= peak)


def test_rates_are_positive() -> None:
    rates = host_rates(threads=2, quick=True)
    assert set(rates) == {
        "float32_flops_per_s", "float64_flops_per_s", "copy_bytes_per_s", "read_bytes_per_s", "others",
    }  # fmt: skip
    assert all(rates[name] > 0 for name in rates if name != "others")
