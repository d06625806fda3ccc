import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import AllChem
from scipy.stats import binomtest

from moldiff.chem.molecule import Failure, Molecule
from moldiff.chem.rdkit_conversion import to_rdkit
from moldiff.chem.validity import as_records
from moldiff.errors import DataError
from moldiff.io.writer import open_writer
from moldiff.metrics.protocols import PROTOCOLS
from moldiff.metrics.rate import Rate
from moldiff.metrics.score import score, score_file
from moldiff.metrics.score_result import Score


@pytest.fixture
def records(embed) -> list[Molecule | Failure]:
    """Ten records: 6 valid, of these 4 different; the other 4 each in another way wrong."""
    valid = [embed(smiles) for smiles in ("CCO", "OCC", "c1ccccc1", "C#N", "C[C@H](O)F", "C[C@@H](O)F")]
    methane = embed("C")
    keep = np.arange(4)
    radical = Molecule(methane.elements[keep], methane.charges[keep], methane.pos[keep], methane.bond[:4, :4])
    charged = replace(methane, charges=np.array([2, 0, 0, 0, 0]))
    far = replace(valid[0], bond=np.where(np.add.outer(*[valid[0].elements == 8] * 2), 0, valid[0].bond))
    return [*valid, radical, charged, far, Failure("truncated", "cut")]


def _counts(result: Score) -> dict[str, tuple[int, int]]:
    return {name: (rate.numerator, rate.denominator) for name, rate in result.rates.items()}


def test_score_counts_what_is_known(records) -> None:
    assert _counts(score(records, reference={"CCO", "CC(O)F", "not here"})) == {
        "read": (9, 10),
        "sanitised": (8, 10),
        "no_radicals": (6, 10),
        "no_implicit_hydrogens": (8, 10),
        "one_fragment": (8, 10),
        "valid": (6, 10),
        "stable": (6, 10),
        "neutral": (8, 10),
        "stable_atoms_of_read": (9 + 9 + 12 + 3 + 9 + 9 + 3 + 4 + 6, 9 + 9 + 12 + 3 + 9 + 9 + 4 + 5 + 9),
        "unique_of_valid": (4, 6),
        "unique_with_stereo_of_valid": (5, 6),
        "valid_and_unique": (4, 10),
        "novel_of_unique": (2, 4),
        "valid_unique_and_novel": (2, 10),
    }


def test_score_counts_each_failure_once(records) -> None:
    result = score(records)
    assert dict(result.failures) == {"radical": 2, "valence": 1, "truncated": 1}
    assert sum(result.failures.values()) == result.num_requested - result.rates["valid"].numerator
    assert [verdict.valid for verdict in result.verdicts] == [True] * 6 + [False] * 4


def test_score_has_what_was_asked_for_as_denominator(records) -> None:
    result = score(records, num_requested=20)
    assert result.rates["valid"] == Rate(6, 20)
    assert result.rates["unique_of_valid"] == Rate(4, 6)
    assert result.failures["missing"] == 10
    assert sum(result.failures.values()) == 14


def test_score_refuses_more_than_was_asked_for(records) -> None:
    with pytest.raises(DataError, match="10 records came but only 9"):
        score(records, num_requested=9)


def test_score_without_reference_claims_no_novelty(records) -> None:
    assert not [name for name in score(records).rates if "novel" in name]


def test_score_of_nothing_has_no_values() -> None:
    result = score([], num_requested=0)
    assert np.isnan(result.rates["valid"].value)
    assert json.loads(json.dumps(result.to_dict()))["rates"]["valid"]["value"] is None


def test_score_of_a_file_equals_that_of_its_molecules(tmp_path, records) -> None:
    with open_writer(tmp_path / "a.sdf") as writer:
        for record in records[:-1]:
            writer.write(record)
    with (tmp_path / "a.sdf").open("a") as stream:
        stream.write("cut\n\n\n  5  4  0")
    (tmp_path / "known.smi").write_text("OCC\n")
    from_file = score_file(tmp_path / "a.sdf", reference=tmp_path / "known.smi")
    in_memory = score(records, reference={"CCO"})
    assert _counts(from_file) == _counts(in_memory)
    assert dict(from_file.failures) == dict(in_memory.failures)


@pytest.mark.parametrize(("numerator", "denominator"), [(0, 10), (10, 10), (3, 10), (9300, 10000), (1, 1)])
def test_interval_is_wilsons(numerator: int, denominator: int) -> None:
    expected = binomtest(numerator, denominator).proportion_ci(0.95, method="wilson")
    assert Rate(numerator, denominator).interval == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_score_survives_json(records) -> None:
    result = score(records, reference={"CCO"}, num_requested=12)
    assert Score.from_dict(json.loads(json.dumps(result.to_dict()))) == result


@pytest.mark.parametrize(
    "data", [{}, {"rates": 3}, {"num_requested": 1, "rates": {"valid": {}}, "failures": {}}, {"rates": []}]
)
def test_what_is_no_score_is_refused(data) -> None:
    with pytest.raises(DataError, match="no score"):
        Score.from_dict(data)


def test_scoring_does_not_load_torch() -> None:
    code = "import sys, moldiff.evaluation.report, moldiff.metrics.console; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_score_passes_the_data_itself() -> None:
    """A metric that fails the data is wrong."""
    result = score_file(Path(__file__).parents[2] / "datasets" / "qm9" / "sample.sdf")
    assert result.num_requested == 200
    assert result.rates["valid"] == result.rates["stable"] == Rate(200, 200)
    assert result.rates["unique_of_valid"].value > 0.99


def test_distances_are_of_the_valid_molecules_alone(embed):
    known, radical = [embed("CCO"), embed("CC=O")], embed("C[CH2]")
    scored = score([*known, radical, Failure("truncated", "cut")], distances_to=known)
    assert scored.rates["valid"].numerator == 2
    assert set(scored.distances.values()) <= {0.0, 1.0}  # no distance, and full coverage
    assert score([radical], distances_to=known).distances == {}
    as_rdkit = score([to_rdkit(embed("CC"))], distances_to=known)
    assert as_rdkit.distances == score([embed("CC")], distances_to=known).distances
    assert as_rdkit.distances["size_tv"] == 1


def test_none_is_a_record_that_was_not_read(embed) -> None:
    result = score([to_rdkit(embed("CCO")), None, embed("C")])
    assert _counts(result)["valid"] == (2, 3)
    assert dict(result.failures) == {"unreadable": 1}
    assert dict(result.examples) == {"unreadable": "record 2 is None: RDKit could not read it"}


@pytest.mark.parametrize("value", ["CCO", 3, b"CCO", ["CCO"], Path("x.sdf"), object])
def test_something_else_among_the_records_is_one_line(embed, value: object) -> None:
    with pytest.raises(DataError, match=f"record 2 is a {type(value).__name__}.*MolFromSmiles") as error:
        score(iter([embed("C"), value]))  # type: ignore[arg-type]
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("value", ["x.sdf", Path("x.sdf"), Chem.MolFromSmiles("C"), Failure("size", "x"), 3, None])
def test_one_thing_in_the_place_of_a_list_is_one_line(value: object) -> None:
    with pytest.raises(DataError, match=r"for a list of records.*score_file"):
        list(as_records(value))


def test_molecules_without_coordinates_or_hydrogens_are_counted(embed) -> None:
    bare = Chem.AddHs(Chem.MolFromSmiles("CCO"))
    result = score([bare, Chem.MolFromSmiles("CCO")], protocols=list(PROTOCOLS), distances_to=[embed("C")], keep=9)
    assert dict(result.failures) == {"implicit_hydrogen": 1}
    assert (result.rates["valid"].numerator, result.distances, result.molecules) == (1, {}, ())


def test_carbons_of_an_sdf_without_hydrogens_are_not_valid(tmp_path) -> None:
    """Of aliphatic and of aromatic skeletons; a ring of carbons alone is no molecule."""
    for smiles, reason in (("CC(C)=O", "implicit_hydrogen"), ("c1ccccc1", "implicit_hydrogen")):
        mol = Chem.MolFromSmiles(smiles)
        AllChem.EmbedMolecule(mol, randomSeed=1)
        (tmp_path / "x.sdf").write_text(Chem.MolToMolBlock(mol) + "$$$$\n")
        result = score_file(tmp_path / "x.sdf", protocols=["geom-revised"])
        assert dict(result.failures) == {reason: 1}
        assert result.protocols["geom-revised"]["stable"].numerator == 0
