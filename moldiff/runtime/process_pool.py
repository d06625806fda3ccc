"""Work that may never end, in processes that are ended when one piece takes too long."""

import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import chain, islice
from multiprocessing import get_context
from multiprocessing.reduction import ForkingPickler
from typing import Any, TypeVar

from pebble import ProcessExpired, ProcessFuture, ProcessPool

from moldiff.errors import WorkerError

Result = TypeVar("Result")
FailureT = TypeVar("FailureT")
MAX_WAITING = 256  # results that wait for an earlier one, for each process


def bounded_map(
    work: Callable[[Any], Result],
    items: Iterable[Any],
    *,
    seconds: float,
    failure: Callable[[str, str], FailureT],
    initializer: Callable[[], object] | None = None,
    num_workers: int | None = None,
) -> Iterator[Result | FailureT]:
    """Results in order; a failure of the reason `timeout` or `crashed` in the place of one that did not come.

    Args:
        work: a function of a module. It, its argument and its result are pickled.
        items: arguments of the calls; the next one is read when a process is free for it.
        seconds: limit of one call. A process that needs more is ended, and another takes its place.
        failure: makes a failure of a reason and a detail.
        initializer: called once in each process, before the first call.
        num_workers: processes; by default one a core.

    Yields:
        Result | FailureT: one for each item.

    Raises:
        WorkerError: if a process does not start.
    """
    items = iter(items)
    first = list(islice(items, num_workers or len(os.sched_getaffinity(0))))  # not more processes than items
    if not first:
        return
    items, count = chain(first, items), len(first)
    waiting: deque[ProcessFuture] = deque()  # in order
    running: set[Future] = set()
    pool = ProcessPool(count, initializer=_initialize, initargs=(initializer,), context=get_context("spawn"))
    try:
        while True:
            free = min(count - len(running), count * MAX_WAITING - len(waiting))
            for item in islice(items, max(0, free)):
                data = bytes(ForkingPickler.dumps(item))  # so that a process that dies of its argument dies in the call
                future = pool.schedule(_call, (work, data), timeout=max(seconds, 1e-9))  # 0 would be no limit
                waiting.append(future)
                running.add(future)
            if not waiting:
                return
            running = set(wait(running, return_when=FIRST_COMPLETED).not_done)
            while waiting and waiting[0].done():
                yield _result(waiting.popleft(), seconds, failure)
    finally:
        pool.stop()
        pool.join()


def _result(future: ProcessFuture, seconds: float, failure: Callable[[str, str], FailureT]) -> Any:
    error = future.exception()
    if error is None:
        return future.result()
    if isinstance(error, BrokenProcessPool):
        raise WorkerError(
            "a process to share the work ended as it started; a script that starts processes needs its work below "
            '`if __name__ == "__main__":`'
        ) from error
    if isinstance(error, TimeoutError):
        return failure("timeout", f"took more than {seconds:g} s")
    if isinstance(error, ProcessExpired):
        return failure("crashed", f"the process that worked on it ended with {error.exitcode}")
    return failure("crashed", f"{type(error).__name__}: {error}")


def _initialize(initializer: Callable[[], object] | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # ends compiled code at once, too
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # a core each
    if initializer is not None:
        initializer()


def _call(work: Callable[[Any], Any], item: bytes) -> Any:
    return work(ForkingPickler.loads(item))  # pyright: ignore[reportAttributeAccessIssue]
