"""The tensors a run gets: from files, from the kernel's companion, or random ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lpu_emu.errors import InputError, UsageError, did_you_mean
from lpu_emu.library import kernels, tensors
from lpu_emu.library.tensors import Array

Signature = Mapping[str, tuple[np.dtype[Any], tuple[int, ...]]]


@dataclass(frozen=True, kw_only=True)
class Given:
    """Tensors that the user gave: ``named`` by NAME=F.npy, ``archived`` from archives that may hold more."""

    named: Mapping[str, Array] = field(default_factory=dict)
    archived: Mapping[str, Array] = field(default_factory=dict)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of all tensors that could be a shape of an input."""
        arrays = {**self.archived, **self.named}
        return {name: array.shape for name, array in arrays.items() if array.size}


@dataclass(frozen=True, kw_only=True)
class Filled:
    """All inputs of a run, and what to tell the user about where they came from."""

    arrays: Mapping[str, Array]
    notes: tuple[str, ...] = ()


def read_inputs(arguments: Sequence[str]) -> Given:
    """Read the files of ``--input`` options.

    Raises:
        UsageError: an argument of neither form, or one name given twice.
        InputError: a file cannot be read.
    """
    named: dict[str, Array] = {}
    archived: dict[str, Array] = {}
    for argument in arguments:
        if "=" in argument and not Path(argument).exists():
            name, _, file = argument.partition("=")
            _add(named, {name: tensors.read_npy(Path(file))}, archived)
        else:
            _add(archived, tensors.read_npz(Path(argument)), named)
    return Given(named=named, archived=archived)


def _add(place: dict[str, Array], new: Mapping[str, Array], other: Mapping[str, Array]) -> None:
    for name, array in new.items():
        if name in place or name in other:
            raise UsageError(f"--input gives {name!r} twice")
        place[name] = array


def fill(wanted: Signature, given: Given, seed: int, beside: kernels.Companion | None) -> Filled:
    """Return every input: the given ones, the companion's, and random ones for the rest.

    Raises:
        InputError: a given tensor is none of the inputs; the companion fails.
    """
    _require_known(given, wanted)
    notes: list[str] = []
    found = {
        n: tensors.named(a, wanted[n][0]) for n, a in {**given.archived, **given.named}.items() if n in wanted
    }
    unused = [name for name in given.archived if name not in wanted]
    if unused:
        notes.append(f"note: not used from the archive: {', '.join(unused)}")
    missing = [name for name in wanted if name not in found]
    if missing and beside is not None and beside.inputs is not None:
        made = kernels.companion_inputs(beside, seed)
        found |= {name: made[name] for name in missing if name in made}
        notes.append(
            f"note: {_listed([n for n in missing if n in made])} from {beside.path.name} with seed {seed}"
        )
        missing = [name for name in missing if name not in made]
    if missing:
        generator = np.random.default_rng(seed)
        found |= {name: tensors.random_tensor(generator, *wanted[name]) for name in missing}
        notes.append(f"note: random values (seed {seed}) for {_listed(missing)}; give tensors with --input")
    return Filled(arrays={name: found[name] for name in wanted}, notes=tuple(notes))


def _require_known(given: Given, wanted: Mapping[str, object]) -> None:
    """Refuse a tensor that no input takes; archives may hold more than needed, but not less."""
    known = ", ".join(wanted) or "none"
    for name in given.named:
        if name not in wanted:
            raise InputError(f"no input {name!r}; the inputs are: {known}{did_you_mean(name, wanted)}")
    missing = [name for name in wanted if name not in given.named and name not in given.archived]
    unknown = [name for name in given.archived if name not in wanted]
    if missing and unknown:
        hint = did_you_mean(unknown[0], missing)
        raise InputError(
            f"the archive has no {_listed(missing)}; it has {_listed(list(given.archived))}{hint}"
        )


def _listed(names: Sequence[str]) -> str:
    return ("input " if len(names) == 1 else "inputs ") + ", ".join(repr(name) for name in names)
