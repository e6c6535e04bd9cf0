"""All queue texts of a program end to end, as columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lpu_emu.analysis.lattice import Ints
from lpu_emu.program.model import Program


@dataclass(frozen=True, kw_only=True, eq=False)
class Listing:
    """One row per instruction, queues in canonical order, int64 [n] (``args`` [n, widest]).

    ``queue`` is the machine's queue index, ``index`` the row inside the queue's text.
    """

    queue: Ints
    index: Ints
    opcode: Ints
    args: Ints
    line: Ints
    origin: Ints

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.queue)


def listing_of(program: Program) -> Listing:
    """Put the texts of all queues one after the other."""
    known = program.machine.queue_by_name
    texts = sorted(
        ((known[name].index, text) for name, text in program.queues.items()), key=lambda pair: pair[0]
    )
    texts = [(queue, text) for queue, text in texts if len(text)]
    if not texts:
        return _empty(program.machine.isa.widest)
    lengths = [len(text) for _, text in texts]
    return Listing(
        queue=np.repeat(np.array([queue for queue, _ in texts], dtype=np.int64), lengths),
        index=np.concatenate([np.arange(n, dtype=np.int64) for n in lengths]),
        opcode=np.concatenate([text.opcodes for _, text in texts]).astype(np.int64),
        args=np.concatenate([text.args for _, text in texts]).astype(np.int64, copy=False),
        line=np.concatenate([text.lines for _, text in texts]).astype(np.int64),
        origin=np.concatenate([text.origins for _, text in texts]).astype(np.int64),
    )


def _empty(widest: int) -> Listing:
    none = np.zeros(0, dtype=np.int64)
    return Listing(
        queue=none,
        index=none,
        opcode=none,
        args=np.zeros((0, widest), dtype=np.int64),
        line=none,
        origin=none,
    )
