"""Work that may never end, in processes that are ended when one piece takes too long."""

import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import Any, TypeVar

from rdkit import Chem

from moldiff.chem.molecule import Failure
from moldiff.chem.rdkit_conversion import ALL_OF_IT
from moldiff.errors import WorkerError

Result = TypeVar("Result")
MOST_WAITING = 256  # results that wait for an earlier one, for each process


def bounded_map(
    work: Callable[[Any], Result], items: Iterable[Any], *, seconds: float, num_workers: int | None = None
) -> Iterator[Result | Failure]:
    """Results in order; a `Failure` of the reason `timeout` or `crashed` in the place of one that did not come.

    Args:
        work: a function of a module; it and what it takes and gives go between processes.
        items: what it is called with, one at a time; read as they are needed.
        seconds: most for one call. A process that needs more is ended, and another takes its place.
        num_workers: processes; by default one a core.

    Yields:
        Result | Failure: one for each item.

    Raises:
        WorkerError: if a process does not start.
    """
    count = num_workers or len(os.sched_getaffinity(0))
    queue, done, next_out, exhausted = enumerate(items), {}, 0, False
    workers: list[_Worker] = []
    try:
        while True:
            busy = [worker for worker in workers if worker.number is not None]
            while not exhausted and len(busy) < count and len(done) < count * MOST_WAITING:
                number, item = next(queue, (None, None))
                if number is None:
                    exhausted = True
                    break
                idle = next((worker for worker in workers if worker.number is None), None)
                if idle is None:
                    idle = _Worker(work, seconds)
                    workers.append(idle)
                idle.give(number, item)
                busy.append(idle)
            if not busy and exhausted:
                return
            for worker in _finished(busy):
                done[worker.number] = worker.result()
                worker.number = None
                if worker.ended:
                    workers.remove(worker)
            while next_out in done:
                yield done.pop(next_out)
                next_out += 1
    finally:
        for worker in workers:
            worker.end()


def _finished(busy: "list[_Worker]") -> "list[_Worker]":
    """Those that have a result, or have had their time."""
    limit = min(worker.deadline for worker in busy)
    ready = wait([worker.connection for worker in busy], max(0.0, limit - time.monotonic()))
    return [worker for worker in busy if worker.connection in ready or time.monotonic() >= worker.deadline]


class _Worker:
    """A process that serves one call after the other."""

    def __init__(self, work: Callable[[Any], Any], seconds: float) -> None:
        context = get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, work), daemon=True)
        self.process.start()
        theirs.close()
        self.seconds, self.number, self.deadline, self.ended = seconds, None, 0.0, False
        self._receive()  # it has imported what it needs
        if self.ended:
            raise WorkerError(
                f"a process to share the work ended with {self.process.exitcode} as it started; a script that starts "
                'processes needs its work below `if __name__ == "__main__":`'
            )

    def give(self, number: int, item: Any) -> None:
        self.number, self.deadline = number, time.monotonic() + self.seconds
        self.connection.send(item)

    def result(self) -> Any:
        if self.connection.poll():
            return self._receive()
        self.end()
        return Failure("timeout", f"took more than {self.seconds:g} s")

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.connection.close()
        self.ended = True

    def _receive(self) -> Any:
        try:
            return self.connection.recv()
        except EOFError:
            self.process.join(1.0)  # or it would be ended before it tells how it ended
            self.end()
            return Failure("crashed", f"the process that worked on it ended with {self.process.exitcode}")


def _serve(connection: Connection, work: Callable[[Any], Any]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who asked
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # a core each
    Chem.SetDefaultPickleProperties(ALL_OF_IT)  # what goes back is not rounded
    connection.send(None)
    while True:
        try:
            item = connection.recv()
        except EOFError:
            return
        connection.send(work(item))
