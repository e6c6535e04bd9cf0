"""The table of operator functions and what each of them is given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lpu_emu.errors import ModelError
from lpu_emu.graph.ir import Array, Node, ValueInfo


@dataclass(frozen=True, kw_only=True, eq=False)
class Call:
    """One node with the values of its inputs; ``None`` stands for an absent optional input.

    ``ordered`` asks for sums in ascending index order, whose result is the same on every machine. ``described`` are
    the shapes and types of the results, where the operator's own attributes do not say.
    """

    node: Node
    inputs: Sequence[Array | None]
    ordered: bool = True
    described: Sequence[ValueInfo] = ()

    def need(self, index: int) -> Array:
        """Return an input that must be present. Raises ModelError when it is absent."""
        value = self.optional(index)
        if value is None:
            raise self.refuse(f"needs at least {index + 1} inputs")
        return value

    def optional(self, index: int) -> Array | None:
        """Return an input, or None when it is absent."""
        return self.inputs[index] if index < len(self.inputs) else None

    def present(self) -> list[Array]:
        """Return all inputs of a variadic operator; raises ModelError when there are none."""
        return [self.need(index) for index in range(max(1, len(self.inputs)))]

    def ints(self, index: int, attribute: str) -> tuple[int, ...] | None:
        """Return a list of integers that older opsets hold in an attribute and newer ones in an input."""
        value = self.optional(index)
        if value is not None:
            return tuple(int(item) for item in value.reshape(-1))
        return self.node.ints_attribute(attribute)

    def decline(self, reason: str) -> NotEvaluatedError:
        """Return an error that names the node, for a valid variant that is not evaluated."""
        return NotEvaluatedError(f"{self.node}: {reason}")

    def refuse(self, reason: str) -> ModelError:
        """Return an error that names the node, which is invalid."""
        return ModelError(f"{self.node}: {reason}")


class NotEvaluatedError(ModelError):
    """A valid node in a variant that NumPy evaluation leaves alone; constant folding keeps it."""


Kernel = Callable[[Call], list[Array]]
KERNELS: dict[str, Kernel] = {}


def kernel(*op_types: str) -> Callable[[Kernel], Kernel]:
    """Register a function for standard operators of these types."""

    def register(function: Kernel) -> Kernel:
        for op_type in op_types:
            KERNELS[op_type] = function
        return function

    return register


def axis_of(axis: int, rank: int, call: Call) -> int:
    """Return a non-negative axis. Raises ModelError when it lies outside ``[-rank, rank)``."""
    if not -rank <= axis < rank:
        raise call.refuse(f"axis {axis} is outside the {rank} dimensions of its input")
    return axis % rank if rank else 0
