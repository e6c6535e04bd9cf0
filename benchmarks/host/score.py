"""The score of ``lpu-emu bench host``, for the benchmarks of this folder."""

from __future__ import annotations

from lpu_emu.bench.host.score import Score

__all__ = ["Score"]
