"""Older protocols on molecules whose answer their own tables give, faults included."""

from collections.abc import Callable

import numpy as np
import pytest
from rdkit import Chem

import moldiff.metrics.protocols
from moldiff.chem.molecule import Failure, Molecule
from moldiff.chem.rdkit_conversion import to_rdkit
from moldiff.errors import ConfigError
from moldiff.metrics.protocols import PROTOCOLS, Protocol, Tally
from moldiff.metrics.score import score
from moldiff.metrics.score_result import Score

Embed = Callable[[str], Molecule]


def counts(protocol: str, *records: Molecule | Chem.Mol | Failure) -> tuple[int, int, int, int, int]:
    """Atoms, stable atoms, stable molecules, valid ones, unique ones."""
    tally = Tally()
    for record in records:
        if not isinstance(record, Failure):
            tally.add(PROTOCOLS[protocol].judge(record))
    return tally.atoms, tally.stable_atoms, tally.stable, tally.valid, len(tally.unique)


def without_an_atom(molecule: Molecule, index: int) -> Molecule:
    keep = np.arange(len(molecule)) != index
    return Molecule(
        molecule.elements[keep], molecule.charges[keep], molecule.pos[keep], molecule.bond[np.ix_(keep, keep)]
    )


def side_by_side(*molecules: Molecule) -> Molecule:
    """Unconnected, 20 Å apart."""
    n = sum(map(len, molecules))
    bond, start = np.zeros((n, n), dtype=np.int64), 0
    for molecule in molecules:
        bond[start : start + len(molecule), start : start + len(molecule)] = molecule.bond
        start += len(molecule)
    pos = [molecule.pos + 20 * i for i, molecule in enumerate(molecules)]
    parts = [[getattr(molecule, name) for molecule in molecules] for name in ("elements", "charges")]
    return Molecule(np.concatenate(parts[0]), np.concatenate(parts[1]), np.concatenate(pos), bond)


PLAIN = [("CCO", 3), ("C1CC1", 3), ("CC#N", 3), ("c1ccccc1", 2), ("c1cc[nH]c1", 2), ("CC(=O)NC", 2)]


@pytest.mark.parametrize(
    ("protocol", "smiles"), [(name, smiles) for smiles, count in PLAIN for name in [*PROTOCOLS][-count:]]
)  # bonds between single and double are too long for the distances of `distance-bonds`
def test_plain_molecules_are_right_by_every_protocol(protocol: str, smiles: str, embed: Embed):
    molecule = embed(smiles)
    assert counts(protocol, molecule) == (len(molecule), len(molecule), 1, 1, 1)


@pytest.mark.parametrize(("protocol", "stable"), [("distance-bonds", 0), ("midi", 1), ("geom-revised", 0)])
def test_midi_alone_takes_a_radical_for_stable(protocol: str, stable: int, embed: Embed):
    radical = without_an_atom(embed("CC"), 7)
    assert counts(protocol, radical)[2] == stable
    assert score([radical], protocols=[protocol]).rates["stable"].numerator == 0


@pytest.mark.parametrize(("protocol", "valid"), [("distance-bonds", 1), ("midi", 1), ("geom-revised", 0)])
def test_unconnected_parts_are_valid_by_the_older_two(protocol: str, valid: int, embed: Embed):
    pair = side_by_side(embed("CCO"), embed("O"))
    assert counts(protocol, pair)[3:] == (valid, valid)
    assert counts(protocol, pair, embed("CCO"))[3:] == (valid + 1, 1)  # the largest part is the same molecule


@pytest.mark.parametrize(("protocol", "stable"), [("distance-bonds", 0), ("midi", 1), ("geom-revised", 1)])
def test_charges_are_seen_by_the_newer_two(protocol: str, stable: int, embed: Embed):
    assert counts(protocol, embed("C[NH3+]"))[2] == stable


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_kekule_and_aromatic_input_count_alike(protocol: str, embed: Embed):
    molecule = embed("c1ccncc1")
    aromatic = to_rdkit(molecule)
    Chem.SanitizeMol(aromatic)
    assert any(bond.GetIsAromatic() for bond in aromatic.GetBonds())
    assert counts(protocol, aromatic) == counts(protocol, molecule)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_records_that_are_no_molecule_count_nothing(protocol: str):
    assert counts(protocol, Failure("truncated", "cut"), Chem.Mol())[1:] == (0, 0, 0, 0)
    rates = score([Failure("truncated", "cut")], num_requested=3, protocols=[protocol]).protocols[protocol]
    assert {rate.denominator for name, rate in rates.items() if name != "stable_atoms"} == {3}


def test_five_bonds_of_carbon_are_refused_by_all(embed: Embed):
    methane = embed("C")
    bond = methane.bond.copy()
    bond[0, 1] = bond[1, 0] = 2
    broken = Molecule(methane.elements, methane.charges, methane.pos, bond)
    assert [counts(name, broken)[2:4] for name in ("midi", "geom-revised")] == [(0, 0), (0, 0)]


def test_hash_tells_a_changed_table():
    midi = PROTOCOLS["midi"]
    changed = Protocol(midi.name, midi.definition, midi.faults, midi.source, midi.judge, {"C": {0: (4,)}})
    assert midi.hash != changed.hash
    assert len({protocol.hash for protocol in PROTOCOLS.values()}) == 3


def test_json_carries_definitions(embed: Embed):
    data = score([embed("C")], protocols=["midi"]).to_dict()
    assert data["protocols"]["midi"]["hash"] == PROTOCOLS["midi"].hash
    assert data["protocols"]["midi"]["rates"]["stable"]["numerator"] == 1
    assert Score.from_dict(data).rates["valid"].numerator == 1
    assert "protocols" not in score([embed("C")]).to_dict()


def test_hash_of_the_strict_rules_changes_with_their_table(embed, monkeypatch):
    before = score([embed("C")]).to_dict()["strict"]
    assert {"definition", "hash", "versions"} == set(before)
    monkeypatch.setitem(moldiff.metrics.protocols.ALLOWED, "C", (3, 4))
    assert score([embed("C")]).to_dict()["strict"]["hash"] != before["hash"]


def test_unknown_protocol_is_named():
    with pytest.raises(ConfigError, match="'edm': expected one of distance-bonds, midi, geom-revised"):
        score([], protocols=["edm"])
