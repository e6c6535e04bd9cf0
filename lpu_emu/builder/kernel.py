"""The builder: what ``build(k)`` receives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lpu_emu.builder import checks, pins
from lpu_emu.builder.flow import Flow
from lpu_emu.builder.location import Place, error, here
from lpu_emu.builder.tensors import CONSTANT, INPUT, OUTPUT, SCRATCH, Tensor, new_tensor
from lpu_emu.builder.weights import Loaded, PlaneBook, Weights
from lpu_emu.compiler.geometry import Geometry
from lpu_emu.compiler.lower.expression import NUMPY_TYPES
from lpu_emu.compiler.schedule.scheduler import Scheduler
from lpu_emu.spec.machine import Machine


class Kernel:
    """One kernel for one chip: its tensors, weights and flows, in the order of the author's calls.

    Attributes that a kernel may look at: ``chip`` (numbers of the chip file), ``lanes``, ``planes`` (of both
    hemispheres together), ``lanes_per_superlane``.
    """

    def __init__(self, machine: Machine, *, name: str = "kernel", file: str = "") -> None:
        self.machine = machine
        self.name = name
        self.file = file
        self.geometry = Geometry(machine)
        self.chip = machine.chip
        self.lanes = machine.chip.lanes
        self.lanes_per_superlane = machine.chip.lanes_per_superlane
        self.planes = PlaneBook(2 * machine.chip.planes)
        self.scheduler = Scheduler(self.geometry)
        self.tensors: list[Tensor] = []
        self.weight_sets: list[Weights] = []
        self.steps: list[Flow | Loaded] = []
        self.pinned: set[str] = set()  # tensors whose author chose a place
        self._names: dict[str, Place] = {}
        self._written: set[str] = set()

    # --- tensors

    def input(
        self, name: str, dtype: str, shape: Sequence[int], *, parts: int = 1, side: str | None = None,
        at: str | Sequence[str] | None = None,
    ) -> Tensor:  # fmt: skip
        """Declare a tensor that is in memory before cycle 0.

        Args:
            name: name of the binding.
            dtype: machine type.
            shape: sizes; the last axis is the columns, which are cut into blocks of as many as the chip has lanes.
            parts: into how many pieces the rows are cut; parts lie in different slices.
            side: hemisphere ("W" or "E") that must hold it.
            at: a slice ("W3"), an address ("W3:0x10"), or a list with one of them per part, block and byte (in
                this order, bytes fastest).
        """
        return self._tensor(name, INPUT, dtype, shape, parts, side, at, None)

    def output(
        self, name: str, dtype: str, shape: Sequence[int], *, parts: int = 1, side: str | None = None,
        at: str | Sequence[str] | None = None,
    ) -> Tensor:  # fmt: skip
        """Declare a tensor that is read from memory after the run; all of it must be written."""
        return self._tensor(name, OUTPUT, dtype, shape, parts, side, at, None)

    def scratch(
        self, name: str, dtype: str, shape: Sequence[int], *, parts: int = 1, side: str | None = None,
        at: str | Sequence[str] | None = None,
    ) -> Tensor:  # fmt: skip
        """Declare a tensor that lives between flows; its memory is free again after its last use."""
        return self._tensor(name, SCRATCH, dtype, shape, parts, side, at, None)

    def constant(
        self, name: str, dtype: str, values: ArrayLike, *, parts: int = 1, side: str | None = None,
        at: str | Sequence[str] | None = None,
    ) -> Tensor:  # fmt: skip
        """Declare a tensor whose content is part of the program; a vector becomes one row."""
        array = self._content(values, dtype)
        return self._tensor(name, CONSTANT, dtype, array.shape, parts, side, at, array)

    def weights(
        self, name: str, dtype: str, shape: Sequence[int] | None = None, *, values: ArrayLike | None = None
    ) -> Weights:
        """Declare weights [K, N] for :meth:`load`: an input of that shape, or a constant with ``values``."""
        place = self.here()
        self._claim(place, name)
        checks.require_dtype(place, dtype)
        if dtype not in self.chip["mxm.dtypes"]:
            known = ", ".join(self.chip["mxm.dtypes"])
            raise error(
                place,
                f"the planes of chip {self.chip.name} do not multiply {dtype}",
                hint=f"they take {known}",
            )
        content = None if values is None else self._content(values, dtype)
        sizes = tuple(content.shape if content is not None else shape or ())
        if len(sizes) != 2 or min(sizes) < 1 or (shape is not None and tuple(shape) != sizes):
            raise error(
                place, f"weights of shape {list(sizes)}", hint="give a shape [K, N], or values of that shape"
            )
        streams = self.chip.weight_streams
        if content is None and sizes[1] % streams:
            hint = f"make N a multiple of {streams}, or give the weights as values="
            raise error(
                place, f"input weights with N = {sizes[1]}: loads bring {streams} rows at a time", hint=hint
            )
        made = Weights(
            self.geometry,
            place,
            name=name,
            dtype=dtype,
            shape=(int(sizes[0]), int(sizes[1])),
            content=content,
        )
        self.weight_sets.append(made)
        return made

    # --- work

    def load(self, weights: Weights, k: int = 0, n: int = 0, *, plane: int | None = None) -> Loaded:
        """Load tile (k, n) into the buffer of a plane, or of a plane and its neighbour for two-byte types.

        The load happens as soon as the buffer is free, usually while the plane still works on earlier weights.
        """
        place = self.here()
        if not isinstance(weights, Weights):
            raise error(place, "weights were expected here", hint="they come from k.weights(...)")
        if not (0 <= k < weights.k_blocks and 0 <= n < weights.n_blocks):
            hint = f"k is 0 to {weights.k_blocks - 1}, n is 0 to {weights.n_blocks - 1}"
            others = [("they are declared here", weights.place)]
            raise error(place, f"{weights} have no tile ({k}, {n})", hint=hint, others=others)
        step, count = weights.planes, 2 * self.chip.planes
        chosen = self.planes.choose(step) if plane is None else plane
        if not 0 <= chosen < count or chosen % step:
            why = f"a multiple of {step} below {count}" if step > 1 else f"0 to {count - 1}"
            raise error(place, f"{weights.dtype} weights on plane {chosen}", hint=f"planes are {why}")
        loaded = Loaded(weights=weights, k=k, n=n, plane=chosen, place=place)
        self.planes.load(loaded)
        self.steps.append(loaded)
        return loaded

    def flow(
        self,
        name: str,
        count: int = 1,
        *,
        interval: int = 1,
        side: str = "W",
        at: int | None = None,
        not_before: int = 0,
    ) -> Flow:
        """Begin a pipeline over ``count`` vectors, for use in a ``with`` statement.

        Args:
            name: what reports call it; flows of one name are counted together.
            count: vectors, at least 1.
            interval: cycles from one vector to the next, at least 1.
            side: the hemisphere that is preferred for its words, and whose SXM it uses.
            at: the cycle in which its first stage that is no memory access is dispatched, as ``lpu-emu verify`` counts.
            not_before: the earliest such cycle.
        """
        place = self.here()
        return Flow(
            self,
            place,
            name=name,
            count=checks.number(place, "count", count, 1),
            interval=checks.number(place, "interval", interval, 1),
            side=checks.side(place, side, "W"),
            at=at,
            not_before=checks.number(place, "not_before", not_before, 0),
        )

    # --- for flows and for the end

    def here(self) -> Place:
        """Return the author's line that is being executed."""
        return here(self.file)

    def add_flow(self, flow: Flow) -> None:
        """Take note of a complete flow."""
        if not flow.nodes:
            raise error(
                flow.place,
                f"flow {flow.name!r} has no stages",
                hint="read, compute and write in its with block",
            )
        self.steps.append(flow)

    def note_written(self, tensor: Tensor) -> None:
        """Remember that a flow writes a tensor."""
        self._written.add(tensor.name)

    def is_written(self, tensor: Tensor) -> bool:
        """Whether any flow so far writes a tensor."""
        return tensor.name in self._written

    def _content(self, values: ArrayLike, dtype: str) -> NDArray[Any]:
        place = self.here()
        checks.require_dtype(place, dtype)
        array = np.asarray(values)
        wanted = np.dtype(NUMPY_TYPES[dtype])
        if array.dtype == wanted:
            return array
        converted = array.astype(wanted)
        if array.dtype.kind in "iub" and not np.array_equal(
            converted.astype(np.float64), array.astype(np.float64)
        ):
            raise error(
                place, f"values do not fit {dtype}", hint=f"they reach from {array.min()} to {array.max()}"
            )
        if array.dtype.kind == "f" and wanted.kind in "iu":
            raise error(
                place, f"floating values for {dtype}", hint=f"round them: np.rint(values).astype({dtype!r})"
            )
        return converted

    def _tensor(
        self, name: str, kind: str, dtype: str, shape: Sequence[int], parts: int, side: str | None,
        at: str | Sequence[str] | None, content: NDArray[Any] | None,
    ) -> Tensor:  # fmt: skip
        place = self.here()
        self._claim(place, name)
        tensor = new_tensor(
            self.geometry, place, name=name, kind=kind, dtype=dtype, shape=shape, parts=parts, content=content
        )
        pins.place_tensor(self, tensor, side, at)
        self.tensors.append(tensor)
        return tensor

    def _claim(self, place: Place, name: str) -> None:
        known = self._names.setdefault(name, place)
        if known is not place:
            raise error(place, f"a second tensor named {name!r}", hint="give it a name of its own",
                        others=[("the first is declared here", known)])  # fmt: skip
