"""Molecules whose verdict a chemist knows, made by hand; each also through an SDF file where SDF can say it."""

from pathlib import Path

import pytest
from rdkit import Chem
from rdkit.Chem import AllChem

from moldiff.chem.validity import judge
from moldiff.io.formats import read_records
from moldiff.metrics.score import score

VALID = {
    "methane": "C",
    "hydrogen": "[H][H]",
    "water": "O",
    "benzene": "c1ccccc1",
    "benzene, Kekulé": "C1=CC=CC=C1",
    "pyrrole": "c1cc[nH]c1",
    "pyridine": "c1ccncc1",
    "thiophene": "c1ccsc1",
    "caffeine": "Cn1cnc2c1c(=O)n(C)c(=O)n2C",
    # zwitterions and separated charges
    "glycine, zwitterion": "[NH3+]CC(=O)[O-]",
    "betaine": "C[N+](C)(C)CC(=O)[O-]",
    "nitromethane": "C[N+](=O)[O-]",
    "carbon monoxide": "[C-]#[O+]",
    "methyl azide": "CN=[N+]=[N-]",
    "ozone": "[O-][O+]=O",
    "methyl isocyanide": "C[N+]#[C-]",
    "pyridine oxide": "c1cc[n+]([O-])cc1",
    # ions
    "ammonium": "[NH4+]",
    "hydroxide": "[OH-]",
    "tert-butyl cation": "C[C+](C)C",
    "borohydride": "[BH4-]",
    "hexafluorophosphate": "F[P-](F)(F)(F)(F)F",
    # more than eight electrons
    "sulphur hexafluoride": "FS(F)(F)(F)(F)F",
    "dimethyl sulphoxide": "CS(C)=O",
    "sulphuric acid": "OS(=O)(=O)O",
    "phosphorus pentafluoride": "FP(F)(F)(F)F",
    "phosphoric acid": "OP(=O)(O)O",
    "borane": "B",
    "silane": "[SiH4]",
    # isotopes and metals
    "heavy methane": "[2H]C([2H])([2H])[2H]",
    "carbon 13": "[13CH4]",
    "dimethyl zinc": "C[Zn]C",
    "oxygen, singlet": "O=O",
}
# As they stand: atoms in brackets have no hydrogens but those that are drawn.
NOT_VALID = {
    "methyl radical": ("[C]([H])([H])[H]", "radical"),
    "carbene": ("[C]([H])[H]", "radical"),
    "oxygen, triplet": ("[O][O]", "radical"),
    "hydroxyl": ("[O][H]", "radical"),
    "nitric oxide": ("[N]=O", "radical"),
    "nitrogen dioxide": ("O=[N+][O-]", "radical"),
    "ammonium short of a hydrogen": ("[N+]([H])([H])[H]", "radical"),
    "methane with a stray charge": ("[C+]([H])([H])([H])[H]", "valence"),
    "ammonium without its charge": ("[N]([H])([H])([H])[H]", "valence"),
    "carbon with five bonds": ("[C]([H])([H])([H])([H])[H]", "valence"),
    "hydrogen between two carbons": ("[C]([H])([H])([H])[H][C]([H])([H])[H]", "valence"),
    "nitromethane, nitrogen with five bonds": ("[H][C]([H])([H])[N](=O)=O", "valence"),
    "sulphur with seven bonds": ("F[S](F)(F)(F)(F)(F)F", "valence"),
    "pyrrole short of a hydrogen": ("[H]c1c([H])nc([H])c1[H]", "kekulize"),
    "ethanol without hydrogens": ("CCO", "implicit_hydrogen"),
    "two methanes": ("[H]C([H])([H])[H].[H]C([H])([H])[H]", "fragments"),
    "salt": ("[Na+].[Cl-]", "fragments"),
    "ammonia borane, dative": ("[H]N([H])([H])->B([H])([H])[H]", "bond_type"),
    "nothing": ("", "size"),
}
SAME = {  # pairs that are one molecule without stereo, and whether they are with it
    "mirror images": ("C[C@H](O)F", "C[C@@H](O)F", False),
    "cis and trans": ("F/C=C/F", r"F/C=C\F", False),
    "aromatic and Kekulé": ("Cc1ccccc1O", "CC1=CC=CC=C1O", True),
    "the other Kekulé form": ("CC1=CC=CC=C1O", "CC=1C=CC=CC=1O", True),
}


def built(smiles: str, *, seed: int = 7) -> Chem.Mol:
    """With all its hydrogens and coordinates, aromatic bonds as they are written."""
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    if AllChem.EmbedMolecule(mol, randomSeed=seed):
        mol.RemoveAllConformers()
        AllChem.Compute2DCoords(mol)  # for what RDKit does not embed; a verdict does not look at coordinates
    return mol


def as_it_stands(smiles: str) -> Chem.Mol:
    mol = Chem.MolFromSmiles(smiles, sanitize=False)
    mol.UpdatePropertyCache(strict=False)
    return mol


@pytest.mark.parametrize("smiles", VALID.values(), ids=VALID)
def test_sound_molecule_is_valid_in_memory_and_from_every_sdf(smiles: str, tmp_path: Path):
    mol = built(smiles)
    direct = judge(mol)
    assert direct.failure is None
    assert direct.smiles
    for name, version3000 in (("v2000", False), ("v3000", True)):
        for kekule in (False, True):
            path = tmp_path / f"{name}{kekule}.sdf"
            path.write_text(Chem.MolToMolBlock(mol, forceV3000=version3000, kekulize=kekule) + "$$$$\n")
            [(_, record)] = read_records(path)
            verdict = judge(record)
            assert (verdict.valid, verdict.smiles, verdict.num_stable_atoms) == (
                True,
                direct.smiles,
                direct.num_stable_atoms,
            )


@pytest.mark.parametrize(("smiles", "reason"), NOT_VALID.values(), ids=NOT_VALID)
def test_broken_molecule_fails_for_its_reason(smiles: str, reason: str):
    verdict = judge(as_it_stands(smiles))
    assert verdict.failure is not None
    assert verdict.failure.reason == reason
    assert verdict.smiles == verdict.stereo_smiles == ""


@pytest.mark.parametrize(("one", "two", "with_stereo"), SAME.values(), ids=SAME)
def test_same_molecule_is_counted_once(one: str, two: str, with_stereo: bool):
    rates = score([built(one), built(two)]).rates
    assert rates["unique_of_valid"].numerator == 1
    assert rates["unique_with_stereo_of_valid"].numerator == (1 if with_stereo else 2)


@pytest.mark.parametrize("smiles", ["C[C@H](O)F", "c1ccncc1O", "F/C=C/Cl", "OC[C@@H](N)C=O"])
def test_renumbered_molecule_is_the_same_with_stereo(smiles: str):
    mol = built(smiles)
    turned = Chem.RenumberAtoms(mol, list(reversed(range(mol.GetNumAtoms()))))
    rates = score([mol, turned]).rates
    assert rates["unique_of_valid"].numerator == rates["unique_with_stereo_of_valid"].numerator == 1
