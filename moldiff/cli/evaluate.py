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

    Example: moldiff compare ours.sdf theirs.sdf --reference train.smi --distances-to stores/qm9 --protocol lookup
    """
    from moldiff.cli._scoring import counted, read_distribution
    from moldiff.data.reference import read_references
    from moldiff.errors import ConfigError
    from moldiff.metrics.console import render_comparison
    from moldiff.metrics.export import write_json

    names = [str(file) for file in files]
    if len(set(names)) < max(2, len(names)):
        raise ConfigError(f"compare: expected two or more different files, got {', '.join(names)}")
    known = read_references(reference, report=tell)
    measured, data = read_distribution(distances_to, check, most_checked, num_workers=num_workers)
    scores = {
        name: counted(
            file,
            checks=check or (),
            most_checked=most_checked,
            num_workers=num_workers,
            reference=known,
            protocols=protocol or (),
            distances_to=measured,
            with_druglike=druglike,
        )
        for name, file in zip(names, files, strict=True)
    }
    show_table(render_comparison(scores, data))
    if json is not None:
        write_json(scores, json)


MOST_PLOTTED = 100_000  # molecules


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
    flat: Annotated[bool, Option("--flat", help="Leave the 3D viewer out; a page of 3 MB less.")] = False,
    num_workers: NumWorkers = None,
    overwrite: Annotated[bool, Option("--overwrite", help="Replace the page if it is there.")] = False,
) -> None:
    """Writes a page with all figures, plots, failures and a gallery in 3D; it needs no network.

    Example: moldiff report samples.sdf -o report.html --distances-to stores/qm9 --data-row qm9 --check mmff94
    """
    from moldiff.cli._scoring import counted, read_distribution
    from moldiff.data.reference import read_references
    from moldiff.viz.depict import check_free
    from moldiff.viz.gallery import Gallery
    from moldiff.viz.report import check_packages, write_page

    check_free(out, overwrite=overwrite)
    check_packages()
    known = read_references(reference, report=tell)
    measured, data = read_distribution(distances_to, check, most_checked, data_row=data_row, num_workers=num_workers)
    shown = Gallery(gallery)
    result = counted(
        file,
        checks=check or (),
        most_checked=most_checked,
        num_workers=num_workers,
        on_record=shown.add,
        keep=MOST_PLOTTED,
        num_requested=num_requested,
        reference=known,
        protocols=protocol or (),
        distances_to=measured,
        with_druglike=druglike,
    )
    write_page(out, result, shown, title=file.name, flat=flat, data=data, reference=measured)
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
    """Scores any SDF strictly: nothing is repaired, every rate shows its count. Needs no model and no data set.

    Examples: moldiff score samples.sdf | moldiff score theirs.sdf --reference train.smi --csv theirs.csv
    """
    from moldiff.cli._scoring import counted, read_distribution
    from moldiff.data.reference import read_references
    from moldiff.metrics.console import render
    from moldiff.metrics.export import CsvRows, write_json

    known = read_references(reference, report=tell)
    measured, data = read_distribution(distances_to, check, most_checked, data_row=data_row, num_workers=num_workers)
    with ExitStack() as files:
        rows = None if csv is None else files.enter_context(CsvRows(csv))
        result = counted(
            file,
            checks=check or (),
            most_checked=most_checked,
            num_workers=num_workers,
            on_record=None if rows is None else lambda _, verdict: rows.add(verdict),
            num_requested=num_requested,
            reference=known,
            protocols=protocol or (),
            distances_to=measured,
            with_druglike=druglike,
        )
    show_table(render(result, data))
    if json is not None:
        write_json(result, json)
