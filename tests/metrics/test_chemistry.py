import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from rdkit import Chem

from moldiff.chem.molecule import Failure
from moldiff.errors import DataError
from moldiff.metrics.chemistry import ChemistryComparison, chemnet_distance, compare_chemistry, moments_of
from moldiff.metrics.chemistry_summary import CHEMNET_WIDTH, ChemistrySummary
from moldiff.metrics.druglike import frechet_distance
from moldiff.metrics.molecule_chemistry import MoleculeChemistry, describe
from moldiff.metrics.rate import Rate
from moldiff.metrics.summarise import summarise

DATA = ["Cc1ccccc1", "CC(=O)N1CCCC1", "OCCO", "c1ccncc1C(=O)O", "CC(=O)Nc1ccccc1", "C1CCCCC1", "CCN"]


def chemistry(smiles: str) -> MoleculeChemistry:
    found = describe(smiles)
    assert isinstance(found, MoleculeChemistry)
    return found


def fake_activations(smiles) -> np.ndarray:
    return np.stack([np.random.default_rng(len(one)).normal(size=CHEMNET_WIDTH) for one in smiles]).astype(np.float32)


def fake_chemnet(counts):
    return moments_of(fake_activations(sorted(Counter(counts).elements())))


@pytest.fixture(scope="module")
def known() -> ChemistrySummary:
    return summarise(DATA, name="data", source="a list", chemnet=fake_chemnet)


def test_description_does_not_depend_on_the_order_of_atoms_hydrogens_and_stereo():
    mol = Chem.MolFromSmiles("C[C@H](N)C(=O)N1CCC2(CC1)OCc1c2cnc(-c2ccc3[nH]ccc3c2)n1")
    order = np.random.default_rng(0).permutation(mol.GetNumAtoms()).tolist()
    wanted = describe(mol)
    assert describe(Chem.RenumberAtoms(mol, order)) == wanted
    assert describe(Chem.AddHs(mol)) == wanted
    assert describe(Chem.MolToSmiles(mol)) == wanted
    assert describe("CC") != wanted


def test_what_rdkit_does_not_read_is_a_failure():
    assert isinstance(describe("C1CC"), Failure)
    found = describe("C(C)(C)(C)(C)C")
    assert isinstance(found, Failure)
    assert found.reason == "sanitize"


def test_data_compared_with_itself_shows_no_difference(known):
    figures = compare_chemistry([chemistry(smiles) for smiles in DATA], known, chemnet=fake_chemnet)
    assert figures is not None
    assert figures.rings_known == Rate(len(DATA), len(DATA))
    assert figures.novel == Rate(0, len(DATA))
    assert figures.unknown_ring_systems == ()
    assert set(figures.unknown_per_molecule.values()) == {0}
    assert set(figures.total_variation.values()) == {0}
    assert set(figures.alert_excess.values()) == {0}
    assert figures.fcd == pytest.approx(0, abs=1e-2)  # moments are kept in single precision
    for name, distance in figures.wasserstein.items():
        assert distance < 0.05 * figures.means[name]


def test_planted_rings_are_counted_and_named(known):
    strange = ["Cc1ccccc1", "CC1=CC=C1", "CCC1=CC=C1", "CC1CC1C1=CC=C1", "CC"]
    figures = compare_chemistry([chemistry(smiles) for smiles in strange], known)
    assert figures is not None
    assert figures.rings_known == Rate(2, 5)  # without rings is known
    assert figures.unknown_ring_systems == (("C1=CC=C1", 3), ("C1CC1", 1))
    assert figures.implausible_rings == Rate(3, 5)
    assert figures.implausible_by_name == {"cyclobutadiene": 3}
    assert figures.unknown_per_molecule["ring_systems"] == pytest.approx(4 / 5)
    assert figures.unknown_per_molecule["ring_sizes"] == pytest.approx(4 / 5)  # of four, and of three
    assert figures.unknown_per_molecule["functional_groups"] > 0
    assert figures.unknown_per_molecule["environments_2"] > 0
    assert figures.total_variation["ring_sizes"] > 0.5
    assert figures.novel == Rate(4, 5)
    assert figures.fcd is None
    written = json.loads(json.dumps(figures.to_dict()))
    assert written["rings_known"]["numerator"] == 2
    assert ChemistryComparison.from_dict(written) == figures
    with pytest.raises(DataError, match="no comparison of chemistry"):
        ChemistryComparison.from_dict(written | {"rings_known": {"denominator": "many"}})


def test_only_ten_unknown_ring_systems_are_listed_most_frequent_first(known):
    rings = ["C1CCC1", "C1CCC1", *(f"C1{'C' * size}C1" for size in range(6, 20))]
    figures = compare_chemistry([chemistry(smiles) for smiles in rings], known)
    assert figures is not None
    assert len(figures.unknown_ring_systems) == 10
    assert figures.unknown_ring_systems[0] == ("C1CCC1", 2)


def test_alerts_are_compared_with_the_rate_of_the_reference(known):
    strange = compare_chemistry([chemistry(smiles) for smiles in ("O=[N+]([O-])c1ccccc1", "CC")], known)
    assert strange is not None
    assert strange.alerts["BRENK"] == Rate(1, 2)
    assert strange.alert_excess["BRENK"] == pytest.approx(1 / 2 - known.alert_counts["BRENK"] / len(DATA))


def test_wasserstein_distance_is_the_shift_of_a_distribution(known):
    shifted = [replace(one, numbers=one.numbers | {"logp": one.numbers["logp"] + 3}) for one in map(chemistry, DATA)]
    figures = compare_chemistry(shifted, known)
    assert figures is not None
    assert figures.wasserstein["logp"] == pytest.approx(3, abs=0.1)
    assert figures.wasserstein["qed"] < 0.05


def test_frechet_distance_is_that_of_the_moments(known):
    rng = np.random.default_rng(0)
    ours = moments_of(rng.normal(size=(50, CHEMNET_WIDTH)).astype(np.float32))
    moments = moments_of(fake_activations(DATA))
    assert chemnet_distance(ours, known) == pytest.approx(frechet_distance(ours, moments), rel=1e-4)
    assert chemnet_distance(ours, replace(known, num_chemnet=0)) is None


def test_no_molecules_have_no_figures(known):
    assert compare_chemistry([], known) is None
