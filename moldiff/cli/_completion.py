"""What the commands that complete molecules share: options, progress, writing, and the word on what failed."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from moldiff.cli._progress import FEWER, INTERRUPTED, drawing_progress
from moldiff.cli._refusals import Refusals, Refused
from moldiff.cli._terminal import say, show_table, tell
from moldiff.errors import DataError, MoldiffError
from moldiff.generation.records import tagged
from moldiff.runtime.interrupt import Interrupt

if TYPE_CHECKING:
    from moldiff.chem.molecule import Failure
    from moldiff.chem.validity import Checked, Record
    from moldiff.generation.sample import Sample
    from moldiff.generation.target_report import Judge


Item = TypeVar("Item")
Draw = Callable[..., "Iterator[Sample]"]  # of the items, with options of `MoleculeGenerator.complete`


def complete(
    items: list[Item],
    draw: Draw,
    out: Path,
    *,
    failed: Mapping[str, Refused],
    num_each: int = 1,
    num_steps: int,
    seed: int,
    overwrite: bool,
    tags: Callable[["Sample"], dict[str, str]] = lambda sample: {},
    evaluators: "Sequence[Judge]" = (),
    failures: Path | None = None,
) -> None:
    """Draws, writes what is good, tells what is not; exit code 3 if fewer came than were asked for.

    Args:
        items: to complete.
        draw: gives `num_each` samples of each item in order.
        out: file to write.
        failed: records of the input that are not among the items, and why.
        num_each: samples of each.
        num_steps: of an attempt.
        seed: of all randomness.
        overwrite: replace a file that is there.
        tags: further properties of a sample.
        evaluators: of what was asked for.
        failures: table of all that was refused or failed.

    Raises:
        Exit: with the exit code where it is not 0.
    """
    from moldiff.chem.molecule import Failure
    from moldiff.io.writer import open_writer

    asked, interrupt = (len(items) + len(failed)) * num_each, Interrupt()
    progress = drawing_progress()
    progress.expect(len(items) * num_each * num_steps)

    def step(count: int) -> None:
        if interrupt.requested:
            raise KeyboardInterrupt
        progress.advance(count)  # attempts after the first come on top of what was expected

    samples, interrupted = draw(items, seed=seed, num_steps=num_steps, on_step=step), True
    refusals = Refusals(failed, failures, num_each=num_each, tell=lambda line: progress.tell(f"moldiff: {line}"))
    with refusals, open_writer(out, overwrite=overwrite) as writer, progress, interrupt, suppress(KeyboardInterrupt):
        for sample in samples:
            if isinstance(sample.result, Failure):
                refusals.add(sample, sample.result.reason, sample.result.detail)
                continue
            good = tagged(sample, writer.path.suffix)
            good = replace(good, properties={**good.properties, **tags(sample)})
            for judge in evaluators:
                (good,) = judge.judged([good])
            writer.write(good)
        interrupted = False
    for judge in evaluators:
        show_table(judge.table())
    refusals.close_with_count()
    say(f"{out}: {writer.num_written} of {asked} molecules{refusals.summary()}")
    if interrupted:
        tell("stopped by the user; what was done is kept")
        raise typer.Exit(INTERRUPTED)
    if writer.num_written < asked:
        raise typer.Exit(FEWER)


def usable(
    path: Path,
    records: "Iterable[tuple[int, Record | Failure]]",
    check: Callable[[Any], object],
    *,
    make: "Callable[[Any], Item | Failure] | None" = None,
    failures: Path | None = None,
) -> tuple[list[Any], dict[str, Refused]]:
    """The records that a task can honour, and the others with the reason, before anything is computed.

    Args:
        path: named in the messages.
        records: of a reader.
        check: raises what speaks against an item.
        make: an item of a record; without it the record is one.
        failures: table of all that was refused, written here if there is nothing to go on with.

    Returns:
        The items; and what was refused, by a label that names the file and the record.

    Raises:
        DataError: if there is none; the first reason is in the message.
    """
    from moldiff.chem.molecule import Failure
    from moldiff.chem.rdkit_conversion import title

    good: list[Any] = []
    refused: dict[str, Refused] = {}
    for number, record in records:
        result = record
        try:
            result = make(record) if make is not None and not isinstance(record, Failure) else record
            if not isinstance(result, Failure):
                check(result)
        except MoldiffError as error:
            result = Failure(type(error).__name__.removesuffix("Error").lower(), str(error))
        if isinstance(result, Failure):
            refused[f"{path.name}, record {number}"] = Refused(number, title(record), result.reason, result.detail)
        else:
            good.append(result)
    if not good:
        with Refusals(refused, failures, num_each=1, tell=lambda line: None):
            label, why = next(iter(refused.items()), (str(path), "has no molecules"))
        raise DataError(f"{label}: {why}" + (f" (and {len(refused) - 1} more)" if len(refused) > 1 else ""))
    return good, refused


def records_of(source: str, *, stars: bool = False) -> tuple[Path, Iterable[tuple[int, "Checked"]]]:
    """The records of a file, or the one that a SMILES in its place is; `stars` lets attachment points pass."""
    from moldiff.chem.molecule import Failure
    from moldiff.chem.smiles_parsing import record_of_smiles
    from moldiff.io.formats import read_records

    path = Path(source)
    if os.path.exists(path):  # unlike Path.exists, it takes any text
        return path, read_records(path, stars=stars)
    record = record_of_smiles(source, stars=stars)
    if isinstance(record, Failure) and record.reason == "unreadable":
        raise DataError(f"{source[:80]!r} is neither a file nor a SMILES")
    return Path("SMILES"), [(1, record)]


def bonds_told(sample: "Sample") -> dict[str, Any]:
    """How sure each bond is: `1-2:0.9998`, atoms counted from 1, and the least of all."""
    import numpy as np

    if sample.molecule is None or sample.confidence is None:
        return {}
    begin, end = np.nonzero(np.triu(sample.molecule.bond))
    sure = sample.confidence[begin, end]
    pairs = [f"{i + 1}-{j + 1}:{p:.4f}" for i, j, p in zip(begin.tolist(), end.tolist(), sure.tolist(), strict=True)]
    return {"bond_confidence": " ".join(pairs), "least_confidence": round(float(sure.min(initial=1.0)), 6)}
