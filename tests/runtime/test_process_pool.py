"""Work that hangs or dies costs its own result alone."""

import os
import time

import pytest

from moldiff.chem.molecule import Failure
from moldiff.runtime.process_pool import bounded_map


def work(item: tuple[str, int]) -> int:
    kind, number = item
    if kind == "hang":
        time.sleep(60)
    if kind == "die":
        os._exit(7)
    if kind == "slow":
        time.sleep(0.3)
    return number * number


@pytest.mark.parametrize("num_workers", [1, 3])
def test_results_come_in_order_and_failures_in_their_place(num_workers: int):
    kinds = ["slow", "quick", "hang", "quick", "die", "quick", "slow", "quick"]
    started = time.monotonic()
    results = list(bounded_map(work, zip(kinds, range(8), strict=True), seconds=1.0, num_workers=num_workers))
    assert time.monotonic() - started < 30
    assert [r for r in results if not isinstance(r, Failure)] == [0, 1, 9, 25, 36, 49]
    assert results[2] == Failure("timeout", "took more than 1 s")
    assert results[4] == Failure("crashed", "the process that worked on it ended with 7")


def test_items_are_read_as_they_are_needed():
    read: list[int] = []

    def items():
        for number in range(10**9):
            read.append(number)
            yield "quick", number

    results = bounded_map(work, items(), seconds=5.0, num_workers=1)
    assert [next(results) for _ in range(3)] == [0, 1, 4]
    results.close()  # type: ignore[attr-defined]
    assert len(read) < 10


def test_nothing_gives_nothing():
    assert list(bounded_map(work, [], seconds=1.0)) == []
