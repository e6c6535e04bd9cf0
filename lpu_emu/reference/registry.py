"""Where the meaning of each instruction is found."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from lpu_emu.errors import SpecError
from lpu_emu.reference.agenda import Steps
from lpu_emu.reference.operation import Operation

# What takes time is a generator of the moments it waits for; control of a queue happens at once.
Definition = Callable[[Operation], Steps | None]
DEFINITIONS: dict[str, Definition] = {}
_Meaning = TypeVar("_Meaning", bound=Definition)


def defines(mnemonic: str) -> Callable[[_Meaning], _Meaning]:
    """Register a function as the meaning of an instruction.

    Raises:
        SpecError: the instruction has a meaning already.
    """

    def register(definition: _Meaning) -> _Meaning:
        if mnemonic in DEFINITIONS:
            raise SpecError([f"{mnemonic}: defined twice in the reference"])
        DEFINITIONS[mnemonic] = definition
        return definition

    return register
