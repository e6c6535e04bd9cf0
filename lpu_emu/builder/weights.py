"""Weights of matrix planes: tiles in memory, and what is loaded on which plane."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lpu_emu.builder.location import Place, error
from lpu_emu.compiler.geometry import Geometry
from lpu_emu.compiler.lower.expression import NUMPY_TYPES
from lpu_emu.compiler.memory.words import FAR, Words, as_bytes
from lpu_emu.program.layout import Piece, TensorLayout
from lpu_emu.spec.machine import DTYPE_BYTES


class Weights:
    """A matrix [K, N] cut into tiles of as many k and n as the chip has lanes, laid out for loading.

    Inputs lie in memory once; of constants each hemisphere that loads a tile gets its own copy.
    """

    def __init__(
        self,
        geometry: Geometry,
        place: Place,
        *,
        name: str,
        dtype: str,
        shape: tuple[int, int],
        content: NDArray[Any] | None,
    ) -> None:
        self.name = name
        self.dtype = dtype
        self.shape = shape
        self.place = place
        self.values = content
        self.lanes = geometry.lanes
        self._geometry = geometry
        self._words: dict[tuple[int, int, int, str], tuple[Words, ...]] = {}

    @property
    def k_blocks(self) -> int:
        """Tiles along K."""
        return -(-self.shape[0] // self._geometry.lanes)

    @property
    def n_blocks(self) -> int:
        """Tiles along N."""
        return -(-self.shape[1] // self._geometry.lanes)

    @property
    def planes(self) -> int:
        """Planes that a tile needs: one per byte."""
        return DTYPE_BYTES[self.dtype]

    def width(self, n: int) -> int:
        """Columns of a tile."""
        return min(self._geometry.lanes, self.shape[1] - n * self._geometry.lanes)

    def words(self, k: int, n: int, byte: int, side: str) -> tuple[Words, ...]:
        """Return the words of each load stream of a tile."""
        key = (k, n, byte, side if self.values is not None else "")
        if key not in self._words:
            self._words[key] = self._new(*key)
        return self._words[key]

    def _new(self, k: int, n: int, byte: int, side: str) -> tuple[Words, ...]:
        streams = self._geometry.chip.weight_streams
        groups = -(-self.width(n) // streams)
        contents = self._contents(k, n, byte, groups)
        return tuple(
            Words(
                f"{self.name}[{k}.{n}.{byte}{side}].{i}",
                groups,
                FAR,
                content=None if contents is None else contents[i],
                preloaded=True,
            )
            for i in range(streams)
        )

    def _contents(self, k: int, n: int, byte: int, groups: int) -> list[NDArray[np.uint8]] | None:
        if self.values is None:
            return None
        lanes, streams = self._geometry.lanes, self._geometry.chip.weight_streams
        tile = self.values[k * lanes : (k + 1) * lanes, n * lanes : (n + 1) * lanes].T
        rows = np.zeros((groups * streams, lanes), dtype=NUMPY_TYPES[self.dtype])
        rows[: tile.shape[0], : tile.shape[1]] = tile
        planes = as_bytes(rows)[byte].reshape(groups, streams, lanes)
        return [np.ascontiguousarray(planes[:, i]) for i in range(streams)]

    def all_words(self) -> list[Words]:
        """Return all words that were made so far; for inputs that is all of them."""
        if self.values is None:
            for key in self._keys():
                self.words(*key, "")
        return [words for group in self._words.values() for words in group]

    def _keys(self) -> list[tuple[int, int, int]]:
        return [
            (k, n, byte)
            for k in range(self.k_blocks)
            for n in range(self.n_blocks)
            for byte in range(self.planes)
        ]

    def layout(self) -> TensorLayout:
        """Return where an input [K, N] lies: row n of its transpose on load stream n modulo streams."""
        lanes, streams = self._geometry.lanes, self._geometry.chip.weight_streams
        pieces = []
        for k, n, byte in self._keys():
            words = self.words(k, n, byte, "")
            for row in range(self.width(n)):
                home = words[row % streams]
                pieces.append(
                    Piece(
                        block=k,
                        byte_plane=byte,
                        first_row=n * lanes + row,
                        rows=1,
                        slice=home.slice,
                        address=home.address + row // streams,
                    )
                )
        return TensorLayout(shape=self.shape, element_bytes=self.planes, pieces=tuple(pieces), order=(1, 0))

    def __str__(self) -> str:
        """Return name, type and shape."""
        return f"weights {self.name!r} ({self.dtype} {list(self.shape)})"


@dataclass(frozen=True, kw_only=True, eq=False)
class Loaded:
    """A tile of weights in the buffer of a plane (and of the next one for two-byte types)."""

    weights: Weights
    k: int
    n: int
    plane: int
    place: Place

    @property
    def depth(self) -> int:
        """Rows of the tile along K."""
        lanes = self.weights.lanes
        return min(lanes, self.weights.shape[0] - self.k * lanes)

    @property
    def members(self) -> range:
        """The planes that hold the tile."""
        return range(self.plane, self.plane + self.weights.planes)

    def __str__(self) -> str:
        """Return tile and plane."""
        return f"tile ({self.k}, {self.n}) of {self.weights.name!r} on plane {self.plane}"


class PlaneBook:
    """Which tile each plane's buffer and array hold, in the order of the author's calls."""

    def __init__(self, count: int) -> None:
        self._buffers: dict[int, Loaded] = {}
        self._arrays: dict[int, Loaded] = {}
        self._uses = dict.fromkeys(range(count), 0)

    def choose(self, step: int) -> int:
        """Return the plane (a multiple of ``step``) with the fewest loads so far."""
        planes = [p for p in self._uses if p % step == 0]
        return min(planes, key=lambda p: (self._uses[p], p))

    def load(self, loaded: Loaded) -> None:
        """Note a load.

        Raises:
            KernelError: the buffer still holds a tile that was never used.
        """
        for plane in loaded.members:
            waiting = self._buffers.get(plane)
            if waiting is not None:
                others = [(f"{waiting} was loaded here", waiting.place)]
                hint = "use the first tile before the next one is loaded, or load it on another plane"
                message = f"the buffer of plane {plane} still holds a tile that no matmul has used"
                raise error(loaded.place, message, hint=hint, others=others)
            self._buffers[plane] = loaded
            self._uses[plane] += 1

    def use(self, place: Place, loaded: Loaded) -> bool:
        """Note a product; return whether it has to install the tile first.

        Raises:
            KernelError: other weights have been installed since.
        """
        if all(self._arrays.get(plane) is loaded for plane in loaded.members):
            return False
        if not all(self._buffers.get(plane) is loaded for plane in loaded.members):
            present = next(self._arrays[p] for p in loaded.members if self._arrays.get(p) is not loaded)
            others = [("it was loaded here", loaded.place), (f"{present} took its place", present.place)]
            raise error(place, f"{loaded} is gone", hint="load it again before this product", others=others)
        for plane in loaded.members:
            del self._buffers[plane]
            self._arrays[plane] = loaded
        return True

    def unused(self) -> Mapping[int, Loaded]:
        """Return tiles that were loaded and never used, by plane."""
        return self._buffers
