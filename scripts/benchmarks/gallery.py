"""Each task of one network at work, in one picture: what is known, then what was drawn for it.

python scripts/benchmarks/gallery.py docs/tasks.png
"""

import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
from rdkit import Chem, RDLogger
from rdkit.Chem import rdDepictor
from rdkit.Chem.Draw import rdMolDraw2D
from task_fragments import fragment_of

from moldiff.chem.formula import parse_formula
from moldiff.chem.molecule import Failure, Molecule
from moldiff.chem.rdkit_conversion import to_rdkit
from moldiff.chem.smiles_parsing import record_of_smiles
from moldiff.chem.stereo import Graph, graph_of
from moldiff.chem.validity import canonical_smiles
from moldiff.generation.generator import MoleculeGenerator
from moldiff.generation.sample import Sample
from moldiff.tasks.bond_sampling import sample_bonds
from moldiff.tasks.conformers import sample_conformers
from moldiff.tasks.fragments import grow, open_attachment_points
from moldiff.tasks.isomers import sample_isomers
from moldiff.tasks.shape import sample_shapes

COLUMNS, WIDTH, HEIGHT = 6, 210, 170
Cell = tuple[Chem.Mol, str, list[int]]  # a molecule, what stands below it, and the atoms that were known


def main() -> None:
    """Draws and writes the picture."""
    RDLogger.DisableLog("rdApp.*")  # pyright: ignore[reportAttributeAccessIssue]
    generator = MoleculeGenerator.from_pretrained("qm9")
    cells: list[Cell] = []
    for row in (scaffold(generator), linker(generator), formula(generator), geometry(generator), bonds(generator)):
        cells += row[:COLUMNS] + [(Chem.Mol(), "", [])] * max(0, COLUMNS - len(row))
    canvas = rdMolDraw2D.MolDraw2DCairo(COLUMNS * WIDTH, len(cells) // COLUMNS * HEIGHT, WIDTH, HEIGHT)
    canvas.drawOptions().legendFontSize = 15
    mols, legends, known = zip(*cells, strict=True)
    canvas.DrawMolecules(list(mols), legends=list(legends), highlightAtoms=list(known), highlightBonds=[[]] * len(mols))
    canvas.FinishDrawing()
    Path(sys.argv[1]).write_bytes(canvas.GetDrawingText())


def scaffold(generator: MoleculeGenerator) -> list[Cell]:
    """Furan with a place beside its oxygen."""
    (ring,) = sample_conformers(generator, [graph("c1ccoc1")])
    assert ring.molecule is not None
    fragment = open_attachment_points(ring.molecule, [2])
    samples = grow(generator, [fragment], num_each=20, num_added=(4, 9))
    return [flat(fragment.molecule, "decorate: furan"), *distinct(samples, len(fragment.molecule))]


def linker(generator: MoleculeGenerator) -> list[Cell]:
    """A nitrile and an epoxide of a molecule whose middle was cut out."""
    (whole,) = sample_conformers(generator, [graph("N#CCCC1CO1")])
    assert whole.molecule is not None
    found = fragment_of(whole.molecule, {0, 1, 4, 5, 6})
    assert found is not None
    fragment = found[0]
    samples = grow(generator, [fragment], num_each=30, num_added=(1, 8))
    return [flat(fragment.molecule, "link: two pieces"), *distinct(samples, len(fragment.molecule))]


def formula(generator: MoleculeGenerator) -> list[Cell]:
    """Molecules of a formula."""
    samples = sample_isomers(generator, [parse_formula("C6H10O2")] * 12)
    first, *others = distinct(samples, 0, most=COLUMNS)
    return [(first[0], "isomers: C6H10O2", []), *others]


def geometry(generator: MoleculeGenerator) -> list[Cell]:
    """Conformers, as they lie in the plane of the picture."""
    given = graph("OCC[C@H](F)CO")
    samples = sample_conformers(generator, [given], num_each=COLUMNS - 1)
    seen = [in_space(s.molecule, "") for s in samples if s.valid and s.molecule is not None]
    return [flat(given.molecule, "conformers: OCC[C@H](F)CO"), *seen]


def bonds(generator: MoleculeGenerator) -> list[Cell]:
    """Bonds for elements and coordinates; the elements, too, for coordinates alone."""
    cells: list[Cell] = []
    for smiles in ("c1cc[nH]c1C=O", "N#Cc1ncco1"):
        (sample,) = sample_conformers(generator, [graph(smiles)])
        assert sample.molecule is not None
        bare = replace(sample.molecule, bond=0 * sample.molecule.bond)
        (found,) = sample_bonds(generator, [bare])
        assert found.molecule is not None
        cells += [in_space(bare, "perceive-bonds: atoms"), in_space(found.molecule, "")]
    (sample,) = sample_conformers(generator, [graph("O=C1NC=CC=C1")])
    assert sample.molecule is not None
    points, legend, _ = in_space(replace(sample.molecule, bond=0 * sample.molecule.bond), "reshape: coordinates")
    for atom in points.GetAtoms():
        atom.SetAtomicNum(0)
    (found,) = sample_shapes(generator, [sample.molecule])
    assert found.molecule is not None
    return [*cells, (points, legend, []), in_space(found.molecule, "")]


def graph(smiles: str) -> Graph:
    """Of a SMILES that is sound."""
    record = record_of_smiles(smiles)
    assert not isinstance(record, Failure)
    result = graph_of(record)
    assert isinstance(result, Graph)
    return result


def distinct(samples: Iterable[Sample], num_known: int, most: int = COLUMNS - 1) -> list[Cell]:
    """The first valid ones that differ, the known atoms marked."""
    found: dict[str, Cell] = {}
    for sample in samples:
        if not isinstance(sample.result, Failure) and sample.molecule is not None:
            found.setdefault(canonical_smiles(sample.result), flat(sample.molecule, "", num_known))
    return list(found.values())[:most]


def flat(molecule: Molecule, legend: str, num_known: int = 0) -> Cell:
    """As a formula, hydrogens on carbon left out."""
    mol = Chem.RemoveHs(to_rdkit(molecule), sanitize=False)
    Chem.SanitizeMol(mol, catchErrors=True)
    heavy = int((molecule.elements[:num_known] > 1).sum())
    mol.RemoveAllConformers()
    rdDepictor.Compute2DCoords(mol)
    return mol, legend, list(range(heavy))


def in_space(molecule: Molecule, legend: str) -> Cell:
    """As it lies, seen from where it is widest."""
    centred = molecule.pos - molecule.pos.mean(0)
    turned = replace(molecule, pos=centred @ np.linalg.svd(centred, full_matrices=False)[2].T)
    return Chem.RemoveHs(to_rdkit(turned), sanitize=False), legend, []


if __name__ == "__main__":
    main()
