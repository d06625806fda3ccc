import numpy as np
import pytest

from moldiff.chem.molecule import Failure, Molecule
from moldiff.chem.smiles_parsing import record_of_smiles
from moldiff.chem.stereo import graph_of
from moldiff.data.domain import Domain
from moldiff.errors import DomainError, SizeError, VocabularyError
from moldiff.pretrained.format import (
    AUTO_ORDER,
    choose_weights,
    find_weights,
    read_statistics,
    refuse_outside,
    shipped_domain,
    shipped_weights,
)

SMALL = Domain(("H", "C", "O", "O-1", "N+1"), (3, 29), (1, 9), (0, 0))


def molecule(smiles: str) -> Molecule:
    record = record_of_smiles(smiles)
    assert not isinstance(record, Failure)
    graph = graph_of(record)
    assert not isinstance(graph, Failure)
    return graph.molecule


@pytest.mark.parametrize(
    ("smiles", "kind", "message"),
    [
        ("CCO", None, ""),
        ("CCS", VocabularyError, "atom 3 is S"),
        ("C" * 10, SizeError, "32 atoms with hydrogens; these weights know 3 to 29"),
        ("C#C" * 5, SizeError, "10 heavy atoms; these weights know 1 to 9"),
        ("CC(=O)[O-]", DomainError, "a net charge of -1; these weights know neutral molecules only"),
        ("CC(O)[N+](C)(C)[O-]", None, ""),
    ],
)
def test_each_limit_is_named(smiles: str, kind: type | None, message: str):
    error = SMALL.obstacle(molecule(smiles))
    assert type(error) is kind or (kind is None and error is None)
    assert message in str(error or "")


def test_what_is_not_read_does_not_count():
    sulfide = molecule("CCS")
    assert SMALL.obstacle(sulfide, "coordinates") is None
    assert "atom 3 is S; these weights know H, C, O, N" in str(SMALL.obstacle(sulfide, "elements"))
    acetate = molecule("CC(=O)[O-]")
    assert SMALL.obstacle(acetate, "elements") is None
    acetate.properties["charge"] = -1  # type: ignore[index]
    assert "net charge of -1" in str(SMALL.obstacle(acetate, "elements"))


def test_a_domain_of_older_weights_says_less():
    older = Domain(SMALL.labels, SMALL.num_atoms)
    assert older.obstacle(molecule("C#C" * 5)) is None


def test_a_predictor_of_small_molecules_knows_little_of_what_druglike_draws():
    drawn = {name: read_statistics(find_weights(name)) for name in ("qm9", "druglike")}
    known = shipped_domain("qm9-properties")
    assert drawn["qm9"].share_within(known) > 0.999
    assert drawn["druglike"].share_within(known) < 0.05


@pytest.mark.parametrize(
    ("smiles", "weights"),
    [
        ("CCO", "qm9"),
        ("Cn1c(=O)c2c(ncn2C)n(C)c1=O", "druglike"),
        ("c1ccccc1[N+](=O)[O-]", "qm9"),
        ("CCSCCCCC(=O)O", "druglike"),
    ],
)
def test_auto_is_the_first_shipped_weights_that_know_a_molecule(smiles: str, weights: str):
    found = molecule(smiles)
    assert choose_weights(lambda domain: domain.obstacle(found)) == weights


def test_a_refusal_names_the_limit_and_who_knows_it():
    caffeine, nitro = molecule("Cn1c(=O)c2c(ncn2C)n(C)c1=O"), molecule("CCCCCCCCCC[N+](=O)[O-]")
    with pytest.raises(SizeError, match=r"14 heavy atoms; these weights know 1 to 9; .*--weights druglike"):
        refuse_outside(lambda domain: domain.obstacle(caffeine), shipped_domain("qm9"))
    refuse_outside(lambda domain: domain.obstacle(caffeine), shipped_domain("qm9"), allow_extrapolation=True)
    with pytest.raises(VocabularyError, match=r"decane: .*\(qm9\); atom 11 is N\+1.*\(druglike\); no shipped weights"):
        choose_weights(lambda domain: domain.obstacle(nitro), label="decane")
    assert choose_weights(lambda domain: domain.obstacle(nitro), allow_extrapolation=True) == "qm9"
    with pytest.raises(VocabularyError, match=r"train on molecules like it$"):
        choose_weights(lambda domain: domain.obstacle(molecule("C[SiH3]")))


def test_every_shipped_bundle_says_what_it_knows():
    assert {name for names in AUTO_ORDER.values() for name in names} <= set(shipped_weights())
    for name in shipped_weights():
        domain = shipped_domain(name)
        assert domain.num_heavy_atoms is not None
        assert domain.net_charge == (0, 0)
        assert np.all(np.diff([*domain.num_heavy_atoms, domain.num_atoms[1]]) > 0)
