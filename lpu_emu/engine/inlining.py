"""A hint to the optimiser: large functions are compiled once and called, not copied into their callers."""

from __future__ import annotations

from typing import Any

from numba import types

from lpu_emu.engine._jit import with_twin


@with_twin(lambda: None)
def out_of_line(context: Any) -> Any:
    """Keep the calling function out of line."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.function.attributes.add("noinline")
        return context.get_dummy_value()

    return types.void(), generate
