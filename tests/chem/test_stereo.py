from dataclasses import replace

import pytest
from rdkit import Chem

from moldiff.chem.border import to_rdkit
from moldiff.chem.files import read_molecules
from moldiff.chem.molecule import Failure, Molecule
from moldiff.chem.stereo import Graph, graph_of, graphs_of, keeps_bonds, mirrored
from moldiff.chem.validity import check


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
        other = check(mirrored(molecule))
        assert isinstance(graph, Graph)
        assert isinstance(mol, Chem.Mol)
        assert isinstance(other, Chem.Mol)
        assert graph.has_stereo_of(mol)
        assert not graph.molecule.pos.any()
        chiral += not graph.has_stereo_of(other)
    assert chiral > 50


def test_graph_of_smiles_asks_what_it_names_and_no_more():
    asked = {smiles: graph_of(Chem.MolFromSmiles(smiles)) for smiles in ("CC(O)F", "C[C@H](O)F", "C/C=C/C", "CC=CC")}
    found = {
        smiles: (len(graph.centres), len(graph.sides)) for smiles, graph in asked.items() if isinstance(graph, Graph)
    }
    assert found == {"CC(O)F": (0, 0), "C[C@H](O)F": (1, 0), "C/C=C/C": (0, 1), "CC=CC": (0, 0)}


def test_unsound_graph_is_a_failure():
    ((_, radical), (_, lost)) = graphs_of([(1, Chem.MolFromSmiles("[CH2]C")), (2, Failure("unreadable", "x"))])
    assert isinstance(radical, Failure)
    assert radical.reason == "radical"
    assert lost == Failure("unreadable", "x")
