"""`moldiff report`."""

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
from moldiff.cli.terminal import say

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
    from moldiff.chem.picture import check_free
    from moldiff.cli.scoring import counted, read_distribution, read_references
    from moldiff.page.gallery import Gallery
    from moldiff.page.write import check_packages, write_page

    check_free(out, overwrite=overwrite)
    check_packages()
    known = read_references(reference)
    measured, data = read_distribution(distances_to, check, most_checked, data_row=data_row, num_workers=num_workers)
    shown = Gallery(gallery)
    result = counted(
        file, checks=check or (), most_checked=most_checked, num_workers=num_workers, on_record=shown.add,
        keep=MOST_PLOTTED, num_requested=num_requested, reference=known, protocols=protocol or (),
        distances_to=measured, with_druglike=druglike,
    )  # fmt: skip
    write_page(out, result, shown, title=file.name, flat=flat, data=data, reference=measured)
    say(f"{out}: {out.stat().st_size / 1e6:.1f} MB; open it in a browser")
