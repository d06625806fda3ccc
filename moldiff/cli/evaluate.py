"""Commands that score files of molecules: `score`, `compare`, `report`, `filter`."""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from moldiff.cli._options import (
    DEFAULT_MOST_CHECKED,
    CheckFile,
    Checks,
    Chemistry,
    DataRowOf,
    DistancesTo,
    Druglike,
    MostChecked,
    NumRequested,
    NumWorkers,
    Protocols,
    Reference,
)
from moldiff.cli._terminal import say, show_table, tell

if TYPE_CHECKING:
    from moldiff.chem.validity import Record
    from moldiff.metrics.molecule_row import MoleculeRow


def compare(
    files: Annotated[list[Path], Argument(help="Two or more files as of `moldiff score`.")],
    reference: Reference = None,
    distances_to: DistancesTo = None,
    protocol: Protocols = None,
    druglike: Druglike = False,
    check: Checks = None,
    most_checked: MostChecked = DEFAULT_MOST_CHECKED,
    chemistry: Chemistry = None,
    check_file: CheckFile = None,
    num_workers: NumWorkers = None,
    json: Annotated[Path | None, Option("--json", help="Write all scores, by file, to this file.")] = None,
) -> None:
    """Scores several files by the same rules, side by side.

    Example: moldiff compare ours.sdf theirs.sdf --reference train.smi --distances-to stores/qm9 --protocol midi
    """
    from moldiff.evaluation.scorer import ScoringOptions
    from moldiff.evaluation.scoring import compare as score_all
    from moldiff.metrics.console import render_comparison
    from moldiff.metrics.export import write_json
    from moldiff.runtime.progress import terminal_of_errors

    checks, protocols = check or (), protocol or ()
    options = ScoringOptions(
        reference, distances_to, None, protocols, druglike, checks, most_checked, num_workers, chemistry, check_file
    )
    scores = score_all(files, options=options, console=terminal_of_errors(), report=tell)
    show_table(render_comparison(scores))
    if json is not None:
        write_json(scores, json)


def report(
    file: Annotated[Path, Argument(help="Molecules, as of `moldiff score`.")],
    out: Annotated[Path, Option("--out", "-o", help="The page.")] = Path("report.html"),
    reference: Reference = None,
    num_requested: NumRequested = None,
    data_row: DataRowOf = None,
    distances_to: DistancesTo = None,
    protocol: Protocols = None,
    druglike: Druglike = False,
    check: Checks = None,
    most_checked: MostChecked = DEFAULT_MOST_CHECKED,
    chemistry: Chemistry = None,
    check_file: CheckFile = None,
    gallery: Annotated[int, Option(min=1, help="Molecules shown in the gallery, the first ones.")] = 200,
    flat: Annotated[bool, Option("--flat", help="Leave the 3D viewer out; the page is 3 MB smaller.")] = False,
    num_workers: NumWorkers = None,
    overwrite: Annotated[bool, Option("--overwrite", help="Replace the page if it is there.")] = False,
) -> None:
    """Writes an HTML page with all figures, plots, failures and a gallery in 3D; it works offline.

    Example: moldiff report samples.sdf -o report.html --distances-to stores/qm9 --data-row qm9 --check mmff94
    """
    from moldiff.evaluation.report import report as write
    from moldiff.evaluation.scorer import ScoringOptions
    from moldiff.runtime.progress import terminal_of_errors

    checks, protocols = check or (), protocol or ()
    options = ScoringOptions(
        reference, distances_to, data_row, protocols, druglike, checks, most_checked, num_workers, chemistry, check_file
    )
    write(
        file,
        out,
        options=options,
        num_requested=num_requested,
        gallery=gallery,
        flat=flat,
        overwrite=overwrite,
        console=terminal_of_errors(),
        report_line=tell,
    )
    say(f"{out}: {out.stat().st_size / 1e6:.1f} MB; open it in a browser")


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
    most_checked: MostChecked = DEFAULT_MOST_CHECKED,
    chemistry: Chemistry = None,
    check_file: CheckFile = None,
    num_workers: NumWorkers = None,
    json: Annotated[Path | None, Option("--json", help="Write rates, counts and intervals to this file.")] = None,
    csv: Annotated[
        Path | None, Option("--csv", help="Write a row for each molecule, with all its figures, to this file.")
    ] = None,
    sdf: Annotated[
        Path | None, Option("--sdf", help="Write the molecules to this file, with all their figures as tags.")
    ] = None,
) -> None:
    """Scores molecules of any origin: nothing is repaired, every rate shows its count. Needs no weights and no data.

    Examples: moldiff score samples.sdf | moldiff score theirs.sdf --reference train.smi --csv theirs.csv
    """
    from moldiff.evaluation.references import refuse_to_replace
    from moldiff.evaluation.scorer import Scorer, ScoringOptions
    from moldiff.metrics.console import render
    from moldiff.metrics.export import CsvRows, SdfRows, write_json
    from moldiff.metrics.molecule_row import columns_of
    from moldiff.runtime.progress import terminal_of_errors

    checks, protocols = check or (), protocol or ()
    options = ScoringOptions(
        reference, distances_to, data_row, protocols, druglike, checks, most_checked, num_workers, chemistry, check_file
    )
    refuse_to_replace(file, csv, sdf, json)
    scorer = Scorer(options, console=terminal_of_errors(), report=tell)
    columns = columns_of(described=True, checks=scorer.checks)
    with ExitStack() as files:
        kinds = [(CsvRows, csv), (SdfRows, sdf)]
        rows = [files.enter_context(kind(out, columns)) for kind, out in kinds if out is not None]

        def write(record: "Record", row: "MoleculeRow") -> None:
            for file in rows:
                file.add(record, row)

        result = scorer.score(file, num_requested=num_requested, describe=bool(rows), on_row=write if rows else None)
    show_table(render(result))
    for one in rows:
        if one.num_left_out:
            tell(f"{one.path}: {one.num_left_out} records are not in it: not read, or without coordinates")
    if json is not None:
        write_json(result, json)


def filter_molecules(
    file: Annotated[Path, Argument(help="Molecules, as of `moldiff score`.")],
    where: Annotated[
        str,
        Option(
            "--where",
            "-w",
            help="Condition on the columns of `moldiff score --csv`, such as 'qed > 0.6 and alerts == 0'.",
        ),
    ],
    out: Annotated[Path, Option("--out", "-o", help="The molecules kept: .sdf with figures as tags, .csv or .smi.")],
    reference: Reference = None,
    chemistry: Chemistry = None,
    check_file: CheckFile = None,
    num_workers: NumWorkers = None,
    overwrite: Annotated[bool, Option("--overwrite", help="Replace the file if it is there.")] = False,
) -> None:
    """Keeps the molecules that fulfil a condition, under their names and with their tags.

    Example: moldiff filter any.sdf --where "qed > 0.6 and alerts == 0 and rings_known" --out kept.sdf
    """
    from moldiff.evaluation.filtering import filter_molecules as keep
    from moldiff.runtime.progress import terminal_of_errors

    found = keep(
        file,
        where,
        out,
        reference=reference,
        chemistry=chemistry,
        check_file=check_file,
        overwrite=overwrite,
        num_workers=num_workers,
        console=terminal_of_errors(),
        report=tell,
    )
    looked_up = "ring systems" if reference else "ring systems and novelty"
    against = "" if found.chemistry is None else f"; {looked_up} against {found.chemistry}"
    say(f"{out}: {found.num_kept - found.num_left_out:,} of {found.num_records:,} molecules{against}")
    if found.num_undecided:
        tell(f"{found.num_undecided:,} molecules have not all figures that the condition needs, and are not in it")
    if found.num_left_out:
        why = "are not valid; write .csv" if out.suffix.lower() == ".smi" else "have no coordinates; write .csv or .smi"
        tell(f"{found.num_left_out:,} molecules are not in it: they {why}")
