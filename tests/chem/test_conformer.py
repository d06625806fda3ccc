"""Coordinates for a SMILES: the requested molecule, at a minimum, the same for the same seed."""

import numpy as np
import pytest

from moldiff.chem.conformer import embed_smiles
from moldiff.chem.molecule import Failure, Molecule
from moldiff.chem.rdkit_conversion import to_rdkit
from moldiff.chem.smiles_parsing import parse_smiles
from moldiff.chem.validity import canonical_smiles, check
from moldiff.metrics.strain import mmff94

DRUGLIKE = "CC1C2CCC(C2)C1CN(CCO)C(=O)c1ccc(Cl)cc1"


@pytest.mark.parametrize(
    "smiles", ["C", "C[C@H](N)C(=O)O", "C[N+](C)(C)CC(=O)[O-]", DRUGLIKE, "CS(=O)(=O)c1ccc(Br)cc1"]
)
def test_molecule_is_that_of_the_smiles_at_a_minimum(smiles: str):
    molecule = embed_smiles(smiles, seed=0, name="it")
    assert isinstance(molecule, Molecule)
    mol = check(molecule)
    assert not isinstance(mol, Failure)
    assert canonical_smiles(mol) == parse_smiles(smiles)
    strain = mmff94(mol)
    assert not isinstance(strain, Failure)
    assert strain["energy"] < 1e-3
    assert isinstance(molecule.properties["mmff94_energy"], float)
    assert molecule.name == "it"


def test_conformer_depends_on_the_seed_alone():
    one, same, other = (embed_smiles(DRUGLIKE, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(one.pos, same.pos)  # type: ignore[union-attr]
    assert not np.allclose(one.pos, other.pos)  # type: ignore[union-attr]


def test_stereo_of_the_smiles_is_kept():
    from rdkit import Chem

    for smiles in ("C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O", "F/C=C/Cl", "F/C=C\\Cl"):
        mol = to_rdkit(embed_smiles(smiles, seed=0))  # type: ignore[arg-type]
        Chem.SanitizeMol(mol)
        Chem.AssignStereochemistryFrom3D(mol)
        assert Chem.MolToSmiles(Chem.RemoveHs(mol)) == Chem.CanonSmiles(smiles)


@pytest.mark.parametrize(
    ("smiles", "reason"),
    [
        ("C(", "unreadable"),
        ("c1cccc1", "sanitize"),
        ("CC.CC", "fragments"),
        ("[U]", "parameters"),
        ("C[Si](C)C", "radical"),
        ("C1=CC#CC1", "embedding"),
        ("", "fragments"),
    ],
)
def test_what_cannot_be_embedded_says_why(smiles: str, reason: str):
    failure = embed_smiles(smiles, seed=0)
    assert isinstance(failure, Failure)
    assert failure.reason == reason
