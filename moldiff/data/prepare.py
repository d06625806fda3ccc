"""From a source of molecules to a store, with every record accounted for."""

import multiprocessing
import time
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

import numpy as np
from jaxtyping import Bool
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from moldiff.chem.molecule import Failure
from moldiff.data.packing import Packed, concatenate, read_chunk
from moldiff.data.qm9 import qm9pack_source
from moldiff.data.qm9_files import qm9_file_source
from moldiff.data.sources import Source, file_source
from moldiff.data.store import SPLITS, check_target, write_store
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
        table.add_row(str(self.kept), f"kept ({100 * self.kept / self.total:.3f} %)", "")
        for reason, count in sorted(self.left_out.items(), key=lambda item: -item[1]):
            table.add_row(str(count), f"left out: {reason}", self.examples.get(reason, ""))
        for name, count in self.splits.items():
            table.add_row(str(count), name, "")
        table.caption = f"{self.megabytes:.1f} MB, {self.seconds:.0f} s"
        return table


def prepare(
    source: Source | str | Path,
    out: Path | str,
    *,
    from_file: Path | str | None = None,
    num_workers: int = 1,
    seed: int = 0,
    overwrite: bool = False,
    console: Console | None = None,
) -> PrepareReport:
    """Makes a store of all molecules of a source.

    Args:
        source: "qm9", an SDF or XYZ file, or a source such as `from_pyg` makes.
        out: folder of the store.
        from_file: for "qm9", a file fetched by hand in place of the package qm9pack.
        num_workers: processes that read records; the result does not depend on it.
        seed: of a random split; the split of QM9 is that of the literature.
        overwrite: replace a store that is there.
        console: where progress is shown; none means silence.

    Returns:
        The account of all records. A store that is there already or cannot be written is an `OutputError`.

    Raises:
        DataError: if no record could be kept.
    """
    start = time.monotonic()
    out = Path(out)
    check_target(out, overwrite=overwrite)
    parts: list[Packed] = []
    kept: list[np.ndarray] = []
    with _progress(console) as progress:
        task = progress.add_task("opening the source", total=None)
        source = source if isinstance(source, Source) else _source(source, from_file)
        progress.update(task, description=f"reading {source.name}", total=source.total)
        left_out, examples = Counter(source.left_out), dict[str, str]()
        for part, mask, failures in _map(source, num_workers):
            kept.append(mask)
            if part is not None:
                parts.append(part)
            for failure in failures:
                left_out[failure.reason] += 1
                examples.setdefault(failure.reason, failure.detail)
            progress.advance(task, len(mask))
    mask = np.concatenate([np.empty(0, dtype=bool), *kept])
    total = len(mask) + sum(source.left_out.values())
    if not parts:
        reasons = "; ".join(f"{left_out[reason]} {reason}, such as {text}" for reason, text in examples.items())
        raise DataError(f"{source.name}: none of {total} records could be kept: {reasons or 'there are none'}")
    packed = concatenate(parts)
    split = source.split(len(mask), seed)[mask]
    origin = {**source.origin, "split": source.split_rule, "seed": seed}
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


def _source(source: str | Path, from_file: str | Path | None) -> Source:
    if source == "qm9":
        return qm9pack_source() if from_file is None else qm9_file_source(from_file)
    if from_file is not None:
        raise DataError(f"source {str(source)!r} with a file {str(from_file)!r}: a file goes with the source qm9 only")
    if not Path(source).is_file():
        raise DataError(f"{source}: expected 'qm9' or a molecule file, and there is no such file")
    return file_source(source)


def _progress(console: Console | None) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, TimeRemainingColumn(), console=console, disable=console is None)


def _map(source: Source, num_workers: int) -> Iterator[tuple[Packed | None, Bool[np.ndarray, "r"], list[Failure]]]:
    records = iter(source.records)
    chunks = iter(lambda: list(islice(records, _CHUNK)), [])
    first = next(chunks, [])
    if num_workers <= 1 or len(first) < _CHUNK:
        yield from (read_chunk(source.read, chunk) for chunk in chain([first] if first else [], chunks))
        return
    with ProcessPoolExecutor(num_workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        waiting = deque(
            pool.submit(read_chunk, source.read, chunk) for chunk in chain([first], islice(chunks, num_workers))
        )
        while waiting:
            try:
                result = waiting.popleft().result()
            except BrokenProcessPool as error:
                cause = 'too little memory, or a script without `if __name__ == "__main__":`'
                raise DataError(
                    f"a process reading {source.name} died: {cause}; num_workers=1 needs neither"
                ) from error
            waiting.extend(pool.submit(read_chunk, source.read, chunk) for chunk in islice(chunks, 1))
            yield result
