"""Refusing weights that are not numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from lpu_emu.errors import ModelError
from lpu_emu.graph.element_types import is_float
from lpu_emu.graph.ir import Array, Node

# Where an infinite tensor has a meaning: limits, fills, and masks that are added before a softmax.
_INFINITY_READERS = frozenset({
    "Cast", "Clip", "Concat", "Equal", "Expand", "Greater", "Less", "Max", "Min", "Pad", "Reshape",
    "ScatterND", "Slice", "Tile", "Trilu", "Unsqueeze", "Where",
})  # fmt: skip
_NEGATIVE_INFINITY_READERS = _INFINITY_READERS | {"Add", "Sum", "Attention"}


def check_finite(source: str, constants: Mapping[str, Array], nodes: Sequence[Node]) -> None:
    """Check every constant that a node reads.

    Infinity passes as a single value, and where it is a limit, a fill or a mask; everywhere else it is a
    damaged weight.

    Raises:
        ModelError: naming every tensor that holds NaN or a stray infinity, and who reads it.
    """
    readers: dict[str, list[Node]] = {}
    for node in nodes:
        for name in dict.fromkeys(node.inputs):
            readers.setdefault(name, []).append(node)
    findings = [
        finding
        for name, array in constants.items()
        if name in readers and is_float(array.dtype)
        for finding in _findings(name, array, readers[name])
    ]
    if findings:
        raise ModelError("\n".join(f"{source}: {finding}" for finding in findings))


def _findings(name: str, array: Array, readers: Sequence[Node]) -> Iterator[str]:
    if bool(np.isfinite(array).all()):
        return
    nan_count = int(np.isnan(array).sum())
    if nan_count:
        yield f"constant {name!r} holds NaN in {nan_count} of {array.size} elements; repair the weights"
        return
    if array.size == 1:
        return
    wide = array.astype(np.float32) if array.dtype != np.float64 else array
    allowed = _INFINITY_READERS if bool((wide == np.inf).any()) else _NEGATIVE_INFINITY_READERS
    for node in readers:
        if node.op_type not in allowed:
            count = int(np.isinf(wide).sum())
            yield (
                f"constant {name!r}, read by {node}, holds infinity in {count} of {array.size} elements; "
                f"repair the weights"
            )
            return
