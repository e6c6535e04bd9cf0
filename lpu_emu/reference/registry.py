"""Where the meaning of each instruction is found."""

from __future__ import annotations

from collections.abc import Callable

from lpu_emu.errors import SpecError
from lpu_emu.reference.agenda import Steps
from lpu_emu.reference.operation import Operation

# An instruction that takes time is a generator of the moments it waits for; control of a queue happens at once.
Definition = Callable[[Operation], Steps | None]
DEFINITIONS: dict[str, Definition] = {}


def defines(mnemonic: str) -> Callable[[Definition], Definition]:
    """Register a function as the meaning of an instruction.

    Raises:
        SpecError: the instruction has a meaning already.
    """

    def register(definition: Definition) -> Definition:
        if mnemonic in DEFINITIONS:
            raise SpecError([f"{mnemonic}: defined twice in the reference"])
        DEFINITIONS[mnemonic] = definition
        return definition

    return register
