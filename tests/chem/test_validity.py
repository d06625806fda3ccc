import os
import time

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import AllChem

from moldiff.chem.molecule import Failure
from moldiff.chem.rdkit_conversion import from_rdkit, to_rdkit
from moldiff.chem.validity import REASONS, canonical_smiles, check, judge

METHYL = ("C H H H", [(0, 1, 1), (0, 2, 1), (0, 3, 1)])
BREACHES = {
    "radical": METHYL,
    "a lone hydrogen": ("H", []),
    "pentavalent carbon": ("C H H H H H", [(0, i, 1) for i in range(1, 6)]),
    "divalent hydrogen": (
        "C H H H H C H H H",
        [*((0, i, 1) for i in (1, 2, 3, 4)), *((5, i, 1) for i in (4, 6, 7, 8))],
    ),
    "neutral ammonium": ("N H H H H", [(0, i, 1) for i in range(1, 5)]),
    "two waters": ("O H H O H H", [(0, 1, 1), (0, 2, 1), (3, 4, 1), (3, 5, 1)]),
    "pentavalent nitro": ("N O O H", [(0, 1, 2), (0, 2, 2), (0, 3, 1)]),
    "bridging hydride": (
        "H-1 C H H H C H H H",
        [*((1, i, 1) for i in (0, 2, 3, 4)), *((5, i, 1) for i in (0, 6, 7, 8))],
    ),
}
REASON = {
    "radical": "radical",
    "a lone hydrogen": "radical",
    "pentavalent carbon": "valence",
    "divalent hydrogen": "valence",
    "neutral ammonium": "valence",
    "two waters": "fragments",
    "pentavalent nitro": "valence",
    "bridging hydride": "valence",
}
GOOD = {
    "methane": ("C H H H H", [(0, i, 1) for i in range(1, 5)], "C"),
    "ammonium": ("N+1 H H H H", [(0, i, 1) for i in range(1, 5)], "[NH4+]"),
    "hydrogen": ("H H", [(0, 1, 1)], "[H][H]"),
    "nitro, charged": ("N+1 O O-1 H", [(0, 1, 2), (0, 2, 1), (0, 3, 1)], "O=[NH+][O-]"),
    "carbon monoxide": ("C-1 O+1", [(0, 1, 3)], "[C-]#[O+]"),
}


@pytest.mark.parametrize("case", GOOD)
def test_check_accepts(build, case: str) -> None:
    labels, bonds, smiles = GOOD[case]
    mol = check(build(labels, bonds))
    assert isinstance(mol, Chem.Mol)
    assert canonical_smiles(mol) == smiles
    verdict = judge(build(labels, bonds))
    assert verdict.valid
    assert verdict.stable
    assert verdict.smiles == smiles


@pytest.mark.parametrize("case", BREACHES)
def test_check_names_the_breach(build, case: str) -> None:
    failure = check(build(*BREACHES[case]))
    assert isinstance(failure, Failure)
    assert failure.reason == REASON[case]
    assert failure.reason in REASONS
    assert failure.detail
    assert "\n" not in failure.detail
    verdict = judge(build(*BREACHES[case]))
    assert verdict.failure == failure
    assert not verdict.valid
    assert verdict.smiles == ""


@pytest.mark.parametrize("case", ["radical", "a lone hydrogen", "two waters", "pentavalent nitro", "bridging hydride"])
def test_plain_sanitisation_would_let_it_pass(build, case: str) -> None:
    """Why `check` is stricter than `Chem.SanitizeMol`: each of these goes through it."""
    mol = to_rdkit(build(*BREACHES[case]))
    Chem.SanitizeMol(mol)


def test_judge_tells_the_steps_apart(build) -> None:
    radical, waters, carbon = (
        judge(build(*BREACHES[case])) for case in ("radical", "two waters", "pentavalent carbon")
    )
    assert (radical.sanitised, radical.no_radicals, radical.no_implicit_hydrogens, radical.one_fragment) == (1, 0, 1, 1)
    assert (waters.sanitised, waters.no_radicals, waters.one_fragment, waters.stable) == (1, 1, 0, 1)
    assert (carbon.read, carbon.sanitised, carbon.no_radicals, carbon.one_fragment) == (1, 0, 0, 1)
    assert (carbon.num_stable_atoms, carbon.num_atoms) == (5, 6)


@pytest.mark.parametrize(
    "smiles", ["c1cc[nH]c1C[N+](=O)[O-]", "[NH3+]CC(=O)[O-]", "c1ccc2ncccc2c1", "CS(=O)(=O)N", "CC=N"]
)
def test_judge_agrees_for_aromatic_and_kekule_bonds(smiles: str) -> None:
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    AllChem.EmbedMolecule(mol, randomSeed=1)
    kekule = Chem.Mol(mol)
    Chem.Kekulize(kekule, clearAromaticFlags=True)
    expected = Chem.MolToSmiles(Chem.MolFromSmiles(smiles), isomericSmiles=False)
    verdicts = [judge(mol), judge(kekule), judge(from_rdkit(mol)), judge(from_rdkit(kekule))]
    assert all(verdict.valid and verdict.stable for verdict in verdicts)
    assert {verdict.smiles for verdict in verdicts} == {expected}


def test_judge_sees_implicit_hydrogens() -> None:
    mol = Chem.MolFromSmiles("CCO")
    verdict = judge(mol)
    assert verdict.failure is not None
    assert verdict.failure.reason == "implicit_hydrogen"
    assert verdict.no_radicals
    assert not verdict.no_implicit_hydrogens
    assert not verdict.stable


def test_judge_leaves_the_record_alone(embed) -> None:
    mol = to_rdkit(embed("c1ccccc1"))
    before = mol.ToBinary()
    judge(mol)
    assert mol.ToBinary() == before


def test_judge_of_a_failure_is_unread() -> None:
    verdict = judge(Failure("truncated", "why"))
    assert not verdict.read
    assert not verdict.stable
    assert verdict.failure == Failure("truncated", "why")


def test_canonical_smiles_is_blind_to_stereo_unless_asked(embed) -> None:
    pair = [check(embed(smiles)) for smiles in ("C[C@H](O)F", "C[C@@H](O)F")]
    assert len({canonical_smiles(mol) for mol in pair}) == 1
    assert len({canonical_smiles(mol, stereo=True) for mol in pair}) == 2
    assert len({judge(mol).stereo_smiles for mol in pair}) == 2


def test_check_does_not_repair(build) -> None:
    """RDKit's clean-up step would turn this nitro group into the charged form and accept it."""
    molecule = build(*BREACHES["pentavalent nitro"])
    assert isinstance(check(molecule), Failure)
    repaired = to_rdkit(molecule)
    Chem.SanitizeMol(repaired)
    assert repaired.GetAtomWithIdx(0).GetFormalCharge() == 1


def test_check_is_silent(build, capfd) -> None:
    for case in BREACHES.values():
        check(build(*case))
        judge(build(*case))
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif("PYTEST_XDIST_WORKER" in os.environ, reason="a timing")
def test_check_is_quick(embed) -> None:
    molecule = embed("CC(=O)OC1CC1N")
    start = time.perf_counter()
    for _ in range(500):
        check(molecule)
    assert (time.perf_counter() - start) / 500 < 2e-3  # measured: 0.15 ms; 10,000 molecules in 1.5 s


def test_check_keeps_coordinates_and_properties(embed) -> None:
    molecule = embed("CCO", name="ethanol")
    mol = check(molecule)
    assert np.allclose(mol.GetConformer().GetPositions(), molecule.pos)
    assert mol.GetProp("_Name") == "ethanol"


@pytest.mark.parametrize("count", [1001, 12_002])
def test_judge_refuses_more_atoms_than_are_supported(count: int) -> None:
    verdict = judge(Chem.MolFromSmiles("C" * count, sanitize=False))
    assert not verdict.read
    assert verdict.num_atoms == 0
    assert verdict.failure == Failure("size", f"has {count} atoms; at most 1000 are supported")


@pytest.mark.parametrize("charge", [-100, -9, 9, 100])
def test_a_charge_beyond_a_shell_is_not_valid(embed, charge: int) -> None:
    """RDKit accepts carbon of any charge below -4."""
    mol = to_rdkit(embed("CCO"))
    mol.GetAtomWithIdx(0).SetFormalCharge(charge)
    verdict = judge(mol)
    assert verdict.failure is not None
    assert verdict.failure.reason in ("valence", "sanitize")
    assert not verdict.sanitised
