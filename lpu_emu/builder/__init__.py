"""Writing kernels in Python: what is left open, the scheduler fills in.

A kernel file defines ``build(k, **size)``, which receives a :class:`Kernel`, and beside it ``SIZES``, ``inputs(seed,
**size)`` and ``expected(inputs)``. ``docs/kernels.md`` is the manual.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lpu_emu.builder.assembly import finish
    from lpu_emu.builder.flow import Flow
    from lpu_emu.builder.kernel import Kernel
    from lpu_emu.builder.maps import distribution, permutation, row_addresses
    from lpu_emu.builder.tensors import Tensor
    from lpu_emu.builder.values import Latched, Value
    from lpu_emu.builder.weights import Loaded, Weights

_HOMES = {
    "Flow": "flow",
    "Kernel": "kernel",
    "Latched": "values",
    "Loaded": "weights",
    "Tensor": "tensors",
    "Value": "values",
    "Weights": "weights",
    "distribution": "maps",
    "finish": "assembly",
    "permutation": "maps",
    "row_addresses": "maps",
}

__all__ = [
    "Flow", "Kernel", "Latched", "Loaded", "Tensor", "Value", "Weights", "distribution", "finish", "permutation",
    "row_addresses",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Load a name when it is first used, so that importing this package stays cheap."""
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
