"""What the commands that score share: their options, and how their files are read and counted."""

import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moldiff.cli._options import MOST_CHECKED
from moldiff.data.reference import store_at
from moldiff.runtime.progress import Progress, terminal_of_errors

if TYPE_CHECKING:
    from moldiff.chem.molecule import Molecule
    from moldiff.chem.validity import Record, Verdict
    from moldiff.metrics.checks import CheckResult
    from moldiff.metrics.geometry import Measured
    from moldiff.metrics.score import Score
    from moldiff.metrics.tables import DataRow


def counted(
    file: Path,
    *,
    checks: Sequence[str] = (),
    most_checked: int = MOST_CHECKED,
    num_workers: int | None = None,
    on_record: "Callable[[Record, Verdict], None] | None" = None,
    **options: Any,
) -> "Score":
    """The score of a file and a closer look at it, with progress on a terminal.

    Args:
        file: as of `moldiff.io.formats.read_records`.
        checks: names of `moldiff.metrics.checks`.
        most_checked: molecules to look at.
        num_workers: processes.
        on_record: called with every record and its verdict, in order.
        **options: of `moldiff.metrics.score.score`.

    Returns:
        The score.
    """
    from moldiff.io.formats import read_records
    from moldiff.metrics.checks import checks_named
    from moldiff.metrics.score import score

    checks = checks_named(checks)
    workers = num_workers or len(os.sched_getaffinity(0))
    waiting: deque[Record] = deque()

    def records() -> "Iterator[Record]":
        for _, record in read_records(file):
            waiting.append(record)
            yield record

    with Progress(str(file), unit="molecules", console=terminal_of_errors(), transient=True) as progress:

        def told(verdict: "Verdict") -> None:
            record = waiting.popleft()
            progress.advance()
            if on_record is not None:
                on_record(record, verdict)

        keep = max(options.pop("keep", 0), most_checked if checks else 0)
        result = score(records(), on_verdict=told, num_workers=workers, keep=keep, **options)
    return replace(result, closer=looked(result.molecules[:most_checked], checks, str(file), num_workers=workers))


def looked(
    molecules: "Sequence[Molecule]", checks: Sequence[str], what: str, *, num_workers: int | None
) -> "Mapping[str, CheckResult]":
    """`moldiff.metrics.checks.run_checks` with progress and the time left on a terminal."""
    from moldiff.metrics.checks import run_checks

    if not checks:
        return {}
    total = len(checks) * len(molecules)
    with Progress(f"{what}: a closer look", total=total, console=terminal_of_errors(), transient=True) as progress:
        return run_checks(molecules, checks, num_workers=num_workers, on_looked=progress.advance)


def read_data_row(weights: str) -> "Score":
    """The data's own score, as the weights carry it; if they carry none it is a `WeightsError`."""
    from moldiff.errors import WeightsError
    from moldiff.metrics.score import Score
    from moldiff.pretrained.format import find_weights, read_statistics

    row = read_statistics(find_weights(weights)).score
    if row is None:
        raise WeightsError(f"{weights}: these weights carry no score of their data; leave --data-row out")
    return Score.from_dict(row)


def read_distribution(
    source: Path | None,
    checks: Sequence[str] | None = None,
    most_checked: int = MOST_CHECKED,
    *,
    data_row: str | None = None,
    num_workers: int | None = None,
) -> "tuple[Measured | None, DataRow]":
    """What molecules of the data measure, and their row; of a store the test split, beside as many of its train split.

    Args:
        source: a file, or a store, of which the test split is taken; without it there is nothing.
        checks: names of `moldiff.metrics.checks`, for a closer look at some of them.
        most_checked: molecules to look at.
        data_row: weights that carry the data's own score, for the row, whatever the source.
        num_workers: processes.

    Returns:
        What they measure, and their row.

    Raises:
        DataError: if no record of the file can be used; one that cannot is left out.
    """
    import numpy as np

    from moldiff.chem.molecule import Molecule
    from moldiff.errors import DataError
    from moldiff.io.formats import read_molecules
    from moldiff.metrics.checks import checks_named
    from moldiff.metrics.geometry import geometry_distances, measure
    from moldiff.metrics.tables import DataRow

    names, own = checks_named(checks or ()), None if data_row is None else read_data_row(data_row)
    if source is None:
        return None, DataRow(own)
    chance, train = np.random.default_rng(0), []
    store = store_at(source)
    if store is not None:
        molecules = [store.molecule(int(index)) for index in store.split("test")]
        some = chance.permutation(store.split("train"))[: len(molecules)]
        train = [store.molecule(int(index)) for index in some]
    else:
        molecules = [record for _, record in read_molecules(source) if isinstance(record, Molecule)]
    if not molecules:
        raise DataError(f"{source}: holds no molecule to measure distances to; give another file or store")
    chosen = [molecules[index] for index in chance.permutation(len(molecules))[:most_checked]] if names else []
    measured = measure(molecules)
    distances = geometry_distances(train, measured) if train else {}
    closer = looked(chosen, names, str(source), num_workers=num_workers)
    return measured, DataRow(own, distances, closer)
