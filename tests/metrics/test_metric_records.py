"""Records shared out to processes give what one process gives, in order, whatever happens to one of them."""

import os
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from rdkit import Chem

import moldiff.metrics.records
from moldiff.chem.descriptors import num_independent_rings
from moldiff.chem.molecule import Failure, Molecule
from moldiff.chem.rdkit_conversion import to_rdkit
from moldiff.chem.validity import Record
from moldiff.metrics.molecule_row import MoleculeRow
from moldiff.metrics.records import Rules, examine_all
from moldiff.metrics.score import score
from moldiff.metrics.score_result import Score


@pytest.fixture
def many(embed: Callable[[str], Molecule], monkeypatch: pytest.MonkeyPatch) -> list[Record]:
    """Of every kind, and more than are done in one process."""
    monkeypatch.setattr(moldiff.metrics.records, "FEW", 5)
    monkeypatch.setattr(moldiff.metrics.records, "CHUNK", 3)
    kinds: list[Record] = [
        embed("CCO"),
        to_rdkit(embed("C[CH2]")),
        Failure("truncated", "cut"),
        to_rdkit(embed("CC#N")),
    ]
    return kinds * 5


def figures(result: Score) -> dict:
    return result.to_dict() | {"examples": dict(result.examples)}


def test_several_processes_count_as_one(many: list[Record], embed: Callable[[str], Molecule]):
    options = {"protocols": ["midi"], "distances_to": [embed("CCO"), embed("C")], "with_druglike": True}
    one, two = (score(many, num_workers=count, **options) for count in (1, 2))
    assert figures(one) == figures(two)
    assert one.verdicts == two.verdicts
    assert [verdict.name for verdict in two.verdicts[:4]] == ["CCO", "C[CH2]", "", "CC#N"]
    assert one.rates["valid"].numerator == 10


class Deadly(bytes):
    """Ends the process that receives it."""

    def __reduce__(self):
        return os._exit, (3,)


class DeadlyMol(Chem.Mol):
    def ToBinary(self, *_: object) -> bytes:  # noqa: N802 - RDKit's name
        return Deadly()


def test_a_record_that_ends_its_process_costs_no_other(many: list[Record]):
    many[7] = DeadlyMol()
    examined = list(examine_all(many, Rules(), num_workers=2))
    failures = [e.verdict.failure for e in examined]
    assert failures[7] == Failure("crashed", "the process that worked on it ended with 3")
    del failures[7], many[7]
    assert failures == [e.verdict.failure for e in examine_all(many, Rules())]


def test_few_records_start_no_process(embed: Callable[[str], Molecule], monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a process")

    monkeypatch.setattr(moldiff.metrics.records, "map_in_processes", refuse)
    assert len(list(examine_all([embed("C")] * 3, Rules(), num_workers=4))) == 3


def ladder(rungs: int) -> Chem.Mol:
    """Nitrogens in a row of rings; RDKit's aromaticity takes 1 s at 40 rungs, and twice that for each two more."""
    mol = Chem.RWMol()
    for _ in range(2 * rungs):
        mol.AddAtom(Chem.Atom(7))
    for i in range(rungs):
        mol.AddBond(i, rungs + i, Chem.BondType.SINGLE)
        if i:
            mol.AddBond(i - 1, i, Chem.BondType.SINGLE)
            mol.AddBond(rungs + i - 1, rungs + i, Chem.BondType.SINGLE)
    mol.SetProp("_Name", f"ladder {rungs}")
    return mol.GetMol()


def test_a_record_that_keeps_rdkit_is_ended_with_one_record_and_one_worker(
    embed: Callable[[str], Molecule], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(moldiff.metrics.records, "CHUNK_SECONDS", 3.0)
    result = score([ladder(60)])
    assert dict(result.failures) == {"timeout": 1}
    assert result.verdicts[0].name == "ladder 60"
    result = score([embed("CCO"), ladder(60), ladder(10), to_rdkit(embed("CC")), ladder(60), ladder(23)])
    reasons = [None if v.failure is None else v.failure.reason for v in result.verdicts]
    assert reasons == [None, "timeout", "implicit_hydrogen", None, "timeout", "implicit_hydrogen"]


def test_rings_are_counted_without_looking_for_them(embed: Callable[[str], Molecule]):
    for smiles, count in (("CCO", 0), ("c1ccccc1", 1), ("C1CC1C1CC1", 2), ("C12C3C4C1C5C2C3C45", 5)):
        assert num_independent_rings(embed(smiles)) == num_independent_rings(to_rdkit(embed(smiles))) == count
    assert num_independent_rings(Chem.MolFromSmiles("C1CC1.CC.C1CC1")) == 2
    assert num_independent_rings(ladder(60)) == 59


@pytest.mark.parametrize("num_workers", [1, 2])
def test_records_are_read_as_they_are_needed(many: list[Record], num_workers: int):
    read = 0

    def endless() -> Iterator[Record]:
        nonlocal read
        while True:
            read += 1
            yield many[read % 4]

    examined = examine_all(endless(), Rules(), num_workers=num_workers)
    for _ in range(10):
        next(examined)
    examined.close()  # type: ignore[attr-defined]
    assert read < 1000


def test_rows_are_handed_over_instead_of_kept(many: list[Record]):
    rows: list[MoleculeRow] = []
    result = score(many, on_row=rows.append)
    assert result.rows == result.verdicts == ()
    assert tuple(rows) == score(many).rows
    assert [row.number for row in rows] == list(range(1, len(many) + 1))
    assert result == score(many)


def test_molecules_are_kept_only_on_request(many: list[Record]):
    assert {type(e.molecule) for e in examine_all(many, Rules())} == {type(None)}
    kept = [e.molecule for e in examine_all(many, Rules(keep=True))]
    assert [m is not None for m in kept[:4]] == [True, False, False, True]
    assert kept[3] is not None
    assert np.array_equal(np.sort(kept[3].elements), [1, 1, 1, 6, 6, 7])
