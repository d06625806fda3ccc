"""Work side by side in threads, each with products on one core: no waiting for one another inside a product."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from threading import Event
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")


def side_by_side(
    work: Callable[[Item, Event], Result], items: Sequence[Item], *, num_threads: int
) -> Iterator[tuple[Item, Result]]:
    """Items with their results as they are done; with one thread, or of one item, in the caller's own thread.

    `work` is called with an item and an event that is set when the caller has stopped listening; its exception ends
    all. Splitting each product over cores instead gains little for networks of this size, and stalls where another
    program uses one of the cores.
    """
    stop, before = Event(), torch.get_num_threads()
    if num_threads <= 1 or len(items) <= 1:
        torch.set_num_threads(1)
        try:
            yield from ((item, work(item, stop)) for item in items)
        finally:
            torch.set_num_threads(before)
        return
    with ThreadPoolExecutor(num_threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        try:
            futures = {pool.submit(work, item, stop): item for item in items}
            for future in as_completed(futures):
                yield futures[future], future.result()
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)
            torch.set_num_threads(before)
