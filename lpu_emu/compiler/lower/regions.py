"""Where the rows of tensors lie: in which regions, with which margins, in how many copies.

A gather takes its rows from one run of words, and a slice serves one access in a cycle. So a tensor whose rows are
gathered is cut into regions, one for each plane that works at a time, and each has margins with the rows of its neighbours
that are needed too. A tensor of few rows that all planes read at a time is stored once for each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from lpu_emu.compiler.geometry import Geometry
from lpu_emu.compiler.lower.kernel import CONSTANT_FILL, CONSTANT_ROW, FILL_ROW, Kernel, Rows
from lpu_emu.compiler.lower.tensors import BytePlane, Part, Region, Tensor
from lpu_emu.errors import CompileError
from lpu_emu.spec.machine import HEMISPHERES

# Tensors of at most this many rows are stored as a whole for each plane.
FEW_ROWS = 256
# Chips with fewer slices than that get no copies that only make them quicker.
ROOMY_SLICES = 24
# A region of a tensor that takes more than this share of the memory takes at most that share of a bank, if possible.
MEMORY_SHARE, BANK_SHARE = 1 / 16, 0.5
LOWEST = {"int8": -128.0, "uint8": 0.0, "int16": -32768.0, "int32": -2147483648.0}


@dataclass(frozen=True, kw_only=True)
class Need:
    """What a kernel reads of a tensor: per part of its result the rows low to high - 1.

    ``copies`` are wanted in different slices; ``spread`` when planes read the same rows at the same time.
    """

    ranges: tuple[tuple[int, int], ...]
    fills: tuple[float, ...] = ()
    copies: int = 1
    spread: bool = False
    gathers: bool = True


def arrange_tensors(geometry: Geometry, kernels: Iterable[Kernel]) -> None:
    """Choose the regions of all tensors that are gathered from or read by several planes at a time.

    Raises:
        CompileError: some part of a result needs more rows than fit into a bank.
    """
    needs: dict[str, list[Need]] = {}
    tensors: dict[str, Tensor] = {}
    made = list(kernels)
    for kernel in made:
        for tensor, need in _needs(geometry, kernel):
            tensors[tensor.name] = tensor
            needs.setdefault(tensor.name, []).append(need)
    for name, tensor in tensors.items():
        wanted = needs[name]
        if any(need.gathers or need.spread for need in wanted) and not is_fixed(tensor):
            tensor.arrange(_regions(geometry, tensor, wanted))
    for target in dict.fromkeys(k.target.whole for k in made if isinstance(k.target, BytePlane)):
        if not is_fixed(target):
            _keep_on_one_side(target)


def _keep_on_one_side(tensor: Tensor) -> None:
    """Let all byte planes of a region lie in one hemisphere, though several flows write them.

    A reader takes them in one group of streams, which have one direction.
    """
    tensor.arrange([r if r.side else replace(r, side=HEMISPHERES[r.index % 2]) for r in tensor.regions])


def is_fixed(tensor: Tensor) -> bool:
    """Whether a tensor lies where the host or the image of the program puts it."""
    return tensor.preloaded or tensor.content is not None


def _needs(geometry: Geometry, kernel: Kernel) -> Iterator[tuple[Tensor, Need]]:
    parts = kernel.target.parts
    spread = len(parts) < 2 * geometry.chip.planes and 2 * geometry.chip.slices >= ROOMY_SLICES
    if kernel.kind == "window_max" and kernel.x is not None and kernel.rows is not None:
        lowest = LOWEST.get(kernel.x.dtype, -np.inf)
        yield kernel.x, _need_of(parts, [kernel.rows], lowest, copies=kernel.rows.shape[1])
    for source, rows in zip(kernel.sources, kernel.maps, strict=True):
        yield source, _need_of(parts, [rows], kernel.fill)
    sources = {step.source.name: step.source for steps in kernel.series for step in steps}
    for name, source in sources.items():
        steps = [s for steps in kernel.series for s in steps if s.source.name == name]
        maps = [s.rows for s in steps if s.rows is not None]
        if maps:
            yield source, _need_of(parts, maps, 0.0, spread=spread)
        if len(maps) < len(steps):
            ranges = tuple((p.first, p.first + p.rows) for p in parts)
            yield source, Need(ranges=ranges, spread=spread, gathers=False)


def _need_of(
    parts: tuple[Part, ...], maps: list[Rows], fill: float, *, copies: int = 1, spread: bool = False
) -> Need:
    ranges = []
    fills: set[float] = set()
    for part in parts:
        taken = np.concatenate([rows[part.first : part.first + part.rows].reshape(-1) for rows in maps])
        real = taken[taken >= 0]
        fills |= {fill} if (taken == FILL_ROW).any() else set()
        fills |= {CONSTANT_FILL} if (taken == CONSTANT_ROW).any() else set()
        ranges.append((int(real.min()), int(real.max()) + 1) if len(real) else (0, 1))
    return Need(ranges=tuple(ranges), fills=tuple(sorted(fills)), copies=copies, spread=spread)


def _regions(geometry: Geometry, tensor: Tensor, needs: list[Need]) -> list[Region]:
    chip = geometry.chip
    planes = 2 * chip.planes
    roomy = 2 * chip.slices >= ROOMY_SLICES
    fills = tuple(sorted({fill for need in needs for fill in need.fills}))
    copies = max(need.copies for need in needs)
    few = roomy and tensor.rows <= FEW_ROWS and tensor.rows + len(fills) <= chip.words_per_bank
    if few:
        return _shared(tensor, [(0, tensor.rows)], max(copies, planes), fills)
    gathering = [need for need in needs if need.gathers] or needs
    most = max(len(need.ranges) for need in gathering)
    best: list[tuple[int, int]] = []
    for shares in range(min(planes if roomy else 2, most), max(most, len(tensor.parts)) + planes, planes):
        ranges = [_range(tensor, needs, share, shares) for share in range(shares)]
        longest = max(high - low for low, high in ranges) + len(fills)
        if longest <= chip.words_per_bank and not best:
            best = ranges
        # Many runs that nearly fill a bank find no place beside others; shorter ones are worth some more margins.
        crowded = tensor.rows * copies * tensor.planes > MEMORY_SHARE * 2 * chip.slices * chip.words
        if longest <= chip.words_per_bank * (BANK_SHARE if crowded else 1):
            best = ranges
            break
    if not best:
        raise CompileError(
            f"tensor {tensor.name!r}: some rows of a result need more than {chip.words_per_bank:,} of its "
            f"{tensor.rows:,} rows, which do not fit into a bank of chip {chip.name}; use smaller images or "
            f"a smaller batch"
        )
    return _shared(tensor, best, copies, fills)


def _range(tensor: Tensor, needs: list[Need], share: int, shares: int) -> tuple[int, int]:
    own = [(p.first, p.first + p.rows) for p in tensor.parts]
    found = [
        r for ranges in (own, *(need.ranges for need in needs)) for r in _of_share(ranges, share, shares)
    ]
    if not found:
        return 0, 0
    return min(low for low, _ in found), max(high for _, high in found)


def _of_share(ranges: Iterable[tuple[int, int]], share: int, shares: int) -> list[tuple[int, int]]:
    """Return the ranges that readers at this place in the order will look for here."""
    known = list(ranges)
    return [r for i, r in enumerate(known) if share_of(i, len(known), shares) == share]


def share_of(index: int, count: int, shares: int) -> int:
    """Return the share in which part ``index`` of ``count`` finds its rows."""
    return (2 * index + 1) * shares // (2 * count)


def _shared(
    tensor: Tensor, ranges: list[tuple[int, int]], copies: int, fills: tuple[float, ...]
) -> list[Region]:
    shares = len(ranges)
    found: list[Region] = []
    for share, (low, high) in enumerate(ranges):
        for copy in range(copies):
            side = HEMISPHERES[2 * share // shares if shares > 1 else 2 * copy // copies]
            if high > low:
                found.append(
                    Region(
                        index=len(found),
                        low=low,
                        high=high,
                        share=share,
                        shares=shares,
                        copy=copy,
                        copies=copies,
                        side=side,
                        fills=fills,
                    )
                )
    return found
