"""`moldiff score`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from typer import Argument, Option

if TYPE_CHECKING:
    from moldiff.scoring.score import Score


def score(
    file: Annotated[Path, Argument(help="Molecules with bonds and all hydrogens: .sdf or .mol, plain or .gz.")],
    reference: Annotated[
        list[Path] | None, Option(help="Known molecules for novelty: .sdf, .smi or .csv; repeatable.")
    ] = None,
    num_requested: Annotated[
        int | None, Option(min=0, help="Molecules asked for; those not in the file count as failures.")
    ] = None,
    data_row: Annotated[
        str | None, Option(help="Show the data's own score of these weights beside, such as qm9.")
    ] = None,
    protocol: Annotated[
        list[Literal["lookup", "midi", "geom-revised"]] | None,
        Option(help="Count by an older protocol, too, for comparison with its published figures; repeatable."),
    ] = None,
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
    result = count(
        (record for _, record in read_records(file)),
        reference=known, num_requested=num_requested, protocols=protocol or (),
    )  # fmt: skip
    Console().print(render(result, data_row=own))
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
