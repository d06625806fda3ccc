"""`moldiff score`."""

import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from moldiff.chem.molecule import Molecule
    from moldiff.chem.validity import Verdict
    from moldiff.scoring.score import Score

Reference = Annotated[list[Path] | None, Option(help="Known molecules for novelty: .sdf, .smi or .csv; repeatable.")]
DistancesTo = Annotated[
    Path | None,
    Option(help="Molecules of the data: .sdf, or a prepared store, of which the test split is taken."),
]
Protocols = Annotated[
    list[str] | None,
    Option("--protocol", help="Count as others do, too: lookup, midi or geom-revised; repeatable."),
]

Druglike = Annotated[
    bool,
    Option("--druglike", help="QED, synthetic accessibility, logP, diversity; with --reference a Fréchet distance."),
]

NumWorkers = Annotated[
    int | None, Option(min=1, help="Processes for files of thousands of molecules.  [default: one a core]")
]


def score(
    file: Annotated[
        Path, Argument(help="Molecules: .sdf, .xyz (bonds are perceived), .smi or .csv, plain or .gz, or a folder.")
    ],
    reference: Reference = None,
    num_requested: Annotated[
        int | None, Option(min=0, help="Molecules asked for; those not in the file count as failures.")
    ] = None,
    data_row: Annotated[
        str | None, Option(help="Show the data's own score of these weights beside, such as qm9.")
    ] = None,
    distances_to: DistancesTo = None,
    protocol: Protocols = None,
    druglike: Druglike = False,
    num_workers: NumWorkers = None,
    json: Annotated[Path | None, Option("--json", help="Write rates, counts and intervals to this file.")] = None,
    csv: Annotated[Path | None, Option("--csv", help="Write a row for each molecule to this file.")] = None,
) -> None:
    """Scores any SDF strictly: nothing is repaired, every rate shows its count. Needs no model and no data set.

    Examples: moldiff score samples.sdf | moldiff score theirs.sdf --reference train.smi --csv theirs.csv
    """
    from rich.console import Console

    from moldiff.scoring.report import CsvRows, render, write_json

    own = None if data_row is None else read_data_row(data_row)
    known = read_references(reference)
    data, data_distances = read_distribution(distances_to)
    with ExitStack() as files:
        rows = None if csv is None else files.enter_context(CsvRows(csv))
        result = counted(
            file, rows.add if rows else None, num_requested=num_requested, reference=known, protocols=protocol or (),
            distances_to=data, with_druglike=druglike, num_workers=num_workers,
        )  # fmt: skip
    Console().print(render(result, data_row=own, data_distances=data_distances))
    if json is not None:
        write_json(result, json)


def counted(
    file: Path, on_verdict: "Callable[[Verdict], None] | None" = None, *, num_workers: int | None = None, **options: Any
) -> "Score":
    """The score of a file, with a line of progress on a terminal; the options are those of `moldiff.scoring.score`."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from moldiff.chem.files import read_records
    from moldiff.scoring.score import score

    terminal = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}: {task.completed:,.0f} molecules"), TimeElapsedColumn())
    with Progress(*columns, console=terminal, disable=not terminal.is_terminal, transient=True) as bar:
        task = bar.add_task(str(file), total=None)

        def told(verdict: "Verdict") -> None:
            bar.advance(task)
            if on_verdict is not None:
                on_verdict(verdict)

        records = (record for _, record in read_records(file))
        workers = num_workers or len(os.sched_getaffinity(0))
        return score(records, on_verdict=told, num_workers=workers, **options)


def read_data_row(weights: str) -> "Score":
    """The data's own score, as the weights carry it; if they carry none it is a `WeightsError`."""
    from moldiff.errors import WeightsError
    from moldiff.scoring.score import Score
    from moldiff.weights import find_weights, read_statistics

    row = read_statistics(find_weights(weights)).score
    if row is None:
        raise WeightsError(f"{weights}: these weights carry no score of their data; leave --data-row out")
    return Score.from_dict(row)


def read_distribution(source: Path | None) -> "tuple[Sequence[Molecule], Mapping[str, float]]":
    """Molecules to measure distances to, and the distances of as many of the train split of a store.

    Records of a file that cannot be used are left out; if none is left it is a `DataError`.
    """
    from moldiff.chem.files import read_molecules
    from moldiff.chem.molecule import Molecule
    from moldiff.errors import DataError
    from moldiff.scoring.geometry import geometry_distances

    if source is None:
        return (), {}
    train: list[Molecule] = []
    if source.is_dir():
        import numpy as np

        from moldiff.data.store import MoleculeStore

        store = MoleculeStore(source)
        molecules = [store.molecule(int(index)) for index in store.split("test")]
        some = np.random.default_rng(0).permutation(store.split("train"))[: len(molecules)]
        train = [store.molecule(int(index)) for index in some]
    else:
        molecules = [record for _, record in read_molecules(source) if isinstance(record, Molecule)]
    if not molecules:
        raise DataError(f"{source}: holds no molecule to measure distances to; give another file or store")
    return molecules, geometry_distances(train, molecules) if train else {}


def read_references(files: list[Path] | None) -> set[str] | None:
    """The canonical SMILES of all files together; says on stderr how many records could not be used."""
    import typer

    from moldiff.chem.files import read_reference

    if not files:
        return None
    known: set[str] = set()
    for file in files:
        found, failed = read_reference(file)
        known |= found
        if failed:
            reasons = ", ".join(f"{count} {reason}" for reason, count in failed.most_common())
            typer.echo(f"moldiff: {file}: {len(found)} molecules known; not usable: {reasons}", err=True)
    return known
