import json
from collections.abc import Callable
from dataclasses import fields
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from moldiff.chem.molecule import Molecule
from moldiff.chem.rdkit_conversion import to_rdkit
from moldiff.chem.validity import sanitise
from moldiff.errors import ConfigError, DataError, OutputError
from moldiff.io.formats import read_molecules
from moldiff.metrics.chemistry import compare_chemistry, moments_of
from moldiff.metrics.chemistry_summary import (
    MOST_RINGS_COUNTED,
    SUMMARIES,
    ChemistrySummary,
    contains,
    histogram_of_num_rings,
    load_summary,
    read_summary,
    text_hash,
)
from moldiff.metrics.molecule_chemistry import MoleculeChemistry, describe
from moldiff.metrics.summarise import summarise

DATA = ["Cc1ccccc1", "CC(=O)N1CCCC1", "OCCO", "c1ccncc1C(=O)O", "no molecule", "CC", "C[C@H](F)Cl"]


def same(one: ChemistrySummary, two: ChemistrySummary) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(two, name)) for name in (f.name for f in fields(one)))


@pytest.fixture(scope="module")
def known() -> ChemistrySummary:
    return summarise(DATA, name="data", source="a list")


def test_summary_knows_what_occurs(known):
    assert known.num_molecules == known.num_sampled == len(DATA) - 1
    assert known.unknown("ring_systems", ["c1ccccc1", "C1CCNC1", "C1CCC1"]) == ["C1CCC1"]
    assert known.unknown("molecules", ["CC", "CC(F)Cl", "CCC"]) == ["CCC"]
    assert known.num_rings.tolist()[:3] == [3, 3, 0]
    assert known.ring_sizes.nonzero()[0].tolist() == [5, 6]
    assert known.moments is None
    assert (np.diff(known.quantiles, axis=1) >= 0).all()


def test_summary_is_the_same_in_more_processes_and_for_any_order(known):
    assert same(summarise(DATA, name="data", source="a list", num_workers=2), known)
    assert same(summarise(DATA[::-1], name="data", source="a list"), known)


def test_summary_without_molecules_is_refused():
    with pytest.raises(DataError, match="a list: RDKit reads none of its 1"):
        summarise(["no molecule"], name="data", source="a list")


def test_summary_survives_its_file(known, tmp_path):
    known.save(tmp_path / "new" / "data.safetensors")
    assert same(read_summary(tmp_path / "new" / "data.safetensors"), known)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["data.safetensors"]
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        known.save(tmp_path / "file" / "data.safetensors")


def test_covariance_survives_as_a_triangle(tmp_path):
    rows = np.random.default_rng(0).normal(size=(len(DATA), 512))
    made = summarise(DATA, name="data", source="a list", chemnet=lambda counts: moments_of(rows))
    assert made.moments is not None
    mean, covariance = made.moments
    assert np.allclose(mean, rows.mean(0), atol=1e-6)
    assert np.allclose(covariance, np.cov(rows, rowvar=False), atol=1e-6)


def other_hashes(metadata: dict, arrays: dict) -> None:
    metadata["probes"] = dict.fromkeys(metadata["probes"], "0" * 16)
    metadata["rdkit"] = "1999.1"


def no_array(metadata: dict, arrays: dict) -> None:
    del arrays["ring_systems"]


def strange_array(metadata: dict, arrays: dict) -> None:
    arrays["more"] = np.zeros(1)


def other_kind(metadata: dict, arrays: dict) -> None:
    arrays["environments_1"] = arrays["environments_1"].astype(np.int64)


def other_shape(metadata: dict, arrays: dict) -> None:
    arrays["num_rings"] = arrays["num_rings"][1:]


def unsorted(metadata: dict, arrays: dict) -> None:
    arrays["ring_systems"] = arrays["ring_systems"][::-1].copy()


def not_finite(metadata: dict, arrays: dict) -> None:
    arrays["quantiles"][0, 0] = np.nan


def other_format(metadata: dict, arrays: dict) -> None:
    metadata["format"] = "moldiff chemistry summary 99"


def no_name(metadata: dict, arrays: dict) -> None:
    del metadata["name"]


def no_catalog(metadata: dict, arrays: dict) -> None:
    del metadata["alert_counts"]["PAINS"]


def strange_metadata(metadata: dict, arrays: dict) -> None:
    metadata["more"] = 1


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (other_hashes, "made by RDKit 1999.1.*give the molecules themselves as the reference"),
        (no_array, "its arrays are"),
        (strange_array, "its arrays are"),
        (other_kind, r"environments_1 is int64\[\d+\], expected uint32"),
        (other_shape, r"num_rings is int64\[20\], expected int64\[21\]"),
        (unsorted, "ring_systems is not sorted"),
        (not_finite, "quantiles is not finite"),
        (other_format, "its metadata is not of the format"),
        (no_name, "other values than expected: name"),
        (no_catalog, "other values than expected: alert_counts"),
        (strange_metadata, "other values than expected: more"),
    ],
)
def test_damaged_summary_is_refused(known, tmp_path, damage: Callable[[dict, dict], None], message: str):
    path = tmp_path / "data.safetensors"
    known.save(path)
    arrays, metadata = load_file(path), known._metadata()
    damage(metadata, arrays)
    save_file(arrays, path, {"summary": json.dumps(metadata)})
    with pytest.raises(DataError, match=f"data.safetensors: .*{message}"):
        read_summary(path)


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\x08\0\0\0\0\0\0\0{}      "])
def test_what_is_no_summary_is_refused(tmp_path, content: bytes):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(DataError, match="no summary of molecules"):
        read_summary(tmp_path / "x")
    with pytest.raises(DataError, match="no summary of molecules"):
        read_summary(tmp_path / "nothing")


def test_metadata_that_is_no_summary_is_refused(known, tmp_path):
    known.save(tmp_path / "x")
    for text in ("[]", "{", "1"):
        save_file(load_file(tmp_path / "x"), tmp_path / "y", {"summary": text})
        with pytest.raises(DataError, match="no summary of molecules"):
            read_summary(tmp_path / "y")


def test_lookup_agrees_with_a_set():
    rng = np.random.default_rng(0)
    known, wanted = np.unique(rng.integers(100, size=40)), rng.integers(120, size=50)
    assert contains(known, wanted).tolist() == [value in set(known.tolist()) for value in wanted.tolist()]
    assert contains(known[:0], wanted).tolist() == [False] * 50


def test_histogram_has_a_place_for_what_is_more():
    assert histogram_of_num_rings([0, 1, 1, 500])[[0, 1, MOST_RINGS_COUNTED]].tolist() == [1, 2, 1]


def test_hash_of_a_text_stays():
    assert text_hash("c1ccccc1") == text_hash("c1ccccc1") != text_hash("c1ccncc1")
    assert 0 <= text_hash("") < 2**64


def test_unknown_name_of_a_shipped_summary_is_refused():
    with pytest.raises(ConfigError, match="expected one of qm9, moses, chembl"):
        load_summary("zinc")


@pytest.mark.parametrize("name", SUMMARIES)
def test_shipped_summary_is_read(name: str):
    summary = load_summary(name)
    assert summary.name == name
    assert min(summary.num_molecules, summary.num_chemnet) > 10_000
    assert summary.moments is not None
    assert np.linalg.eigvalsh(summary.moments[1]).min() > -1e-6
    assert not summary.unknown("ring_systems", ["c1ccccc1", "c1cc[nH]c1", "C1CC1"])
    assert summary.unknown("ring_systems", ["C1=CC2=CC=CC2=C1"])


def test_molecules_of_qm9_are_known_and_a_planted_cyclobutadiene_is_not():
    path = Path(__file__).parents[2] / "datasets" / "qm9" / "sample.sdf"
    records = [record for _, record in islice(read_molecules(path), 100)]
    mols = [to_rdkit(record) for record in records if isinstance(record, Molecule)]
    assert all(sanitise(mol) is None for mol in mols)
    found = [one for one in map(describe, mols) if isinstance(one, MoleculeChemistry)]
    figures = compare_chemistry(found, load_summary("qm9"))
    assert figures is not None
    assert figures.rings_known.numerator > 0.9 * len(mols) > 50
    assert figures.implausible_rings.numerator == 0
    planted = describe("CC1=CC=C1C")
    assert isinstance(planted, MoleculeChemistry)
    assert planted.implausible_rings == ("cyclobutadiene",)
    assert load_summary("qm9").unknown("ring_systems", planted.structure.ring_systems) == ["C1=CC=C1"]
