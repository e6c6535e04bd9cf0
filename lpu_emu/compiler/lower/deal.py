"""Dealing out a matrix product: which plane does which rows of which column block, round by round."""

from __future__ import annotations

from dataclasses import dataclass

from lpu_emu.compiler.lower.kernel import Kernel, Step
from lpu_emu.compiler.lower.session import Session
from lpu_emu.compiler.lower.tensors import Part
from lpu_emu.errors import CompileError
from lpu_emu.spec.machine import DTYPE_BYTES


@dataclass(frozen=True, kw_only=True)
class Slab:
    """``count`` rows of a part of the result: ``first``, ``first + step``, ..."""

    part: Part
    first: int
    count: int
    step: int


@dataclass(frozen=True, kw_only=True)
class Share:
    """Work of one plane: some rows of one column block, with the steps that make them."""

    block: int
    slabs: tuple[Slab, ...]
    steps: tuple[Step, ...]
    plane: int


def rounds_of(session: Session, kernel: Kernel, phase: int) -> list[list[Share]]:
    """Deal a series of steps out; the shares of a round are on different planes.

    Raises:
        CompileError: the planes of the chip do not multiply the type.
    """
    planes = _free_planes(session, kernel)
    several = any(len(kernel.steps_of(phase, block)) > 1 for block in range(kernel.target.blocks))
    slabs = [s for part in kernel.target.parts if (s := _slab(part, phase, len(kernel.series))).count]
    groups = _groups(session, slabs, len(planes), several)
    if len(groups) % len(planes) == 0:
        planes = sorted(planes)
    pieces = [
        (block, group) for block in range(kernel.target.blocks) for group in _dealt(groups, len(planes))
    ]
    rounds = []
    for first in range(0, len(pieces), len(planes)):
        turns: dict[tuple[Slab, ...], int] = {}
        round_ = []
        for plane, (block, slabs_) in zip(planes, pieces[first:], strict=False):
            turns[slabs_] = turns.get(slabs_, -1) + 1
            steps = tuple(kernel.steps_of(phase, block))
            rotated = _rotated(slabs_, turns[slabs_])
            round_.append(Share(block=block, slabs=rotated, steps=steps, plane=plane))
        rounds.append(round_)
    return rounds


def _slab(part: Part, phase: int, phases: int) -> Slab:
    first = part.first + (phase - part.first) % phases
    return Slab(
        part=part, first=first, count=max(0, -(-(part.first + part.rows - first) // phases)), step=phases
    )


def _free_planes(session: Session, kernel: Kernel) -> list[int]:
    """Planes that take ``abc`` for a type, the least busy first."""
    assert kernel.weights is not None
    chip, dtype = session.geometry.chip, kernel.weights.activation
    if dtype not in chip["mxm.dtypes"]:
        known = ", ".join(chip["mxm.dtypes"])
        raise CompileError(
            f"{kernel.weights.name}: the planes of chip {chip.name} multiply {known}, not {dtype}"
        )
    step = DTYPE_BYTES[dtype]
    each = [range(side * chip.planes, (side + 1) * chip.planes + 1 - step, step) for side in (0, 1)]
    state = session.scheduler.board.planes
    return sorted((p for planes in each for p in planes), key=lambda p: (state.busy_until(p), p))


def _groups(session: Session, slabs: list[Slab], planes: int, several: bool) -> list[tuple[Slab, ...]]:
    """Cut the rows into a group for each plane or more, so that each fits the accumulators if it has to.

    Planes with different rows read different words, so they do not wait for each other.
    """
    count = min(planes, len(slabs))
    limit = session.geometry.chip.accumulator_rows if several else 1 << 30
    groups: list[tuple[Slab, ...]] = []
    for i in range(count):
        group: list[Slab] = []
        for slab in slabs[len(slabs) * i // count : len(slabs) * (i + 1) // count]:
            if sum(s.count for s in group) + slab.count > limit:
                groups.append(tuple(group))
                group = []
            group.append(slab)
        groups.append(tuple(group))
    return groups


def _dealt(groups: list[tuple[Slab, ...]], planes: int) -> list[tuple[Slab, ...]]:
    """Order groups so that those of one round are far from each other and their rows lie in different regions."""
    if len(groups) % planes:
        return groups
    each = len(groups) // planes
    return [groups[plane * each + i] for i in range(each) for plane in range(planes)]


def _rotated(slabs: tuple[Slab, ...], turn: int) -> tuple[Slab, ...]:
    """Let planes begin with different parts, so that they do not want the same words at the same time."""
    turn %= len(slabs)
    return slabs[turn:] + slabs[:turn]
