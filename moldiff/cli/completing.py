"""What the commands that complete molecules share: options, progress, writing, and the word on what failed."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from typer import Argument, Option

from moldiff.cli.drawing import FEWER, INTERRUPTED, drawing_progress, tagged
from moldiff.cli.terminal import say, show_table, tell
from moldiff.errors import DataError, MoldiffError
from moldiff.interrupt import Interrupt

if TYPE_CHECKING:
    from moldiff.chem.molecule import Failure
    from moldiff.chem.validity import Checked
    from moldiff.cli.judging import Judge
    from moldiff.generator import Sample

Steps = Annotated[int, Option("--num-steps", min=1, help="Network evaluations for each attempt.")]
NumEach = Annotated[int, Option("--num-each", "-n", min=1, help="Molecules for each one of the input.")]
Seed = Annotated[int, Option(min=0, help="Of all randomness.")]
NumThreads = Annotated[int | None, Option(min=1, max=1024, help="CPU threads. (default: one a core)")]
Geometries = Annotated[Path, Argument(help="Molecules in 3D with all hydrogens: .xyz, .sdf or .mol, plain or .gz.")]
MOST_TOLD = 10  # failures that are told one by one

Item = TypeVar("Item")
Draw = Callable[..., "Iterator[Sample]"]  # of the items, with options of `MoleculeGenerator.complete`


def complete(
    items: list[Item],
    draw: Draw,
    out: Path,
    *,
    failed: dict[str, str],
    num_each: int = 1,
    num_steps: int,
    seed: int,
    overwrite: bool,
    tags: Callable[["Sample"], dict[str, str]] = lambda sample: {},
    judges: "Sequence[Judge]" = (),
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
        judges: of what was asked for.

    Raises:
        Exit: with the exit code where it is not 0.
    """
    from moldiff.chem.files import open_writer
    from moldiff.chem.molecule import Failure

    asked, reasons, interrupt = (len(items) + len(failed)) * num_each, Counter[str](), Interrupt()
    told = 0
    progress = drawing_progress()
    progress.expect(len(items) * num_each * num_steps)

    def step(count: int) -> None:
        if interrupt.asked:
            raise KeyboardInterrupt
        progress.advance(count)  # attempts after the first come on top of what was expected

    for label, why in list(failed.items())[:MOST_TOLD]:
        tell(f"{label}: {why}")
    samples, interrupted = draw(items, seed=seed, num_steps=num_steps, on_step=step), True
    with open_writer(out, overwrite=overwrite) as writer, progress, interrupt, suppress(KeyboardInterrupt):
        for sample in samples:
            if isinstance(sample.result, Failure):
                reasons[sample.result.reason] += 1
                told += 1
                if told <= MOST_TOLD:
                    name = sample.molecule.name if sample.molecule is not None else ""
                    progress.tell(
                        f"moldiff: {name or 'sample'} ({sample.index + 1}): {sample.result.reason}: "
                        f"{sample.result.detail}"
                    )
                continue
            good = tagged(sample, writer.path.suffix)
            good = replace(good, properties={**good.properties, **tags(sample)})
            for judge in judges:
                (good,) = judge.judged([good])
            writer.write(good)
        interrupted = False
    for judge in judges:
        show_table(judge.table())
    parts = [f"{count} {reason}" for reason, count in reasons.most_common()]
    parts += [f"{len(failed) * num_each} refused"] if failed else []
    say(f"{out}: {writer.num_written} of {asked} molecules" + (f"; {', '.join(parts)}" if parts else ""))
    if interrupted:
        tell("stopped by the user; what was done is kept")
        raise typer.Exit(INTERRUPTED)
    if writer.num_written < asked:
        raise typer.Exit(FEWER)


def usable(
    path: Path, records: Iterable[tuple[int, "Item | Failure"]], check: Callable[[Item], object]
) -> tuple[list[Item], dict[str, str]]:
    """The records that a task can honour, and the others by number with the reason, before anything is computed.

    Args:
        path: named in the messages.
        records: of a reader.
        check: raises what speaks against a record.

    Returns:
        The records and the reasons.

    Raises:
        DataError: if there is none; the first reason is in the message.
    """
    from moldiff.chem.molecule import Failure

    good: list[Item] = []
    failed: dict[str, str] = {}
    for number, record in records:
        label = f"{path.name}, record {number}"
        try:
            if isinstance(record, Failure):
                failed[label] = record.detail
            else:
                check(record)
                good.append(record)
        except MoldiffError as error:
            failed[label] = str(error)
    if not good:
        label, why = next(iter(failed.items()), (str(path), "has no molecules"))
        raise DataError(f"{label}: {why}" + (f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""))
    return good, failed


def records_of(source: str) -> tuple[Path, Iterable[tuple[int, "Checked"]]]:
    """The records of a file, or the one that a SMILES in its place is."""
    from moldiff.chem.files import read_records
    from moldiff.chem.molecule import Failure
    from moldiff.chem.smiles import record_of_smiles

    path = Path(source)
    if path.exists():
        return path, read_records(path)
    record = record_of_smiles(source)
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
