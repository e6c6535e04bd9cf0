"""The board: how threads share the elements of one step.

A job is a step in chunks, under an epoch that grows from job to job. A thread claims a chunk by raising the
chunk's claim to the epoch, so a thread that has a chunk knows that the job is still on. Every thread begins at
a place of its own, so that from step to step the same rows meet the same cache; then it takes what others have
not begun. Whoever posts a job works on it too and waits at the end for chunks in progress only: a thread that
gets no processor holds nobody up.
"""

from __future__ import annotations

from lpu_emu.engine import atomics
from lpu_emu.engine._jit import inner
from lpu_emu.engine.steps.state import State

# Words of the board, each in a cache line of its own but for the claims.
JOB, STEP, COUNT, SIZE, DONE, STATUS, STOP, CLAIMS = 0, 8, 16, 24, 32, 40, 48, 56
MOST_CHUNKS = 512
BOARD_WORDS = CLAIMS + MOST_CHUNKS

_FIELD = 20
_MASK = (1 << _FIELD) - 1
# How often to look in vain before giving way at every look (about 50 microseconds), and before sleeping (some
# milliseconds): a nap takes longer than most steps.
_SPINS = 2000
_YIELDS = 12000


@inner
def post(t: State, job: int, count: int, size: int, chunks: int) -> None:
    """Offer the ``count`` elements of a job in chunks of ``size``, at most ``MOST_CHUNKS``."""
    atomics.store(t.board, STEP, job)
    atomics.store(t.board, COUNT, count)
    atomics.store(t.board, SIZE, size)
    atomics.store(t.board, DONE, 0)
    atomics.store(t.board, STATUS, 0)
    epoch = (atomics.load(t.board, JOB) >> _FIELD) + 1
    atomics.store(t.board, JOB, (epoch << _FIELD) | chunks)


@inner
def take(t: State, thread: int) -> int:
    """Return a chunk that nobody has claimed yet, -1 if there is none."""
    job = atomics.load(t.board, JOB)
    epoch, chunks = job >> _FIELD, job & _MASK
    begin = thread * chunks // t.team
    for turn in range(chunks):
        chunk = begin + turn if begin + turn < chunks else begin + turn - chunks
        claim = atomics.load(t.board, CLAIMS + chunk)
        if claim < epoch and atomics.exchange(t.board, CLAIMS + chunk, claim, epoch):
            return int(chunk)
    return -1


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
    """Return ``spins`` + 1, after a rest that is longer if there were many."""
    if spins > _YIELDS:
        atomics.nap()
    elif spins > _SPINS:
        atomics.give_way()
    return spins + 1
