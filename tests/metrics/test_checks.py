"""What takes longer for each molecule: strain, PoseBusters, and how what they see is counted."""

import json
import sys
from dataclasses import replace

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdForceFieldHelpers

import moldiff.runtime.optional
from moldiff.chem.molecule import Failure
from moldiff.chem.validity import check
from moldiff.errors import ConfigError, DataError, MissingPackageError
from moldiff.metrics import checks
from moldiff.metrics.check_file import CheckFile
from moldiff.metrics.checks import CheckResult, run_checks
from moldiff.metrics.posebusters import posebusters
from moldiff.metrics.rate import Rate
from moldiff.metrics.score import score
from moldiff.metrics.strain import gfn2_xtb, mmff94
from moldiff.metrics.tables import score_tables


def stretched(molecule, index: int = 0, by: float = 0.3):
    """An atom moved."""
    pos = molecule.pos.copy()
    pos[index, 0] += by
    return replace(molecule, pos=pos)


@pytest.mark.parametrize("method", [mmff94, gfn2_xtb])
def test_strain_is_none_at_the_minimum_and_grows_with_distance(embed, method):
    start = check(embed("CCO"))
    at_rest = method(start)
    near, far = (method(check(stretched(embed("CCO"), by=by))) for by in (0.1, 0.3))
    assert 0 <= at_rest["energy"] < 15
    assert near["energy"] + 5 < far["energy"] < 300
    assert near["displacement"] < far["displacement"] < 0.5


def test_strain_by_mmff94_vanishes_after_rdkits_own_relaxation(embed):
    mol = check(embed("OCC=O"))
    rdForceFieldHelpers.MMFFOptimizeMolecule(mol, maxIters=5000)
    assert mmff94(mol)["energy"] == pytest.approx(0, abs=1e-3)
    assert mmff94(mol)["displacement"] == pytest.approx(0, abs=0.01)


def test_strain_by_xtb_sees_the_charge(embed):
    """Ammonium without its charge has an odd electron, and another energy."""
    assert gfn2_xtb(check(embed("[NH4+]")))["energy"] < 5


COLLAPSED = {
    "all atoms at one point": lambda pos: pos * 0,
    "at one point, far away": lambda pos: pos * 0 + 9999.0,
    "two atoms at one point": lambda pos: np.where(np.arange(len(pos))[:, None] == 1, pos[0], pos),
}


@pytest.mark.parametrize("case", COLLAPSED)
@pytest.mark.parametrize("method", [mmff94, gfn2_xtb])
def test_strain_of_a_collapsed_molecule_is_a_failure(embed, method, case):
    molecule = embed("CCO")
    failure = method(check(replace(molecule, pos=COLLAPSED[case](molecule.pos))))
    assert isinstance(failure, Failure)
    assert failure.reason in ("no_energy", "unconverged", "scf")
    assert "\n" not in failure.detail


def test_a_collapsed_molecule_costs_no_other_its_figures(embed):
    """One record with all its atoms at one point made every figure of a file NaN."""
    good = [embed(smiles) for smiles in ("CCO", "CC", "CC#N")]
    bad = replace(good[0], pos=good[0].pos * 0)
    seen = run_checks([*good, bad], ["mmff94", "posebusters", "xtb"], num_workers=2)
    assert [seen[name].failures for name in ("mmff94", "xtb")] == [{"no_energy": 1}, {"scf": 1}]
    assert seen["mmff94"].quartiles == run_checks(good, ["mmff94"], num_workers=1)["mmff94"].quartiles
    assert seen["posebusters"].rates["bond_lengths"] == Rate(3, 4)
    assert np.isfinite([of for one in seen.values() for of in one.quartiles.values()]).all()
    result = score([*good, bad], distances_to=good, with_druglike=True)
    assert result.rates["valid"] == Rate(4, 4)
    assert np.isfinite([*result.distances.values(), *result.druglike.values()]).all()


def test_what_has_no_value_is_null_in_json_and_none_in_a_table(embed):
    result = score([embed("C")], with_druglike=True, distances_to=[embed("FF")])
    assert np.isnan(result.druglike["diversity"])
    data = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert data["druglike"]["diversity"] is data["distances"]["bond_length_w1"] is None
    cells = {row[0]: row[1] for table in score_tables(result) for row in table.rows if table.title == "descriptors"}
    assert cells["diversity, 0 to 1"] == "none"


def test_force_field_without_parameters_is_a_failure(embed):
    assert mmff94(check(embed("[BH4-]"))).reason == "parameters"


def test_posebusters_passes_what_is_sound_and_not_what_is_broken(embed):
    good = posebusters(check(embed("c1ccccc1O")))
    assert all(good.values())
    assert {"bond_lengths", "internal_energy", "all"} <= set(good)
    long_bond = posebusters(check(stretched(embed("c1ccccc1O"), by=0.8)))
    assert not long_bond["bond_lengths"]
    assert not long_bond["all"]
    assert long_bond["sanitization"]


def test_checks_are_the_same_in_processes(embed):
    molecules = [embed("CCO"), stretched(embed("CC")), embed("[BH4-]")]
    seen = run_checks(molecules, ["mmff94", "posebusters", "mmff94"], num_workers=2)
    assert list(seen) == ["mmff94", "posebusters"]
    one, two, three = seen["mmff94"].results
    assert (one, two) == (mmff94(check(molecules[0])), mmff94(check(molecules[1])))
    assert isinstance(three, Failure)
    assert seen["mmff94"].failures == {"parameters": 1}
    assert seen["mmff94"].quartiles["energy"] == tuple(np.percentile([one["energy"], two["energy"]], (25, 50, 75)))
    assert seen["posebusters"].rates["sanitization"] == Rate(3, 3)


def test_truths_are_counted_where_they_are_known():
    seen = CheckResult("posebusters", ({"sanitization": True, "all": True}, {"all": False}, Failure("timeout", "slow")))
    assert seen.rates == {"sanitization": Rate(1, 1), "all": Rate(1, 3)}
    assert seen.not_made["sanitization"] == 1
    assert seen.not_made["internal_energy"] == 2
    assert seen.to_dict()["failures"] == {"timeout": 1}
    assert seen.to_dict()["versions"]["rdkit"]


def test_no_molecule_passes_all_by_a_check_that_was_not_made(embed, monkeypatch):
    """RDKit finds conformers of this cage in no time, or after ten minutes: now in so many attempts, or not."""
    monkeypatch.setattr("moldiff.metrics.posebusters.MOST_ATTEMPTS", 1)
    cage = check(embed("C12C3C4C1C5C2C3C45"))
    found = posebusters(cage)
    assert "internal_energy" not in found
    assert not found["all"]
    assert all(passed for name, passed in found.items() if name != "all")
    assert posebusters(cage) == found


def test_checks_go_on_where_they_were(embed, tmp_path, monkeypatch):
    molecules, file = [embed("CCO"), stretched(embed("CC")), embed("[BH4-]")], tmp_path / "made.jsonl"
    with CheckFile(file) as made:
        first = run_checks(molecules[:2], ["mmff94"], made=made, num_workers=1)
    assert len(file.read_text().splitlines()) == 2
    file.write_text(file.read_text() + '{"key": "of a run that was sto')
    with CheckFile(file) as made:
        both = run_checks(molecules, ["mmff94"], made=made, num_workers=1)
    assert both["mmff94"].results[:2] == first["mmff94"].results
    assert both["mmff94"].failures == {"parameters": 1}
    assert len(file.read_text().splitlines()) == 3
    monkeypatch.setattr(checks, "map_in_processes", lambda work, items, **_: (_ for _ in [*items][:0]))
    with CheckFile(file) as made:
        assert run_checks(molecules, ["mmff94"], made=made, num_workers=1)["mmff94"].results == both["mmff94"].results


@pytest.mark.parametrize(
    "text", ["C 0 0 0\n", "CCO ethanol", '{"key": 1}\n', '{"key": "a", "check": "xtb", "energy": NaN}\n', "\xff\n"]
)
def test_another_file_is_no_file_of_checks(tmp_path, text):
    (tmp_path / "x").write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError, match="name another file"), CheckFile(tmp_path / "x"):
        pass


def test_what_takes_too_long_costs_itself_alone(embed):
    """The package alone takes longer to import."""
    seen = run_checks([embed("CCO")], ["posebusters"], seconds=0.0, num_workers=1)["posebusters"]
    assert seen.failures == {"timeout": 1}
    assert seen.rates == {}


def test_unknown_checks_and_missing_packages_are_named(monkeypatch):
    with pytest.raises(ConfigError, match="expected one of posebusters, mmff94, xtb"):
        run_checks([], ["dft"])
    monkeypatch.setattr(moldiff.runtime.optional, "find_spec", lambda name: None if name == "tblite" else sys)
    with pytest.raises(MissingPackageError, match=r"tblite: pip install 'moldiff\[score\]'"):
        run_checks([], ["xtb"])


def test_molecules_for_checks_are_kept(embed):
    records = [embed("C"), Failure("truncated", "cut"), embed("CC"), embed("CCC")]
    result = score(records, keep=2)
    assert [len(records[number - 1]) for number in result.numbers] == [len(one) for one in result.molecules]
    assert [len(molecule) for molecule in score(records, keep=3).molecules] == [5, 8, 11]
    assert score(records).molecules == ()


def test_a_look_at_a_molecule_leaves_it_alone(embed):
    mol = check(embed("C1=CC=CC=C1C"))
    before = Chem.MolToMolBlock(mol)
    for run in (posebusters, mmff94, gfn2_xtb):
        run(mol)
    assert Chem.MolToMolBlock(mol) == before
