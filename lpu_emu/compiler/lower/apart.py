"""Which words need different slices: those that one flow reads or writes together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lpu_emu.compiler.lower import expression as ex
from lpu_emu.compiler.lower.kernel import Kernel, Rows, Step
from lpu_emu.compiler.lower.session import Session
from lpu_emu.compiler.lower.tensors import Part, Tensor
from lpu_emu.compiler.memory.words import Words


def separate(session: Session, kernel: Kernel) -> None:
    """Keep what the flows of a kernel access together on different slices."""
    pairs = _Pairs()
    for name in kernel.reads:
        _separate_planes(session, session.tensors[name], pairs)
    for part in kernel.target.parts:
        for block in range(kernel.target.blocks):
            _separate(session, kernel, part, block, pairs)


def _separate_planes(session: Session, tensor: Tensor, pairs: _Pairs) -> None:
    """Keep the byte planes of a tensor apart, which need not have been written by one flow."""
    if tensor.planes > 1 and session.first_time(("planes", tensor.name)):
        for region in tensor.regions:
            for block in range(tensor.blocks):
                words = tensor.words(region.index, block)
                pairs.keep_apart(words, words)


def _separate(session: Session, kernel: Kernel, part: Part, block: int, pairs: _Pairs) -> None:
    groups = [
        _words(step.source, step.block, _reach(kernel, step, part)) for step in _last_steps(kernel, block)
    ]
    if kernel.x is not None and kernel.rows is not None:
        copies = _words(kernel.x, block, _reach_of(kernel, part))
        pairs.keep_apart(copies, copies)
        groups.append(copies)
    for source, rows in zip(kernel.sources, kernel.maps, strict=True):
        groups.append(_words(source, block, _span_of(rows, part)))
    leaves = ex.leaves(kernel.value) if kernel.value is not None else []
    for leaf in leaves:
        tensor = session.tensors[leaf.tensor]
        groups.append(_words(tensor, block, (part.first, part.first + part.rows)))
    if is_shared(kernel.target) or len(kernel.series) > 1:
        groups.append(_written(kernel.target, block, part))
    for i, first in enumerate(groups):
        for second in groups[:i]:
            pairs.keep_apart(first, second)
    if is_shared(kernel.target):
        pairs.keep_apart(groups[-1], groups[-1])


def is_shared(tensor: Tensor) -> bool:
    """Whether several flows write to the same words of a tensor."""
    return bool(tensor.regions) and bool(tensor.regions[0].side)


def _last_steps(kernel: Kernel, block: int) -> Iterator[Step]:
    """Steps whose flow also does what follows the product."""
    for phase in range(len(kernel.series)):
        yield kernel.steps_of(phase, block)[-1]


def _reach(kernel: Kernel, step: Step, part: Part) -> tuple[int, int]:
    if step.rows is None:
        return part.first, part.first + part.rows
    return _span_of(step.rows, part)


def _reach_of(kernel: Kernel, part: Part) -> tuple[int, int]:
    assert kernel.rows is not None
    return _span_of(kernel.rows, part)


def _span_of(rows: Rows, part: Part) -> tuple[int, int]:
    taken = rows[part.first : part.first + part.rows]
    return int(taken[taken >= 0].min(initial=1 << 30)), int(taken.max()) + 1


def _words(tensor: Tensor, block: int, reach: tuple[int, int]) -> list[Words]:
    """Words from which rows low to high - 1 may be taken."""
    found = [r for r in tensor.regions if r.holds(*reach)] or list(tensor.regions)
    return [words for region in found for words in tensor.words(region.index, block)]


def _written(tensor: Tensor, block: int, part: Part) -> list[Words]:
    found = [region for region in tensor.regions if region.overlaps(part)]
    return [words for region in found for words in tensor.words(region.index, block)]


class _Pairs:
    """Pairs of words that are known to need different slices."""

    def __init__(self) -> None:
        self._known: set[tuple[int, int]] = set()

    def keep_apart(self, first: Iterable[Words], second: Iterable[Words]) -> None:
        others = list(second)
        for words in first:
            for other in others:
                if words is not other and (id(words), id(other)) not in self._known:
                    self._known |= {(id(words), id(other)), (id(other), id(words))}
                    words.apart.append(other)
                    other.apart.append(words)
