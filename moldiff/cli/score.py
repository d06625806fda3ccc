"""`moldiff score`."""

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from moldiff.cli.scoring import (
    MOST_CHECKED,
    Checks,
    DataRowOf,
    DistancesTo,
    Druglike,
    MostChecked,
    NumRequested,
    NumWorkers,
    Protocols,
    Reference,
)
from moldiff.cli.terminal import show_table


def score(
    file: Annotated[
        Path, Argument(help="Molecules: .sdf, .xyz (bonds are perceived), .smi or .csv, plain or .gz, or a folder.")
    ],
    reference: Reference = None,
    num_requested: NumRequested = None,
    data_row: DataRowOf = None,
    distances_to: DistancesTo = None,
    protocol: Protocols = None,
    druglike: Druglike = False,
    check: Checks = None,
    most_checked: MostChecked = MOST_CHECKED,
    num_workers: NumWorkers = None,
    json: Annotated[Path | None, Option("--json", help="Write rates, counts and intervals to this file.")] = None,
    csv: Annotated[Path | None, Option("--csv", help="Write a row for each molecule to this file.")] = None,
) -> None:
    """Scores any SDF strictly: nothing is repaired, every rate shows its count. Needs no model and no data set.

    Examples: moldiff score samples.sdf | moldiff score theirs.sdf --reference train.smi --csv theirs.csv
    """
    from moldiff.cli.scoring import counted, read_distribution, read_references
    from moldiff.scoring.output import CsvRows, write_json
    from moldiff.scoring.tables import render

    known = read_references(reference)
    measured, data = read_distribution(distances_to, check, most_checked, data_row=data_row, num_workers=num_workers)
    with ExitStack() as files:
        rows = None if csv is None else files.enter_context(CsvRows(csv))
        result = counted(
            file, checks=check or (), most_checked=most_checked, num_workers=num_workers,
            on_record=None if rows is None else lambda _, verdict: rows.add(verdict), num_requested=num_requested,
            reference=known, protocols=protocol or (), distances_to=measured, with_druglike=druglike,
        )  # fmt: skip
    show_table(render(result, data))
    if json is not None:
        write_json(result, json)
