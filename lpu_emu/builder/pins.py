"""Pinned slices and addresses of tensors."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lpu_emu.builder import checks
from lpu_emu.builder.location import Place, error
from lpu_emu.builder.tensors import Tensor
from lpu_emu.compiler.memory.words import BEFORE_START, Words

if TYPE_CHECKING:
    from lpu_emu.builder.kernel import Kernel

_SPOT = re.compile(r"([WE]\d+)(?::(0x[0-9a-fA-F]+|\d+))?")


def place_tensor(kernel: Kernel, tensor: Tensor, side: str | None, at: str | Sequence[str] | None) -> None:
    """Give a tensor the place that its author asked for; without pins it stays open.

    Raises:
        KernelError: no such slice or address, the wrong number of places, or the place is taken.
    """
    if side is None and at is None:
        return
    place, words = tensor.place, tensor.all_words()
    kernel.pinned.add(tensor.name)
    if at is not None:
        spots = [at] if isinstance(at, str) else list(at)
        if len(spots) != len(words):
            sizes = f"{tensor.parts} parts x {tensor.blocks} blocks x {len(words) // tensor.parts // tensor.blocks} bytes"
            raise error(
                place, f"{len(spots)} places for {tensor}", hint=f"give {len(words)}: {sizes}, bytes fastest"
            )
        for one, spot in zip(words, spots, strict=True):
            _place(kernel, tensor, one, spot)
    else:
        _place_side(kernel, tensor, words, checks.side(place, side, "W"))


def _place(kernel: Kernel, tensor: Tensor, words: Words, spot: str) -> None:
    match = _SPOT.fullmatch(str(spot))
    name = match.group(1) if match else ""
    if match is None or name not in kernel.geometry.slices:
        last = kernel.chip.slices - 1
        raise error(
            tensor.place, f"no place {spot!r}", hint=f"slices are W0 to W{last} and E0 to E{last}; 'W3:0x10'"
        )
    memory = kernel.scheduler.board.memory
    if match.group(2) is None:
        found = memory.find(name, words.count, BEFORE_START)
        if found is None or found[1] != BEFORE_START:
            raise error(
                tensor.place, f"slice {name} has no room for {words.count} words", hint="choose another slice"
            )
        memory.take(words, name, found[0])
        return
    address = int(match.group(2), 0)
    bank = kernel.chip.words_per_bank
    if address + words.count > kernel.chip.words or address // bank != (address + words.count - 1) // bank:
        hint = f"a slice has {kernel.chip.banks} banks of {bank} words, and rows of a tensor stay in one"
        raise error(tensor.place, f"{words.count} words do not fit at {spot}", hint=hint)
    if not memory.take_at(words, name, address):
        others = [
            (
                "the place is taken by the tensor declared here",
                _owner(kernel, tensor, name, address, words.count),
            )
        ]
        raise error(
            tensor.place,
            f"{spot} is not free for {words.count} words",
            hint="choose another address",
            others=others,
        )


def _owner(kernel: Kernel, new: Tensor, name: str, address: int, count: int) -> Place:
    """Return where what lies there was declared; the new tensor may be in its own way."""
    for tensor in kernel.tensors:
        for words in tensor.all_words():
            if (
                words.slice == name
                and words.address < address + count
                and address < words.address + words.count
            ):
                return tensor.place
    return new.place


def _place_side(kernel: Kernel, tensor: Tensor, all_words: Sequence[Words], side: str) -> None:
    memory = kernel.scheduler.board.memory
    taken: set[str] = set()
    for words in all_words:
        names = sorted(memory.order(words.zone, side), key=lambda name: name in taken)
        for name in names:
            found = memory.find(name, words.count, BEFORE_START)
            if found is not None and found[1] == BEFORE_START:
                memory.take(words, name, found[0])
                taken.add(name)
                break
        else:
            raise error(
                tensor.place,
                f"hemisphere {side} has no room for {tensor}",
                hint="use the other one, or more parts",
            )
