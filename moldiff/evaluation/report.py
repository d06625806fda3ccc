"""The report of `moldiff report`, from Python."""

import warnings
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from moldiff.evaluation.references import PathLike
from moldiff.evaluation.scorer import Scorer, ScoringOptions
from moldiff.metrics.score_result import Score
from moldiff.viz.depict import check_free
from moldiff.viz.gallery import Gallery
from moldiff.viz.report import check_packages, write_report

MOST_PLOTTED = 100_000  # molecules


def report(
    file: PathLike,
    out: PathLike = "report.html",
    *,
    options: ScoringOptions | None = None,
    num_requested: int | None = None,
    gallery: int = 200,
    flat: bool = False,
    overwrite: bool = False,
    console: Console | None = None,
    report_line: Callable[[str], None] = warnings.warn,
) -> Score:
    """Writes one HTML page with all figures, plots, failures and a gallery in 3D; it works offline.

    Args:
        file: molecules, as of `moldiff.evaluation.scoring.score`.
        out: the page.
        options: what to compute.
        num_requested: molecules requested; those without a record count against every rate.
        gallery: molecules shown in the gallery, the first ones.
        flat: leave the 3D viewer out, 3 MB.
        overwrite: replace the page if it is there.
        console: shows progress; None for silence.
        report_line: called with a line on records of the reference that cannot be used.

    Returns:
        The score that the page shows.

    Raises:
        OutputError: if the page is there and not to be replaced, or cannot be written.
        MissingPackageError: if a package of the extra `report` is missing.
    """
    check_free(Path(out), overwrite=overwrite)
    check_packages()
    scorer = Scorer(options or ScoringOptions(), console=console, report=report_line)
    entries = Gallery(gallery)
    result = scorer.score(file, num_requested=num_requested, keep=MOST_PLOTTED, on_row=entries.add)
    title = Path(file).name if isinstance(file, str | Path) else "molecules"
    write_report(out, result, entries, title=title, flat=flat, reference=scorer.measured)
    return result
