"""From a source of molecules to a store, with every record accounted for."""

import multiprocessing
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from moldiff.chem.molecule import Failure
from moldiff.data.packing import Packed, concatenate, pack
from moldiff.data.qm9 import qm9pack_source
from moldiff.data.sources import Source
from moldiff.data.store import SPLITS, write_store
from moldiff.errors import DataError

_CHUNK = 500


@dataclass(frozen=True)
class PrepareReport:
    """What became of the records.

    Attributes:
        path: the store.
        total: records in the source.
        kept: molecules in the store.
        left_out: number left out, by reason.
        examples: the first record left out for each reason, one line.
        splits: molecules in each split.
        megabytes: size of the store, 10^6 bytes.
        seconds: wall time.
    """

    path: Path
    total: int
    kept: int
    left_out: dict[str, int]
    examples: dict[str, str]
    splits: dict[str, int]
    megabytes: float
    seconds: float

    def table(self) -> Table:
        """For the terminal."""
        table = Table(title=f"{self.path}: {self.kept} of {self.total} records kept")
        table.add_column("records", justify="right")
        table.add_column("what")
        table.add_column("first of them")
        table.add_row(str(self.total), "in the source", "")
        table.add_row(str(self.kept), f"kept ({100 * self.kept / self.total:.2f} %)", "")
        for reason, count in sorted(self.left_out.items(), key=lambda item: -item[1]):
            table.add_row(str(count), f"left out: {reason}", self.examples.get(reason, ""))
        for name, count in self.splits.items():
            table.add_row(str(count), name, "")
        table.caption = f"{self.megabytes:.1f} MB, {self.seconds:.0f} s"
        return table


def prepare(
    source: Source | str,
    out: Path | str,
    *,
    num_workers: int = 1,
    seed: int = 0,
    overwrite: bool = False,
    console: Console | None = None,
) -> PrepareReport:
    """Makes a store of all molecules of a source.

    Args:
        source: "qm9" or a source.
        out: folder of the store.
        num_workers: processes that read records; the result does not depend on it.
        seed: of a random split; the split of QM9 is that of the literature.
        overwrite: replace a store that is there.
        console: where progress is shown; none means silence.

    Raises:
        DataError: if no record could be kept.
    """
    start = time.monotonic()
    source = qm9pack_source() if source == "qm9" else source
    if isinstance(source, str):
        raise DataError(f"source {source!r}: expected 'qm9' or a file")
    parts: list[Packed] = []
    kept: list[np.ndarray] = []
    left_out, examples = Counter(source.left_out), {}
    with _progress(console) as progress:
        task = progress.add_task(f"reading {source.name}", total=len(source.records))
        for part, mask, failures in _map(source, num_workers):
            kept.append(mask)
            if part is not None:
                parts.append(part)
            for failure in failures:
                left_out[failure.reason] += 1
                examples.setdefault(failure.reason, failure.detail)
            progress.advance(task, len(mask))
    total = len(source.records) + sum(source.left_out.values())
    if not parts:
        raise DataError(f"{source.name}: none of {total} records could be kept; first reasons: {examples}")
    packed = concatenate(parts)
    split = source.split(len(source.records), seed)[np.concatenate(kept)]
    out = Path(out)
    origin = {**source.origin, "seed": seed}
    write_store(out, packed, split=split, left_out=left_out, name=source.name, sources=origin, overwrite=overwrite)
    return PrepareReport(
        path=out,
        total=total,
        kept=len(packed),
        left_out=dict(left_out),
        examples=examples,
        splits={name: int((split == i).sum()) for i, name in enumerate(SPLITS)},
        megabytes=sum(file.stat().st_size for file in out.iterdir()) / 1e6,
        seconds=time.monotonic() - start,
    )


def _progress(console: Console | None) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, TimeRemainingColumn(), console=console, disable=console is None)


def _read(read: Any, records: Sequence[Any]) -> tuple[Packed | None, np.ndarray, list[Failure]]:
    """One chunk: what was kept, which of the records that was, and why the others were not."""
    results = [read(record) for record in records]
    good = [result for result in results if not isinstance(result, Failure)]
    mask = np.array([not isinstance(result, Failure) for result in results])
    packed = pack([molecule for molecule, _ in good], [smiles for _, smiles in good]) if good else None
    return packed, mask, [result for result in results if isinstance(result, Failure)]


def _map(source: Source, num_workers: int) -> Iterator[tuple[Packed | None, np.ndarray, list[Failure]]]:
    chunks = (source.records[i : i + _CHUNK] for i in range(0, len(source.records), _CHUNK))
    if num_workers <= 1:
        yield from (_read(source.read, chunk) for chunk in chunks)
        return
    with ProcessPoolExecutor(num_workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        waiting = [pool.submit(_read, source.read, chunk) for chunk in islice(chunks, 2 * num_workers)]
        while waiting:
            result = waiting.pop(0).result()
            waiting.extend(pool.submit(_read, source.read, chunk) for chunk in islice(chunks, 1))
            yield result
