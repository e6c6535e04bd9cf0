"""Where points are computed: worker processes of this machine, or a Dask cluster."""

from __future__ import annotations

import itertools
import signal
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any, Protocol

from lpu_emu.errors import InputError, MissingExtraError

Settings = Mapping[str, Any]
Row = dict[str, Any]
Work = Callable[[Settings], Row]

# Points handed out per worker: one that runs and some that wait, so that no worker is ever idle.
WAITING_PER_WORKER = 4
# A worker that dies takes the points it had with it; after so many deaths a point is blamed itself.
ATTEMPTS = 3
TASKS_PER_WORKER = 500


@dataclass(frozen=True, kw_only=True)
class Task:
    """A point to compute: its digest and settings."""

    digest: str
    settings: Settings


@dataclass(frozen=True, kw_only=True)
class Done:
    """A computed point; ``row`` is None when its worker died with it again and again."""

    task: Task
    row: Row | None


class Engine(Protocol):
    """Computes points, in any order."""

    def run(self, work: Work, tasks: Iterable[Task]) -> Iterator[Done]:
        """Yield every task once, as it is done. Tasks are taken from their source only as they are needed."""
        ...


class LocalEngine:
    """Spawned processes of this machine."""

    def __init__(self, workers: int) -> None:
        self._workers = workers

    def run(self, work: Work, tasks: Iterable[Task]) -> Iterator[Done]:
        """Yield every task once, as it is done. A worker that dies is replaced, and its tasks are tried again alone."""
        waiting = iter(tasks)
        while True:
            lost = yield from self._pool(work, waiting)
            if not lost:
                return
            for task in lost:
                yield Done(task=task, row=self._alone(work, task))

    def _pool(self, work: Work, waiting: Iterator[Task]) -> Generator[Done, None, list[Task]]:
        """Run one pool until everything is done or a worker dies; return the tasks that were lost."""
        running: dict[Future[Row], Task] = {}
        pool = _processes(self._workers)
        try:
            while True:
                for task in itertools.islice(waiting, self._workers * WAITING_PER_WORKER - len(running)):
                    running[pool.submit(work, task.settings)] = task
                if not running:
                    return []
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    row = future.result()
                    yield Done(task=running.pop(future), row=row)
        except BrokenProcessPool:
            return list(running.values())
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _alone(self, work: Work, task: Task) -> Row | None:
        """Try a task that was lost, with no other beside it that could take it down."""
        for _ in range(ATTEMPTS - 1):
            with _processes(1) as pool:
                try:
                    return pool.submit(work, task.settings).result()
                except BrokenProcessPool:
                    continue
        return None


def _processes(workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(
        workers,
        mp_context=get_context("spawn"),
        initializer=_ignore_interrupts,
        max_tasks_per_child=TASKS_PER_WORKER,
    )


def _ignore_interrupts() -> None:
    """Let Ctrl-C stop the sweep only, not each worker in the middle of something."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class DaskEngine:
    """A Dask cluster that is running already.

    Raises:
        MissingExtraError: the package distributed is not installed.
        InputError: no scheduler answers.
    """

    def __init__(self, address: str, *, timeout_s: float = 10) -> None:
        try:
            import distributed
        except ImportError as error:
            raise MissingExtraError("distributed", "dask", "a sweep on a Dask cluster") from error
        self._distributed: Any = distributed
        try:
            self._client: Any = self._distributed.Client(address, timeout=timeout_s, set_as_default=False)
        except (OSError, ValueError, TimeoutError) as error:
            raise InputError(
                f"{address}: no Dask scheduler answers: {error}; start one with `dask scheduler`, and workers "
                f"with `dask worker {address}`"
            ) from error

    def run(self, work: Work, tasks: Iterable[Task]) -> Iterator[Done]:
        """Yield every task once, as it is done. Dask itself tries the tasks of a lost worker again.

        Raises:
            InputError: the scheduler is lost.
        """
        waiting = iter(tasks)
        running: dict[str, Task] = {}
        completed = self._distributed.as_completed([], loop=self._client.loop)
        try:
            self._hand_out(work, waiting, running, completed)
            for future in completed:
                task = running.pop(str(future.key))
                yield Done(task=task, row=self._result(future))
                self._hand_out(work, waiting, running, completed)
        except (OSError, self._distributed.CancelledError) as error:
            raise InputError(
                f"the Dask scheduler was lost: {error}; start it again and go on with --resume"
            ) from error
        finally:
            self._client.close()

    def _hand_out(
        self, work: Work, waiting: Iterator[Task], running: dict[str, Task], completed: Any
    ) -> None:
        """Keep every worker busy, but not more: tasks are made as they are needed."""
        threads = sum(self._client.nthreads().values())
        while len(running) < max(1, threads) * WAITING_PER_WORKER:
            task = next(waiting, None)
            if task is None:
                return
            future = self._client.submit(work, task.settings, key=f"point-{task.digest}", pure=False)
            running[str(future.key)] = task
            completed.add(future)

    def _result(self, future: Any) -> Row | None:
        if future.status == "error" and isinstance(future.exception(), self._distributed.KilledWorker):
            return None
        row: Row = future.result()
        return row
