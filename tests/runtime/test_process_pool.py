"""Work that hangs or dies costs its own result alone."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from moldiff.chem.molecule import Failure, Molecule
from moldiff.chem.process_pool import map_in_processes
from moldiff.chem.rdkit_conversion import from_rdkit, to_rdkit


def work(item: tuple[str, int]) -> int:
    kind, number = item
    if kind == "hang":
        time.sleep(60)
    if kind == "die":
        os._exit(7)
    if kind == "slow":
        time.sleep(0.3)
    if kind == "raise":
        raise ValueError("no square")
    return number * number


@pytest.mark.parametrize("num_workers", [1, 3])
def test_results_come_in_order_and_failures_in_their_place(num_workers: int):
    kinds = ["slow", "quick", "hang", "quick", "die", "quick", "slow", "quick"]
    started = time.monotonic()
    results = list(map_in_processes(work, zip(kinds, range(8), strict=True), seconds=1.0, num_workers=num_workers))
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

    results = map_in_processes(work, items(), seconds=5.0, num_workers=1)
    assert [next(results) for _ in range(3)] == [0, 1, 4]
    results.close()  # type: ignore[attr-defined]
    assert len(read) < 10


def test_nothing_gives_nothing():
    assert list(map_in_processes(work, [], seconds=1.0)) == []


def test_an_exception_costs_its_own_result_alone():
    results = list(map_in_processes(work, [("raise", 1), ("quick", 2)], seconds=5.0, num_workers=1))
    assert results == [Failure("crashed", "ValueError: no square"), 4]


def invert(size: int) -> int:
    np.linalg.svd(np.ones((size, size)))
    return size


def test_compiled_code_is_ended_at_once():
    results = map_in_processes(invert, [1, 4000], seconds=0.5, num_workers=1)
    assert next(results) == 1
    started = time.monotonic()
    assert next(results) == Failure("timeout", "took more than 0.5 s")
    assert time.monotonic() - started < 2.5  # pebble waits for 3 s for a process that ignores SIGTERM


def test_coordinates_come_back_without_rounding():
    molecule = Molecule(
        np.array([1, 1]), np.zeros(2, int), np.array([[0.0] * 3, [1 / 3, 0.0, 0.7]]), np.eye(2, dtype=int)[::-1]
    )
    (mol,) = map_in_processes(to_rdkit, [molecule], seconds=20.0)
    assert np.array_equal(from_rdkit(mol).pos, molecule.pos)


def test_a_script_without_a_guard_is_refused_with_the_remedy(tmp_path: Path):
    script = tmp_path / "script.py"
    script.write_text(
        "from moldiff.chem.process_pool import map_in_processes\nlist(map_in_processes(len, ['a'], seconds=5))\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "WorkerError: a process to share the work ended as it started" in done.stderr
