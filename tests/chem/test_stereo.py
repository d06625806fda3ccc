from dataclasses import replace

import pytest
from rdkit import Chem
from rdkit.Chem import rdDepictor

from moldiff.chem.molecule import Failure, Molecule
from moldiff.chem.rdkit_conversion import to_rdkit
from moldiff.chem.stereo import Graph, graph_of, keeps_bonds, largest_fragment, mirror
from moldiff.chem.validity import canonical_smiles, check
from moldiff.io.formats import read_molecules


@pytest.fixture(scope="module")
def molecules(sample_sdf) -> list[Molecule]:
    return [m for _, m in read_molecules(sample_sdf) if isinstance(m, Molecule)]


def test_distances_tell_the_bonds_of_qm9(molecules: list[Molecule]):
    assert all(keeps_bonds(m) for m in molecules)
    assert not keeps_bonds(replace(molecules[50], pos=1.3 * molecules[50].pos))
    assert not keeps_bonds(replace(molecules[50], pos=0.7 * molecules[50].pos))


def test_coordinates_have_their_own_stereo_and_not_that_of_the_mirror(molecules: list[Molecule]):
    chiral = 0
    for molecule in molecules:
        mol, graph = check(molecule), graph_of(to_rdkit(molecule))
        other = check(mirror(molecule))
        assert isinstance(graph, Graph)
        assert isinstance(mol, Chem.Mol)
        assert isinstance(other, Chem.Mol)
        assert graph.has_stereo_of(mol)
        assert not graph.molecule.pos.any()
        chiral += not graph.has_stereo_of(other)
    assert chiral > 50


def test_graph_of_smiles_asks_what_it_names_and_no_more():
    graphs = {smiles: graph_of(Chem.MolFromSmiles(smiles)) for smiles in ("CC(O)F", "C[C@H](O)F", "C/C=C/C", "CC=CC")}
    found = {
        smiles: (len(graph.centres), len(graph.sides)) for smiles, graph in graphs.items() if isinstance(graph, Graph)
    }
    assert found == {"CC(O)F": (0, 0), "C[C@H](O)F": (1, 0), "C/C=C/C": (0, 1), "CC=CC": (0, 0)}


def test_unsound_graph_is_a_failure():
    radical = graph_of(Chem.MolFromSmiles("[CH2]C"))
    assert isinstance(radical, Failure)
    assert radical.reason == "radical"
    large = graph_of(Chem.MolFromSmiles("C" * 12_002, sanitize=False))
    assert isinstance(large, Failure)
    assert large.reason == "size"


STEREO = [
    "C[C@H](O)C#N",
    "C[C@@H](O)C#N",
    "C/C=C/C",
    "C/C=C\\C",
    "CC=CC",
    "CC(O)C#N",
    "C/C=N/O",
    "F/C=C/[C@H](C)O",
    "C[C@H]1CC[C@@H](O)CC1",
]
DRAWN = {
    "hydrogens implied": {},
    "all hydrogens drawn": {"hydrogens": True},
    "V3000": {"v3000": True},
    "header of 3D": {"header": "3D"},
    "header without dimension": {"header": "  "},
}


def drawing(smiles: str, *, hydrogens: bool = False, v3000: bool = False, header: str = "2D") -> Chem.Mol:
    """A 2D record with wedges, as an SDF reader gives it."""
    mol = Chem.MolFromSmiles(smiles)
    mol = Chem.AddHs(mol) if hydrogens else mol
    rdDepictor.Compute2DCoords(mol)
    block = Chem.MolToMolBlock(mol, forceV3000=v3000).replace("          2D", f"          {header}")
    return Chem.MolFromMolBlock(block, sanitize=False, removeHs=False)


@pytest.mark.parametrize("smiles", STEREO)
@pytest.mark.parametrize("kind", DRAWN)
def test_a_drawing_asks_for_its_own_stereo(kind: str, smiles: str):
    drawn, named = graph_of(drawing(smiles, **DRAWN[kind])), graph_of(Chem.MolFromSmiles(smiles))
    assert isinstance(drawn, Graph)
    assert isinstance(named, Graph)
    assert drawn.stereo == named.stereo == Chem.CanonSmiles(smiles)
    assert sorted(drawn.molecule.elements) == sorted(named.molecule.elements)
    assert (len(drawn.centres), len(drawn.sides)) == (len(named.centres), len(named.sides))


@pytest.mark.parametrize("header", ["2D", "3D"])
def test_a_drawing_may_leave_stereo_open(header: str):
    """A crossed double bond, and a wavy bond at a centre."""
    block = Chem.MolToMolBlock(drawing("CC=CC")).replace("          2D", f"          {header}")
    assert "  2  3  2  3" in block
    wavy = f"\n     x          {header}\n\n  4  3  0  0  0  0  0  0  0  0999 V2000\n"
    for x, y, symbol in ((0, 0, "C"), (1.3, 0.7, "C"), (-1.3, 0.7, "F"), (0, -1.5, "O")):
        wavy += f"{x:10.4f}{y:10.4f}    0.0000 {symbol}   0  0  0  0  0  0  0  0  0  0  0  0\n"
    wavy += "  1  2  1  0\n  1  3  1  0\n  1  4  1  4\nM  END\n"
    for text in (block, wavy):
        graph = graph_of(Chem.MolFromMolBlock(text, sanitize=False, removeHs=False))
        assert isinstance(graph, Graph)
        assert not graph.centres | graph.sides


def test_labels_of_atoms_are_dropped(molecules: list[Molecule]):
    """A conformer has none, so stereo that is requested with them never came."""
    graph, plain = (graph_of(Chem.MolFromSmiles(s)) for s in ("[2H]C([2H])[C@H](O)[15NH2:4]", "C[C@H](O)N"))
    assert isinstance(graph, Graph)
    assert isinstance(plain, Graph)
    assert (graph.stereo, len(graph.centres)) == (plain.stereo, 1)


def test_the_largest_fragment_has_most_heavy_atoms():
    salt = Chem.MolFromSmiles("[Na+].C[C@H](O)C(=O)[O-].[H]C([H])([H])[H]", sanitize=False)
    salt.SetProp("_Name", "lactate")
    graph = graph_of(largest_fragment(salt))
    assert isinstance(graph, Graph)
    assert (graph.stereo, graph.molecule.name) == ("C[C@H](O)C(=O)[O-]", "lactate")
    whole = graph_of(salt)
    assert isinstance(whole, Failure)
    assert whole.reason == "fragments"
    assert graph_of(largest_fragment(drawing("C[C@H](O)C#N.Cl"))).stereo == "C[C@H](O)C#N"


def test_atoms_in_one_place_show_no_stereo():
    """RDKit raises for directions of no length, in some molecules only; whatever it does, we give a result."""
    mol = Chem.AddHs(Chem.MolFromSmiles("F[C@H](Cl)C=CBr"))
    rdDepictor.Compute2DCoords(mol)
    conformer = mol.GetConformer()
    conformer.Set3D(True)
    for atom in range(mol.GetNumAtoms()):
        conformer.SetAtomPosition(atom, (0.0, 0.0, 1.0))
    for wrong in (RuntimeError("Cannot normalize a zero length vector"), None):
        with pytest.MonkeyPatch.context() as patch:
            if wrong is not None:

                def refuse(mol: Chem.Mol, error: RuntimeError = wrong) -> None:
                    raise error

                patch.setattr(Chem, "AssignStereochemistryFrom3D", refuse)
                graph = graph_of(mol)
                assert isinstance(graph, Failure)
                assert graph.reason == "overlap"
                assert canonical_smiles(mol)
            else:
                assert isinstance(graph_of(mol), Failure | Graph)
