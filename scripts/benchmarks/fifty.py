"""The first fifty molecules of a file in one picture, unselected, with what a chemist would object to.

python scripts/benchmarks/fifty.py druglike.sdf docs/fifty-druglike.png --chemistry moses

Atoms of ring systems that the reference has not are red. Below stands what is wrong: why the molecule is not valid,
rings that hardly exist, and structural alerts (BRENK, NIH, PAINS).
"""

import argparse
import itertools
from pathlib import Path

from rdkit import Chem, RDLogger
from rdkit.Chem import rdDepictor
from rdkit.Chem.Draw import rdMolDraw2D

import moldiff
from moldiff.chem.molecule import Failure
from moldiff.chem.ring_systems import locate_ring_systems
from moldiff.io.formats import read_records
from moldiff.metrics.molecule_row import MoleculeRow

COLUMNS, WIDTH, HEIGHT, LEGEND = 10, 190, 170, 34
RED = (1.0, 0.55, 0.5)
Cell = tuple[Chem.Mol, str, list[int]]  # a molecule, what stands below it, and the atoms of unknown ring systems


def main() -> None:
    """Scores, draws and writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("molecules", help="an SDF file")
    parser.add_argument("out", type=Path, help="a .png file")
    parser.add_argument("--chemistry", default="moses", help="the reference")
    parser.add_argument("--count", type=int, default=50, help="molecules")
    options = parser.parse_args()
    RDLogger.DisableLog("rdApp.*")  # pyright: ignore[reportAttributeAccessIssue]
    records = [record for _, record in itertools.islice(read_records(options.molecules), options.count)]
    rows = moldiff.score(records, chemistry=options.chemistry).rows
    cells = [make_cell(record, row) for record, row in zip(records, rows, strict=True)]
    canvas = rdMolDraw2D.MolDraw2DCairo(COLUMNS * WIDTH, -(-len(cells) // COLUMNS) * HEIGHT, WIDTH, HEIGHT)
    drawing = canvas.drawOptions()
    drawing.legendFontSize, drawing.legendFraction = 13, LEGEND / HEIGHT
    drawing.setHighlightColour(RED)
    drawing.prepareMolsBeforeDrawing = False  # which would want Kekulé forms of all
    mols, legends, marked = zip(*cells, strict=True)
    canvas.DrawMolecules(
        list(mols), legends=list(legends), highlightAtoms=list(marked), highlightBonds=[[]] * len(mols)
    )
    canvas.FinishDrawing()
    options.out.write_bytes(canvas.GetDrawingText())
    print(f"{options.out}: {len(cells)} molecules, {sum(bool(legend) for legend in legends)} with an objection")


def make_cell(record: Chem.Mol | Failure, row: MoleculeRow) -> Cell:
    """One molecule as a formula, without the hydrogens on carbon; aromatic bonds without a Kekulé form are dashed."""
    if isinstance(record, Failure):
        return Chem.MolFromSmiles("*"), record.reason, []
    whole = Chem.Mol(record)
    if Chem.SanitizeMol(whole, catchErrors=True) != Chem.SanitizeFlags.SANITIZE_NONE:
        bare = Chem.RemoveHs(record, sanitize=False)
        return lay_out(bare, kekulize=False), ", ".join(objections(row)), []
    bare = Chem.RemoveHs(whole)
    unknown = set(row.unknown_ring_systems or ())
    strange = [i for smiles, atoms in locate_ring_systems(bare) if smiles in unknown for i in atoms]
    return lay_out(bare), ", ".join(objections(row)), strange


def objections(row: MoleculeRow) -> list[str]:
    """What is wrong with a molecule, in words."""
    if row.verdict.failure is not None:
        return [row.verdict.failure.reason]
    if row.chemistry is None:
        return []
    alerts, unknown = sum(map(len, row.chemistry.alerts.values())), row.unknown_ring_systems
    rings = list(row.chemistry.implausible_rings) or (["unknown ring system"] if unknown else [])
    return [*rings, *([f"{alerts} alert{'s' * (alerts > 1)}"] if alerts else [])]


def lay_out(mol: Chem.Mol, *, kekulize: bool = True) -> Chem.Mol:
    """The same with coordinates for a drawing."""
    mol.RemoveAllConformers()
    mol.UpdatePropertyCache(strict=False)
    Chem.GetSymmSSSR(mol)
    rdDepictor.Compute2DCoords(mol)
    return rdMolDraw2D.PrepareMolForDrawing(mol, kekulize=kekulize, addChiralHs=False, wedgeBonds=False)


if __name__ == "__main__":
    main()
