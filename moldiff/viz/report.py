"""A score as one page of HTML that works offline."""

import json
import re
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from rdkit import Chem

import moldiff
from moldiff.metrics.export import write_text
from moldiff.metrics.geometry import Measured
from moldiff.metrics.score_result import Score
from moldiff.metrics.tables import score_tables
from moldiff.runtime.optional import need_packages
from moldiff.runtime.plain_text import plain
from moldiff.viz.depict import formula_svg
from moldiff.viz.gallery import Gallery, figure_names
from moldiff.viz.plots import plots, strain_plot

PACKAGES = ("chemiscope", "jinja2", "matplotlib")
VIEWER = "sphinx/static/chemiscope.min.js"  # of chemiscope; holds 3Dmol.js


def check_packages() -> None:
    """The packages of the extra `report`; if one is not there it is a `MissingPackageError`."""
    need_packages(PACKAGES, what="a report", extra="report")


def write_report(
    path: str | Path,
    score: Score,
    gallery: Gallery,
    *,
    title: str,
    flat: bool = False,
    reference: Measured | None = None,
) -> None:
    """Writes the page: tables, plots, failures with examples, a gallery in 3D; an `OutputError` if it cannot.

    Args:
        path: of the page.
        score: with its valid molecules, for the plots, and the data's own figures.
        gallery: of the same records.
        title: what was scored.
        flat: leave the 3D viewer out, 3 MB.
        reference: what molecules of the data measure.
    """
    check_packages()
    from jinja2 import Environment, PackageLoader

    entries = gallery.with_figures()
    environment = Environment(loader=PackageLoader("moldiff.viz"), autoescape=True, trim_blocks=True)
    pictures = plots(score.molecules, reference)
    strain = strain_plot(score.checks, {} if score.data is None else score.data.checks)
    page = environment.get_template("report.html.jinja").render(
        title=plain(title),
        version=f"moldiff {moldiff.__version__}, RDKit {version('rdkit')}",
        tables=score_tables(score),
        plots=pictures | ({"Strain energy": strain} if strain else {}),
        unknown_rings=_unknown_rings(score),
        examples=gallery.examples,
        failures=score.failures,
        names=figure_names(entries),
        style=_own("report.css"),
        script=_own("report.js"),
        viewer="" if flat else _inside(Path(str(files("chemiscope"))).joinpath(VIEWER).read_text(encoding="utf-8")),
        entries=json.dumps(entries).replace("<", r"\u003c"),
    )
    write_text(path, page)


def _unknown_rings(score: Score) -> list[tuple[str, str, int]]:
    """Pictures of the most frequent ring systems that the reference has not, their SMILES, molecules with each."""
    if score.chemistry is None:
        return []
    found = ((Chem.MolFromSmiles(smiles), smiles, count) for smiles, count in score.chemistry.unknown_ring_systems)
    return [("" if mol is None else formula_svg(mol), plain(smiles), count) for mol, smiles, count in found]


def _own(name: str) -> str:
    return files("moldiff.viz").joinpath("templates", name).read_text(encoding="utf-8")


def _inside(script: str) -> str:
    """A script that cannot end the `<script>` around it."""
    return re.sub("</(?=script)", r"<\\/", script, flags=re.IGNORECASE).replace("<!--", r"<\!--")
