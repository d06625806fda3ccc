"""One page of HTML that tells all of a score and works without a network."""

import json
import re
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import moldiff
from moldiff.metrics.export import write_text
from moldiff.metrics.geometry import Measured
from moldiff.metrics.score import Score
from moldiff.metrics.tables import DataRow, grids
from moldiff.runtime.optional import need_packages
from moldiff.runtime.plain_text import plain
from moldiff.viz.gallery import Gallery, figure_names
from moldiff.viz.plots import plots, strain_plot

PACKAGES = ("chemiscope", "jinja2", "matplotlib")
VIEWER = "sphinx/static/chemiscope.min.js"  # of chemiscope; holds 3Dmol.js


def check_packages() -> None:
    """The packages of the extra `report`; if one is not there it is a `MissingPackageError`."""
    need_packages(PACKAGES, what="a report", extra="report")


def write_page(
    path: str | Path,
    score: Score,
    gallery: Gallery,
    *,
    title: str,
    flat: bool = False,
    data: DataRow | None = None,
    reference: Measured | None = None,
) -> None:
    """Writes the page: tables, plots, failures with examples, a gallery in 3D; an `OutputError` where it cannot be.

    Args:
        path: of the page.
        score: with its valid molecules kept, for the plots.
        gallery: of the same records.
        title: what was scored.
        flat: leave the viewer out, 3 MB, and with it the 3D.
        data: the data's own figures.
        reference: what molecules of the data measure.
    """
    check_packages()
    from jinja2 import Environment, PackageLoader

    entries = gallery.with_figures(score.closer)
    environment = Environment(loader=PackageLoader("moldiff.viz"), autoescape=True, trim_blocks=True)
    pictures = plots(score.molecules, reference)
    strain = strain_plot(score.closer, {} if data is None else data.closer)
    page = environment.get_template("report.html.jinja").render(
        title=plain(title),
        version=f"moldiff {moldiff.__version__}, RDKit {version('rdkit')}",
        grids=grids(score, data),
        plots=pictures | ({"Strain energy": strain} if strain else {}),
        examples=gallery.examples,
        failures=score.failures,
        names=figure_names(entries),
        style=_own("report.css"),
        script=_own("report.js"),
        viewer="" if flat else _inside(Path(str(files("chemiscope"))).joinpath(VIEWER).read_text(encoding="utf-8")),
        entries=json.dumps(entries).replace("<", r"\u003c"),
    )
    write_text(path, page)


def _own(name: str) -> str:
    return files("moldiff.viz").joinpath("templates", name).read_text(encoding="utf-8")


def _inside(script: str) -> str:
    """A script that cannot end the `<script>` around it."""
    return re.sub("</(?=script)", r"<\\/", script, flags=re.IGNORECASE).replace("<!--", r"<\!--")
