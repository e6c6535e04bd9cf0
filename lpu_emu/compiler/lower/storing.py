"""Writing results: to every region that holds the rows, on either side of the chip, and fill words where they are needed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lpu_emu.compiler.flow.builder import FlowBuilder, Reading
from lpu_emu.compiler.flow.model import Edge
from lpu_emu.compiler.lower import expression as ex
from lpu_emu.compiler.lower.bias import constant_word
from lpu_emu.compiler.lower.kernel import CONSTANT_FILL
from lpu_emu.compiler.lower.session import Session
from lpu_emu.compiler.lower.tensors import Region, Tensor
from lpu_emu.spec.machine import HEMISPHERES


@dataclass(frozen=True, kw_only=True)
class Target:
    """Vectors ``skip`` to ``skip + count - 1`` of a flow go to a region, from word ``first`` on with a step."""

    region: Region
    first: int
    skip: int
    count: int


def targets_of(tensor: Tensor, first: int, count: int, step: int = 1) -> list[Target]:
    """Return where rows ``first + k * step`` of a tensor are kept, for ``count`` vectors k."""
    found = []
    for region in tensor.regions:
        skip = max(0, -(-(region.low - first) // step))
        end = min(count, -(-(region.high - first) // step))
        if end > skip:
            word = region.word_of(first + skip * step)
            found.append(Target(region=region, first=word, skip=skip, count=end - skip))
    return found


def write_rows(
    builder: FlowBuilder,
    value: Edge,
    dtype: str,
    tensor: Tensor,
    block: int,
    *,
    first: int,
    count: int,
    step: int = 1,
) -> None:
    """Write vector k of an edge to all words that hold row ``first + k * step``."""
    targets = targets_of(tensor, first, count, step)
    sides = [side for side in HEMISPHERES if any(t.region.side == side for t in targets)]
    edges = {"": value, **dict.fromkeys(sides[:1], value)}
    if len(sides) > 1:
        if not builder.can_fork(value):
            value = builder.alu("copy", dtype, {"x": value})
            edges = {"": value, sides[0]: value}
        edges[sides[1]] = builder.fork(value)
    for target in targets:
        builder.write_some(
            edges[target.region.side],
            tensor.words(target.region.index, block),
            first=target.first,
            skip=target.skip,
            count=target.count,
            step=step,
        )


def write_fills(
    session: Session, tensor: Tensor, block: int, origin: int, *, first: int, count: int, step: int = 1
) -> None:
    """Write the fill words of the regions that some rows have just been written to, if that has not been done yet."""
    tensor = tensor.whole
    for target in targets_of(tensor, first, count, step):
        region = target.region
        for word, fill in enumerate(region.fills):
            if session.first_time((tensor.name, region.index, block, word)):
                _write_fill(session, tensor, region, block, origin, word, fill)


def _write_fill(
    session: Session, tensor: Tensor, region: Region, block: int, origin: int, word: int, fill: float
) -> None:
    away = HEMISPHERES[1 - HEMISPHERES.index(region.side)] if region.side else ""
    if fill == CONSTANT_FILL:
        values = constant_word(session.geometry.chip.lanes_per_superlane, tensor.lanes)
    else:
        values = np.array([fill], dtype=ex.NUMPY_TYPES[tensor.dtype])

    def build(again: bool) -> FlowBuilder:
        builder = FlowBuilder(
            session.geometry,
            f"{tensor.name} fill",
            count=1,
            origin=origin,
            side=region.side or HEMISPHERES[0],
        )
        for plane, words in enumerate(tensor.words(region.index, block)):
            constant = session.constants.filling(values, plane, away, again=again)
            builder.write(builder.read(Reading(words=(constant,), step=0)), [words], first=word)
        return builder

    session.place(build)
