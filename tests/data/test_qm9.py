import importlib.util
import io
import tarfile
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from fuzzing import mutations

from moldiff.chem.molecule import Failure, Molecule
from moldiff.chem.vocabulary import atom_label
from moldiff.data.prepare import prepare
from moldiff.data.sources.qm9 import HARTREE, UNITS, literature_split, qm9pack_source, read_qm9pack
from moldiff.data.sources.qm9_raw import read_archive
from moldiff.data.store.dataset import MoleculeStore
from moldiff.errors import DataError, FileFormatError, MissingPackageError

ORDER = ["rotation_a", "rotation_b", "rotation_c", "mu", "alpha", "homo", "lumo", "gap", "r2", "zpve"]
ORDER += ["u0", "u", "h", "g", "cv"]


def raw_values(molecule: Molecule) -> dict[str, float]:
    """Properties in the units of the publication."""
    return {key: float(molecule.properties[key]) / factor for key, factor in UNITS.items()}


def archive_text(molecule: Molecule, smiles: str, *, relaxed: str = "same") -> str:
    index, values = molecule.name.removeprefix("gdb_"), raw_values(molecule)
    rows = [
        f"{atom_label(int(e), 0)}\t{x:.10f}\t{y:.10f}\t{z:.6f}\t-0.1".replace("0.0000000000", "1.0*^-12")
        for e, (x, y, z) in zip(molecule.elements, molecule.pos, strict=True)
    ]
    head = [str(len(molecule)), f"gdb {index}\t" + "\t".join(f"{values[key]:.8f}" for key in ORDER)]
    return "\n".join([*head, *rows, "1.0\t2.0", f"{smiles}\t{smiles}", f"InChI=1S/same\tInChI=1S/{relaxed}", ""])


def write_archive(path: Path, texts: dict[str, str]) -> Path:
    with tarfile.open(path, "w:bz2") as archive:
        for name, text in texts.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))
    return path


@pytest.fixture
def archive(sample: list[Molecule], store: MoleculeStore, tmp_path: Path) -> Path:
    """The first 50 of the sample, out of order, the last of them relaxed to something else."""
    texts = {}
    for i in reversed(range(50)):
        name = f"dsgdb9nsd_{int(sample[i].name[4:]):06d}.xyz"
        texts[name] = archive_text(sample[i], store.smiles(i), relaxed="other" if i == 49 else "same")
    return write_archive(tmp_path / "dsgdb9nsd.xyz.tar.bz2", texts)


def test_archive_gives_the_molecules_of_the_sample(archive: Path, sample: list[Molecule], tmp_path: Path):
    report = prepare("qm9", tmp_path / "store", from_file=archive)
    assert (report.total, report.kept, report.left_out) == (50, 49, {"uncharacterised": 1})
    store = MoleculeStore(tmp_path / "store")
    for i in range(49):
        found = store.molecule(i)
        assert found.name == sample[i].name
        np.testing.assert_array_equal(found.bond > 0, sample[i].bond > 0)
        np.testing.assert_array_equal(found.charges, sample[i].charges)
        np.testing.assert_allclose(found.pos, sample[i].pos, atol=1e-6)
        assert found.properties == pytest.approx(dict(sample[i].properties), abs=1e-4)
    assert store.meta["sources"]["uncharacterised"] == "two different InChI in the file"


def test_archive_obeys_the_list_beside_it(archive: Path, sample: list[Molecule], tmp_path: Path):
    lines = [f"   {molecule.name[4:]}   C   C   ok\n" for molecule in sample[:3]]
    (archive.parent / "uncharacterized.txt").write_text("Index  SMILES\n===\n" + "".join(lines))
    report = prepare("qm9", tmp_path / "store", from_file=archive)
    assert (report.kept, report.left_out) == (47, {"uncharacterised": 3})


def test_archive_that_is_cut_is_refused(archive: Path, tmp_path: Path):
    cut = tmp_path / "cut.tar.bz2"
    cut.write_bytes(archive.read_bytes()[:2000])
    with pytest.raises(FileFormatError, match="no whole archive"):
        prepare("qm9", tmp_path / "store", from_file=cut)
    with pytest.raises(DataError, match="no such file"):
        prepare("qm9", tmp_path / "store", from_file=tmp_path / "gdb9.sdf")
    (tmp_path / "gdb9.zip").write_text("x")
    with pytest.raises(FileFormatError, match=r"expected gdb9\.sdf"):
        prepare("qm9", tmp_path / "store", from_file=tmp_path / "gdb9.zip")


def test_archive_record_failures_have_names(sample: list[Molecule]):
    text = archive_text(sample[9], "C")
    for broken, reason in {
        text.replace("C\t", "Xx\t"): "unreadable",
        "\n".join(text.splitlines()[:4]): "truncated",
        text.replace("gdb ", "gdb x"): "unreadable",
        text.replace(text.splitlines()[2].split("\t")[1], "1e9", 1): "unreadable",
        text.replace(text.splitlines()[2].split("\t")[1], "nan", 1): "unreadable",
        text: "formula_differs",
    }.items():
        result = read_archive(broken)
        assert isinstance(result, Failure)
        assert result.reason == reason


def test_gdb9_sdf_takes_properties_from_the_table_beside_it(sample_path: Path, sample: list[Molecule], tmp_path: Path):
    file = tmp_path / "gdb9.sdf"
    file.write_text(sample_path.read_text())
    columns = ["A", "B", "C", "mu", "alpha", "homo", "lumo", "gap", "r2", "zpve", "u0", "u298", "h298", "g298", "cv"]
    rows = [",".join([m.name, *(str(raw_values(m)[key]) for key in ORDER), "0.5"]) for m in sample[:100]]
    table = tmp_path / "gdb9.sdf.csv"
    table.write_text("\n".join([",".join(["mol_id", *columns, "u0_atom"]), *rows, ""]))
    (tmp_path / "uncharacterized.txt").write_text(f"Index\n{sample[5].name[4:]} C\n")
    report = prepare("qm9", tmp_path / "store", from_file=file)
    assert (report.kept, report.left_out) == (199, {"uncharacterised": 1})
    store = MoleculeStore(tmp_path / "store")
    assert store.property("homo")[0] == pytest.approx(sample[0].properties["homo"])
    assert np.isnan(store.property("homo")[-1])
    table.write_text("a,b\n1,2\n")
    with pytest.raises(FileFormatError, match="expected the columns mol_id"):
        prepare("qm9", tmp_path / "other", from_file=file)


def assert_literature_split(split: np.ndarray) -> None:
    """Against the definition in words, molecule by molecule for the first and last of each part."""
    order = np.random.RandomState(0).permutation(130_831)
    assert np.bincount(split).tolist() == [100_000, 17_748, 13_083]
    for part, places in enumerate([(0, 99_999), (100_000, 117_747), (117_748, 130_830)]):
        assert [split[order[place]] for place in places] == [part, part]


def test_literature_split_is_that_of_the_literature():
    assert_literature_split(literature_split(130_831))


def test_literature_split_law_catches_another_permutation():
    with pytest.raises(AssertionError):
        assert_literature_split(literature_split(130_831)[::-1].copy())


def row_of(molecule: Molecule, smiles: str) -> list[str]:
    symbols = "['" + "','".join(atom_label(int(e), 0) for e in molecule.elements) + "']"
    pos = "[" + ",".join("[" + ",".join(f"{x:.10f}" for x in xyz) + "]" for xyz in molecule.pos) + "]"
    return [molecule.name[4:], smiles, symbols, pos, *(str(raw_values(molecule)[key]) for key in UNITS)]


def test_qm9pack_row_gives_the_molecule(sample: list[Molecule], store: MoleculeStore):
    for i, molecule in enumerate(sample):
        result = read_qm9pack(row_of(molecule, store.smiles(i)))
        assert not isinstance(result, Failure)
        np.testing.assert_array_equal(result[0].bond > 0, molecule.bond > 0)
        assert result[0].properties == pytest.approx(dict(molecule.properties), rel=1e-9)
    broken = read_qm9pack([word.replace("'H'", "'Q'") for word in row_of(sample[0], "C")])
    assert isinstance(broken, Failure)
    assert broken.reason == "unreadable"


def test_qm9_without_its_package_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match=r'pip install "moldiff\[qm9\]"'):
        prepare("qm9", tmp_path / "store")


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("qm9pack") is None, reason="the extra qm9 is not installed")
def test_qm9pack_agrees_with_the_sample(sample: list[Molecule], tmp_path: Path):
    source = qm9pack_source()
    assert source.total == 130_831
    rows = {f"gdb_{row[0]}": row for row in source.records}
    for molecule in sample:
        result = read_qm9pack(rows[molecule.name])
        assert not isinstance(result, Failure)
        np.testing.assert_array_equal(result[0].bond, molecule.bond)
        np.testing.assert_array_equal(result[0].charges, molecule.charges)
        assert result[0].properties["gap"] == pytest.approx(molecule.properties["gap"])
    part = replace(source, records=list(islice(source.records, 0, None, 400)), total=None)
    report = prepare(part, tmp_path / "store")
    assert (report.total, report.kept) == (328, 328)
    assert MoleculeStore(tmp_path / "store").property("u0")[0] == pytest.approx(-40.47893 * HARTREE, abs=1e-6)


def test_mutated_archive_files_are_molecules_or_failures(sample: list[Molecule]):
    for data in mutations(archive_text(sample[0], "C").encode(), 300):
        result = read_archive(data.decode("ascii", errors="replace"))
        assert isinstance(result, Failure) or isinstance(result[0], Molecule)
