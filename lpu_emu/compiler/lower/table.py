"""The tensors of a compilation: what type and shape they have in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lpu_emu.compiler.geometry import Geometry
from lpu_emu.compiler.lower import expression as ex
from lpu_emu.compiler.lower.expression import Leaf
from lpu_emu.compiler.lower.tensors import Tensor, parts_of
from lpu_emu.compiler.lower.views import Views
from lpu_emu.compiler.passes.support import MACHINE_TYPES
from lpu_emu.graph.ir import Graph


@dataclass(frozen=True, kw_only=True, eq=False)
class TensorTable:
    """Makes tensors and knows them by name.

    ``leaving`` are those that leave the chip, by root, each with a name of the model; ``repeats`` says which are stored
    several times in each word.
    """

    graph: Graph
    geometry: Geometry
    precision: str
    views: Views
    leaving: Mapping[str, str]
    repeats: Mapping[str, int]
    tensors: dict[str, Tensor] = field(default_factory=dict)

    def leaf(self, tensor: Tensor) -> Leaf:
        """Return a tensor as an operand."""
        return Leaf(tensor=tensor.name, dtype=tensor.dtype, pad=tensor.pad)

    def root(self, name: str) -> str:
        """Return the name of the tensor whose memory a name of the graph stands for."""
        return self.views.root[name]

    def storage_type(self, root: str) -> str:
        """The type a tensor has in memory: the model's own where it leaves the chip, else that of the precision."""
        leaving = self.leaving.get(root)
        own = MACHINE_TYPES[self.graph.values[leaving or root].dtype.name]
        if leaving is not None or own not in ("fp32", "fp16"):
            return own
        return "fp16" if self.precision == "fp16" else "fp32"

    def add(self, name: str, dtype: str, pad: float, *, preloaded: bool = False) -> Tensor:
        """Add the tensor of a name of the graph."""
        value = self.graph.values[name]
        columns = self.views.columns[name]
        return self.new(self.root(name), dtype, value.size // columns, columns, pad, preloaded=preloaded)

    def new(
        self,
        name: str,
        dtype: str,
        rows: int,
        columns: int,
        pad: float,
        *,
        preloaded: bool = False,
        content: NDArray[Any] | None = None,
        repeats: int = 0,
    ) -> Tensor:
        """Add a tensor of any name."""
        tensor = Tensor(
            name=name,
            dtype=dtype,
            rows=rows,
            columns=columns,
            parts=parts_of(self.geometry, rows, tandem=self.precision != "int8"),
            lanes=self.geometry.lanes,
            pad=pad,
            preloaded=preloaded,
            content=content,
            repeats=repeats or self.repeats.get(name, 1),
        )
        self.tensors[name] = tensor
        return tensor

    def matrix(self, name: str, values: NDArray[Any], dtype: str) -> Leaf:
        """Return a constant matrix [rows, columns] as a tensor in memory."""
        if name not in self.tensors:
            array = np.ascontiguousarray(values.astype(ex.NUMPY_TYPES[dtype]))
            rows, columns = array.shape
            self.new(name, dtype, rows, columns, 0.0, content=array)
        return self.leaf(self.tensors[name])

    def constant(self, name: str) -> None:
        """Add the tensor of a constant that leaves the model."""
        values = self.graph.constants[name]
        columns = self.views.columns[name]
        dtype = MACHINE_TYPES[values.dtype.name]
        rows = values.size // columns
        self.new(name, dtype, rows, columns, 0.0, content=values.reshape(rows, columns))
