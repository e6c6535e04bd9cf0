"""The board: how threads share the elements of one step.

A job is a step in chunks. Its ticket (epoch, chunks, next chunk, in one word) is taken by exchange, so a
thread that has a chunk knows that the job is still on. Whoever posts a job works on it too and waits at the end
for chunks in progress only: a thread that gets no processor holds nobody up.
"""

from __future__ import annotations

from lpu_emu.engine import atomics
from lpu_emu.engine._jit import inner
from lpu_emu.engine.steps.state import State

# Words of the board, each in a cache line of its own.
TICKET, STEP, SIZE, DONE, STATUS, STOP, BOARD_WORDS = 0, 8, 16, 24, 32, 40, 48

_FIELD = 20
_MASK = (1 << _FIELD) - 1
_SPINS = 4000
_NAP_MICROSECONDS = 20


@inner
def post(t: State, i: int, size: int, chunks: int) -> None:
    """Offer a step in chunks of ``size`` elements."""
    atomics.store(t.board, STEP, i)
    atomics.store(t.board, SIZE, size)
    atomics.store(t.board, DONE, 0)
    atomics.store(t.board, STATUS, 0)
    epoch = (atomics.load(t.board, TICKET) >> (2 * _FIELD)) + 1
    atomics.store(t.board, TICKET, ((epoch & _MASK) << (2 * _FIELD)) | (chunks << _FIELD))


@inner
def take(t: State) -> int:
    """Return a chunk that nobody has taken yet, -1 if there is none."""
    while True:
        ticket = atomics.load(t.board, TICKET)
        chunk, chunks = ticket & _MASK, (ticket >> _FIELD) & _MASK
        if chunk >= chunks:
            return -1
        if atomics.exchange(t.board, TICKET, ticket, ticket + 1):
            return int(chunk)


@inner
def finish(t: State, status: int) -> None:
    """Report a chunk as done."""
    if status:
        atomics.store(t.board, STATUS, status)
    atomics.add(t.board, DONE, 1)


@inner
def wait(t: State, chunks: int) -> int:
    """Wait until all chunks are done; return the status of the job."""
    spins = 0
    while atomics.load(t.board, DONE) < chunks:
        spins = rest(spins)
    return int(atomics.load(t.board, STATUS))


@inner
def rest(spins: int) -> int:
    """Return ``spins`` + 1, after a nap if there were many."""
    if spins >= _SPINS and atomics.SLEEPS:
        atomics.sleep(_NAP_MICROSECONDS)
    return spins + 1
