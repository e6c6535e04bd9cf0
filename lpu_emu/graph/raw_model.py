"""A model as its file states it: sizes may be symbolic, types unknown, nodes in any order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from lpu_emu.graph.ir import Array, DType, Node, ValueInfo

Dimension = int | str
"""A size, or the name of one that the file leaves open (empty when it has no name)."""


@dataclass(frozen=True, kw_only=True)
class RawValue:
    """What a file or an inference says of a tensor; ``None`` where it says nothing."""

    name: str
    dtype: DType | None
    shape: tuple[Dimension, ...] | None

    def resolved(self, sizes: Mapping[str, int]) -> ValueInfo | None:
        """Return the description with named dimensions filled in, None while anything stays open."""
        if self.dtype is None or self.shape is None:
            return None
        shape = tuple(sizes.get(d, -1) if isinstance(d, str) else d for d in self.shape)
        if any(d < 0 for d in shape):
            return None
        return ValueInfo(name=self.name, dtype=self.dtype, shape=shape)

    def shape_text(self) -> str:
        """Return the shape for a message, as in ``[batch, 64]``."""
        if self.shape is None:
            return "of unknown rank"
        return "[" + ", ".join(str(d) if d != "" else "?" for d in self.shape) + "]"


@dataclass(frozen=True, kw_only=True, eq=False)
class RawModel:
    """The content of a model file; every node already has a unique name."""

    source: str
    name: str
    inputs: tuple[RawValue, ...]
    outputs: tuple[RawValue, ...]
    declared: Mapping[str, RawValue]
    constants: Mapping[str, Array]
    nodes: tuple[Node, ...]


class Inference(Protocol):
    """Shape and type inference of single nodes."""

    def knows(self, node: Node) -> bool:
        """Say whether the operator is part of a standard that can be inferred."""

    def infer(
        self, node: Node, inputs: Mapping[str, ValueInfo], known: Mapping[str, Array]
    ) -> Mapping[str, RawValue]:
        """Return what is known of the outputs. Raises ModelError when the node is invalid."""
