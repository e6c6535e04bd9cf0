"""Grids of tiles: waves over the SMs, each as long as the slowest of what it needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil

from lpu_emu.gpu.spec import DTYPE_BYTES, Gpu, Tile

RESULT_BYTES = 2.0  # products are written as 16-bit numbers
PARTIAL_BYTES = 4.0  # parts of a sum over K are kept in fp32
MOST_SPLITS = 32


@dataclass(frozen=True, kw_only=True)
class Duration:
    """How long an operator takes, in seconds, and why.

    ``parts`` are what its waves would take if only one thing limited them: ``tensor``, ``vector``, ``hbm``,
    ``l2``, ``link``; ``fixed_s`` is launch and ramp. ``bound_by`` is the largest part, or ``launch``.
    """

    seconds: float
    parts: Mapping[str, float] = field(default_factory=dict)
    fixed_s: float = 0.0
    flops: float = 0.0
    bytes: float = 0.0
    tile: Tile | None = None
    waves: int = 0

    @property
    def bound_by(self) -> str:
        """What the operator waits for most."""
        largest = max(self.parts, key=lambda part: self.parts[part], default="launch")
        return largest if self.parts and self.parts[largest] >= self.fixed_s else "launch"

    def __add__(self, other: Duration) -> Duration:
        """Return both, one behind the other."""
        names = dict.fromkeys((*self.parts, *other.parts))
        return Duration(
            seconds=self.seconds + other.seconds,
            parts={name: self.parts.get(name, 0.0) + other.parts.get(name, 0.0) for name in names},
            fixed_s=self.fixed_s + other.fixed_s,
            flops=self.flops + other.flops,
            bytes=self.bytes + other.bytes,
            waves=self.waves + other.waves,
        )


NOTHING = Duration(seconds=0.0)


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Equal tiles of one kernel: what each needs, and what all share.

    ``tensor_s`` and ``vector_s`` are seconds of one SM for one tile; ``l2_bytes`` come to one tile from L2;
    ``hbm_bytes`` are read and written by all tiles together, ``result_bytes`` of them when the products are done.
    """

    tiles: int
    tensor_s: float = 0.0
    vector_s: float = 0.0
    l2_bytes: float = 0.0
    hbm_bytes: float = 0.0
    result_bytes: float = 0.0
    flops: float = 0.0
    tile: Tile | None = None


def run(gpu: Gpu, grid: Grid) -> Duration:
    """Return how long a kernel takes.

    A wave is as many tiles as there are SMs; the last wave is as long as a full one for what an SM does. What
    memory gives is shared by all waves. Of the results, a share is written while nothing is multiplied.
    """
    waves = ceil(grid.tiles / gpu.sms)
    memory = _memory_rate(gpu, grid.tiles)
    written = (1 - gpu["epilogue.overlap"]) * grid.result_bytes / memory
    parts = {
        "tensor": waves * grid.tensor_s,
        "vector": waves * grid.vector_s,
        "l2": grid.tiles * grid.l2_bytes / gpu["l2.rate"],
        "hbm": grid.hbm_bytes / memory,
    }
    fixed = gpu["launch.seconds"] + gpu["launch.ramp_seconds"]
    busy = max(parts["hbm"], written + max(parts["tensor"], parts["vector"], parts["l2"]))
    return Duration(
        seconds=fixed + busy,
        parts={name: value for name, value in parts.items() if value},
        fixed_s=fixed,
        flops=grid.flops,
        bytes=grid.hbm_bytes,
        tile=grid.tile,
        waves=waves,
    )


def _memory_rate(gpu: Gpu, tiles: int) -> float:
    """A kernel of few tiles does not fill the memory's pipes: an SM can ask for twice its share only."""
    return gpu.memory_rate * min(1.0, 2 * tiles / gpu.sms)


@dataclass(frozen=True, kw_only=True)
class Product:
    """Products [rows, k] x [k, n], one per entry of ``rows``, each with a matrix of its own.

    ``dtype`` is what is multiplied; ``stored`` what the matrices are stored as, if narrower.
    """

    rows: Sequence[int]
    n: int
    k: int
    dtype: str
    stored: str = ""

    @property
    def width(self) -> float:
        """Bytes of an element of the first operand."""
        return DTYPE_BYTES[self.dtype]

    @property
    def stored_width(self) -> float:
        """Bytes of an element of the matrices as they are stored."""
        return DTYPE_BYTES[self.stored or self.dtype]

    def tiles(self, tile: Tile) -> int:
        """Tiles of all results."""
        return sum(ceil(r / tile.m) for r in self.rows) * ceil(self.n / tile.n)


def product(gpu: Gpu, work: Product) -> Duration:
    """Return the time of all products in one kernel, by the quickest tile shape and split of K."""
    if not work.rows:
        return NOTHING
    found = [
        run(gpu, _grid(gpu, work, tile, split)) for tile in gpu.tiles for split in _splits(gpu, work, tile)
    ]
    return min(found, key=lambda duration: duration.seconds)


def gemm(gpu: Gpu, m: int, n: int, k: int, dtype: str, *, batch: int = 1, stored: str = "") -> Duration:
    """Return the time of ``batch`` products [m, k] x [k, n]."""
    return product(gpu, Product(rows=(m,) * batch, n=n, k=k, dtype=dtype, stored=stored))


def grouped_gemm(gpu: Gpu, rows: Sequence[int], n: int, k: int, dtype: str, *, stored: str = "") -> Duration:
    """Return the time of products with a matrix each, all in one kernel: the experts of a mixture.

    ``rows`` per group; groups without rows load nothing.
    """
    return product(gpu, Product(rows=tuple(r for r in rows if r), n=n, k=k, dtype=dtype, stored=stored))


def _splits(gpu: Gpu, work: Product, tile: Tile) -> list[int]:
    """Parts into which K may be cut, so that a small grid fills the SMs."""
    most = max(1, min(gpu.sms // work.tiles(tile), int(work.k // (4 * gpu["tensor.tile_k"])), MOST_SPLITS))
    return sorted({1, most, *(2**i for i in range(most.bit_length()) if 2**i <= most)})


def _grid(gpu: Gpu, work: Product, tile: Tile, split: int) -> Grid:
    rows = sum(work.rows)
    depth = ceil(work.k / split)
    partial = 2 * PARTIAL_BYTES * rows * work.n * split if split > 1 else 0.0
    result = RESULT_BYTES * rows * work.n
    return Grid(
        tiles=work.tiles(tile) * split,
        tensor_s=2.0 * tile.m * tile.n * depth * gpu.sms / (gpu.flops(work.dtype) * _fill(gpu, tile)),
        l2_bytes=_operand_bytes(gpu, work, tile) * depth,
        hbm_bytes=rows * work.k * work.width
        + len(work.rows) * work.k * work.n * work.stored_width
        + result
        + partial,
        result_bytes=result,
        flops=2.0 * rows * work.n * work.k,
        tile=tile,
    )


def _operand_bytes(gpu: Gpu, work: Product, tile: Tile) -> float:
    """Bytes from L2 per step of K: the wider side of the operands is loaded once for a cluster of tiles."""
    sides = sorted((tile.m * work.width, tile.n * work.stored_width))
    return sides[0] + sides[1] / float(gpu["l2.share"])


def _fill(gpu: Gpu, tile: Tile) -> float:
    """Share of the rate that a tile of a shape reaches: small ones load more than they multiply."""
    here, best = _intensity(tile), max(_intensity(t) for t in gpu.tiles)
    return float(min(1.0, (here / best) ** 0.5))


def _intensity(tile: Tile) -> float:
    return tile.m * tile.n / (tile.m + tile.n)
