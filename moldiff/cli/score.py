"""`moldiff score`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from moldiff.chem.molecule import Molecule
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
    json: Annotated[Path | None, Option("--json", help="Write rates, counts and intervals to this file.")] = None,
    csv: Annotated[Path | None, Option("--csv", help="Write a row for each molecule to this file.")] = None,
) -> None:
    """Scores any SDF strictly: nothing is repaired, every rate shows its count. Needs no model and no data set.

    Examples: moldiff score samples.sdf | moldiff score theirs.sdf --reference train.smi --csv theirs.csv
    """
    from rich.console import Console

    from moldiff.chem.files import read_records
    from moldiff.scoring.report import render, write_csv, write_json
    from moldiff.scoring.score import score as count

    own = None if data_row is None else read_data_row(data_row)
    known = read_references(reference)
    data, data_distances = read_distribution(distances_to)
    result = count(
        (record for _, record in read_records(file)),
        reference=known, num_requested=num_requested, protocols=protocol or (),
        distances_to=data, with_druglike=druglike,
    )  # fmt: skip
    Console().print(render(result, data_row=own, data_distances=data_distances))
    if json is not None:
        write_json(result, json)
    if csv is not None:
        write_csv(result, csv)


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
