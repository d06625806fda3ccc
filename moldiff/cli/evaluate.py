"""Commands that score files of molecules: `score`, `compare`, `report`."""

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from moldiff.cli._options import (
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
from moldiff.cli._terminal import say, show_table, tell


def compare(
    files: Annotated[list[Path], Argument(help="Two or more files as of `moldiff score`.")],
    reference: Reference = None,
    distances_to: DistancesTo = None,
    protocol: Protocols = None,
    druglike: Druglike = False,
    check: Checks = None,
    most_checked: MostChecked = MOST_CHECKED,
    num_workers: NumWorkers = None,
    json: Annotated[Path | None, Option("--json", help="Write all scores, by file, to this file.")] = None,
) -> None:
    """Scores several files by the same rules, side by side.

    Example: moldiff compare ours.sdf theirs.sdf --reference train.smi --distances-to stores/qm9 --protocol midi
    """
    from moldiff.evaluation.scoring import ScoringOptions
    from moldiff.evaluation.scoring import compare as score_all
    from moldiff.metrics.console import render_comparison
    from moldiff.metrics.export import write_json
    from moldiff.runtime.progress import terminal_of_errors

    options = ScoringOptions(
        reference, distances_to, None, protocol or (), druglike, check or (), most_checked, num_workers
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
    most_checked: MostChecked = MOST_CHECKED,
    gallery: Annotated[int, Option(min=1, help="Molecules shown in the gallery, the first ones.")] = 200,
    flat: Annotated[bool, Option("--flat", help="Leave the 3D viewer out; the page is 3 MB smaller.")] = False,
    num_workers: NumWorkers = None,
    overwrite: Annotated[bool, Option("--overwrite", help="Replace the page if it is there.")] = False,
) -> None:
    """Writes an HTML page with all figures, plots, failures and a gallery in 3D; it works offline.

    Example: moldiff report samples.sdf -o report.html --distances-to stores/qm9 --data-row qm9 --check mmff94
    """
    from moldiff.evaluation.report import report as write
    from moldiff.evaluation.scoring import ScoringOptions
    from moldiff.runtime.progress import terminal_of_errors

    options = ScoringOptions(
        reference, distances_to, data_row, protocol or (), druglike, check or (), most_checked, num_workers
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
    most_checked: MostChecked = MOST_CHECKED,
    num_workers: NumWorkers = None,
    json: Annotated[Path | None, Option("--json", help="Write rates, counts and intervals to this file.")] = None,
    csv: Annotated[Path | None, Option("--csv", help="Write a row for each molecule to this file.")] = None,
) -> None:
    """Scores molecules of any origin: nothing is repaired, every rate shows its count. Needs no weights and no data.

    Examples: moldiff score samples.sdf | moldiff score theirs.sdf --reference train.smi --csv theirs.csv
    """
    from moldiff.evaluation.scoring import Scorer, ScoringOptions
    from moldiff.metrics.console import render
    from moldiff.metrics.export import CsvRows, write_json
    from moldiff.runtime.progress import terminal_of_errors

    options = ScoringOptions(
        reference, distances_to, data_row, protocol or (), druglike, check or (), most_checked, num_workers
    )
    scorer = Scorer(options, console=terminal_of_errors(), report=tell)
    with ExitStack() as files:
        rows = None if csv is None else files.enter_context(CsvRows(csv))
        on_record = None if rows is None else lambda _, verdict: rows.add(verdict)
        result = scorer.score(file, num_requested=num_requested, on_record=on_record)
    show_table(render(result))
    if json is not None:
        write_json(result, json)
