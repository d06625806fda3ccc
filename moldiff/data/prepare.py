"""From a source of molecules to a store, with every record accounted for."""

import multiprocessing
import time
import warnings
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from moldiff.data.join import join_columns, with_classes
from moldiff.data.sources.base import Source
from moldiff.data.sources.registry import SourceOptions, open_source
from moldiff.data.store.chunks import Chunk, Chunks
from moldiff.data.store.integrity import SPLITS
from moldiff.data.store.packing import Packed, concatenate, read_chunk
from moldiff.data.store.writer import check_target, write_store
from moldiff.errors import DataError
from moldiff.runtime.atomic_files import claim
from moldiff.runtime.plain_text import outside_text
from moldiff.runtime.progress import Progress

MOST_SEEDS = 1 << 32  # of numpy's RandomState, which splits


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
        table = Table(title=outside_text(f"{self.path}: {self.kept} of {self.total} records kept"))
        table.add_column("records", justify="right")
        table.add_column("what")
        table.add_column("first of them")
        table.add_row(str(self.total), "in the source", "")
        table.add_row(str(self.kept), f"kept ({100 * self.kept / self.total:.3f} %)", "")
        for reason, count in sorted(self.left_out.items(), key=lambda item: -item[1]):
            table.add_row(str(count), outside_text(f"left out: {reason}"), outside_text(self.examples.get(reason, "")))
        for name, count in self.splits.items():
            table.add_row(str(count), outside_text(name), "")
        table.caption = f"{self.megabytes:.1f} MB, {self.seconds:.0f} s"
        return table


def prepare(
    source: Source | str | Path,
    out: Path | str,
    *,
    from_file: Path | str | None = None,
    num_molecules: int | None = None,
    join: Path | str | None = None,
    num_workers: int = 1,
    seed: int = 0,
    overwrite: bool = False,
    console: Console | None = None,
) -> PrepareReport:
    """Makes a store of all molecules of a source.

    Args:
        source: a name of `moldiff.data.sources.registry`, an SDF, XYZ, SMILES or CSV file, or a source such as
            `from_pyg` makes.
        out: folder of the store. What a slow source gave before an interruption waits beside it, and is used.
        from_file: for "qm9" and "moses3d", a file fetched by hand in place of the package qm9pack or molsets.
        num_molecules: for "moses3d" and GEOM, how many; none means all.
        join: a CSV file with more columns, by the names of the molecules (`moldiff.data.join`).
        num_workers: processes that read records; the result does not depend on it.
        seed: of a random split and of conformers; the split of QM9 is that of the literature.
        overwrite: replace a store that is there.
        console: where progress is shown, as lines if it is no terminal; none means silence.

    Returns:
        The account of all records. A store that is there already or cannot be written is an `OutputError`.

    Raises:
        DataError: if no record could be kept, or the user stopped what can go on.
    """
    with claim(Path(out)):
        table = None if join is None else Path(join)
        options = SourceOptions(None if from_file is None else Path(from_file), num_molecules, seed)
        return _prepare(source, Path(out), options, table, num_workers, console, overwrite=overwrite)


def _prepare(
    source: Source | str | Path,
    out: Path,
    options: SourceOptions,
    join: Path | None,
    num_workers: int,
    console: Console | None,
    *,
    overwrite: bool,
) -> PrepareReport:
    """As `prepare`, while nobody else writes there."""
    start, seed = time.monotonic(), options.seed
    check_target(out, overwrite=overwrite)
    if not 0 <= seed < MOST_SEEDS:
        raise DataError(f"seed {seed}: expected a number from 0 to {MOST_SEEDS - 1}")
    parts, kept = list[Packed](), list[np.ndarray]()
    with Progress("opening the source", unit="records", console=console) as progress:
        source = source if isinstance(source, Source) else open_source(source, options)
        waiting = Chunks(out.with_name(f".{out.name}.parts"), dict(source.origin)) if source.slow else None
        progress.begin(f"reading {source.name}", total=source.total)
        left_out, examples = Counter(source.left_out), dict[str, str]()
        try:
            for part, mask, failures in _map(source, num_workers, waiting):
                kept.append(mask)
                if part is not None:
                    parts.append(part)
                for failure in failures:
                    left_out[failure.reason] += 1
                    examples.setdefault(failure.reason, failure.detail)
                progress.advance(len(mask))
        except KeyboardInterrupt as stop:
            if waiting is None:
                raise
            records = sum(map(len, kept))
            raise DataError(
                f"{source.name}: stopped by the user after {records:,} records; the same command goes on"
            ) from stop
    mask = np.concatenate([np.empty(0, dtype=bool), *kept])
    total = len(mask) + sum(source.left_out.values())
    if not parts:
        raise DataError(_nothing_kept(source.name, total, left_out, examples))
    packed, classes = _with_columns(concatenate(parts), join, source.name)
    split = source.split(len(mask), seed)[mask]
    meta = {**_meta_of(source, seed), "classes": classes}
    write_store(out, packed, split=split, left_out=left_out, overwrite=overwrite, **meta)
    if waiting is not None:
        waiting.remove()
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


def _meta_of(source: Source, seed: int) -> dict[str, Any]:
    """What the store says of its source."""
    origin = {**source.origin, "split": source.split_rule, "seed": seed}
    return {"name": source.name, "sources": origin, "units": source.units}


def _with_columns(packed: Packed, join: Path | None, name: str) -> tuple[Packed, dict[str, list[str]]]:
    packed, classes = with_classes(packed, name)
    if join is None:
        return packed, classes
    joined = join_columns(packed, join)
    if joined.matched < len(packed):
        warnings.warn(
            f"{join}: {len(packed) - joined.matched:,} of {len(packed):,} molecules have no line", stacklevel=3
        )
    return joined.packed, {key: names for key, names in {**classes, **joined.classes}.items() if names is not None}


def _nothing_kept(name: str, total: int, left_out: Mapping[str, int], examples: Mapping[str, str]) -> str:
    reasons = "; ".join(f"{left_out[reason]} {reason}, such as {text}" for reason, text in examples.items())
    return f"{name}: none of {total} records could be kept: {reasons or 'there are none'}"


def _map(source: Source, num_workers: int, parts: Chunks | None) -> Iterator[Chunk]:
    """The chunks in their order, from a few processes, those that were there already from the disk."""
    records = iter(source.records)
    chunks = enumerate(iter(lambda: list(islice(records, source.chunk)), []))
    first = next(chunks, None)
    if first is None:
        return
    pool = None
    if num_workers > 1 and len(first[1]) == source.chunk:
        pool = ProcessPoolExecutor(num_workers, mp_context=multiprocessing.get_context("spawn"))

    def begun(number: int, chunk: list[Any]) -> tuple[int, bool, Callable[[], Chunk]]:
        there = None if parts is None else parts.load(number)
        if there is not None:
            return number, False, lambda: there
        if pool is None:
            return number, True, partial(read_chunk, source.read, chunk)
        return number, True, pool.submit(read_chunk, source.read, chunk).result

    try:
        waiting = deque(begun(*one) for one in chain([first], islice(chunks, num_workers)))
        while waiting:
            number, fresh, result = waiting.popleft()
            try:
                chunk = result()
            except BrokenProcessPool as error:
                cause = 'too little memory, or a script without `if __name__ == "__main__":`'
                raise DataError(
                    f"a process reading {source.name} died: {cause}; num_workers=1 needs neither"
                ) from error
            if fresh and parts is not None:
                parts.save(number, chunk)
            waiting.extend(begun(*one) for one in islice(chunks, 1))
            yield chunk
    finally:
        if pool is not None:
            pool.shutdown(cancel_futures=True)
