"""What is compiled depends on instructions and chips, not on what stands beside them."""

from __future__ import annotations

from lpu_emu.engine._cache import source_files


def test_only_what_decides_code_is_in_the_key() -> None:
    names = [name for name, _ in source_files()]
    assert {"mxm.toml", "chips/tsp1.toml", "_cache.py"} <= set(names)
    beside = ("gpu", "model", "rack", "scenario")
    assert [name for name in names if name.endswith(".toml") and name.startswith(beside)] == []
