"""Molecules as a notebook shows them: a structural formula, and a 3D view where py3Dmol is installed."""

from importlib.util import find_spec

from moldiff.chem.molecule import Molecule
from moldiff.io.sdf import sdf_text
from moldiff.viz.depict import formula_svg

SIZE = (260, 200)  # pixels


def formula_html(molecule: Molecule) -> str:
    """The structural formula as an `<svg>`; empty if RDKit cannot draw it."""
    return formula_svg(molecule, size=SIZE)


def viewer_html(molecule: Molecule) -> str:
    """A view of the coordinates that the mouse turns; empty without py3Dmol.

    Args:
        molecule: valid or not.

    Returns:
        HTML that loads 3Dmol.js from the internet.
    """
    if find_spec("py3Dmol") is None:
        return ""
    import py3Dmol

    view = py3Dmol.view(width=SIZE[0], height=SIZE[1])
    view.addModel(sdf_text(molecule).split("$$$$")[0], "sdf")
    view.setStyle({"stick": {"radius": 0.15}, "sphere": {"scale": 0.25}})
    view.zoomTo()
    return view.write_html()
