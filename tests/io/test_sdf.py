import gzip
from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem

from moldiff.chem.molecule import Failure, Molecule
from moldiff.chem.rdkit_conversion import to_rdkit
from moldiff.chem.validity import judge
from moldiff.errors import DataError, FileFormatError, MoldiffError, OutputError
from moldiff.io.formats import read_molecules, read_records
from moldiff.io.sdf import read_sdf, sdf_text

SMILES = ["CCO", "c1ccccc1", "C[N+](=O)[O-]", "[NH3+]CC(=O)[O-]", "c1cc[nH]c1C#N"]
METHANE = """m

made by hand
  5  4  0  0  0  0  0  0  0  0999 V2000
    0.0000    0.0000    0.0000 C   0  0
    0.6300    0.6300    0.6300 H   0  0
   -0.6300   -0.6300    0.6300 H   0  0
   -0.6300    0.6300   -0.6300 H   0  0
    0.6300   -0.6300   -0.6300 H   0  0
  1  2  1  0
  1  3  1  0
  1  4  1  0
  1  5  1  0
M  END
$$$$
"""
CARBON = "    0.0000    0.0000    0.0000 C   0  0"


@pytest.fixture
def molecules(embed) -> list[Molecule]:
    return [embed(smiles, name=f"m{i}") for i, smiles in enumerate(SMILES)]


def _read(path: Path, text: str) -> list[Molecule | Failure]:
    path.write_text(text)
    return [molecule for _, molecule in read_sdf(path)]


def _same(one: Molecule | Failure, two: Molecule) -> bool:
    assert isinstance(one, Molecule)
    exact = all(np.array_equal(getattr(one, field), getattr(two, field)) for field in ("elements", "charges", "bond"))
    return exact and np.abs(one.pos - two.pos).max() < 5.1e-5 and one.name == two.name


def test_sdf_round_trip_keeps_bonds_and_charges(tmp_path, molecules) -> None:
    back = _read(tmp_path / "a.sdf", "".join(map(sdf_text, molecules)))
    assert len(back) == len(molecules)
    assert all(map(_same, back, molecules))


def test_sdf_round_trip_keeps_properties(tmp_path, embed) -> None:
    properties = {"gap": 0.1 + 0.2, "n": 3, "note": "two\nlines", "id": "007"}
    molecule = embed("CO")
    object.__setattr__(molecule, "properties", properties)
    (back,) = _read(tmp_path / "a.sdf", sdf_text(molecule))
    assert dict(back.properties) == properties


def test_sdf_round_trip_keeps_a_radical_a_radical(tmp_path, build) -> None:
    radical = build("C H H H", [(0, 1, 1), (0, 2, 1), (0, 3, 1)])
    path = tmp_path / "a.sdf"
    path.write_text(sdf_text(radical))
    ((_, record),) = read_records(path)
    assert judge(record).failure == judge(radical).failure
    plain = Chem.SDMolSupplier(str(path), removeHs=False)[0]
    assert plain.GetAtomWithIdx(0).GetNumRadicalElectrons() == 1


def test_sdf_of_1000_atoms_survives(tmp_path, build) -> None:
    chain = build(" ".join(["C"] * 1000), [(i, i + 1, 1) for i in range(999)])
    text = sdf_text(chain)
    assert "V3000" in text
    (record,) = [record for _, record in read_records(_write(tmp_path / "a.sdf", text))]
    assert record.GetNumAtoms() == 1000


def _write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_aromatic_and_v3000_and_gzip_read_the_same(tmp_path, molecules) -> None:
    aromatic, v3000 = "", ""
    for molecule in molecules:
        mol = to_rdkit(molecule)
        v3000 += Chem.MolToV3KMolBlock(mol, kekulize=False) + "$$$$\n"
        Chem.SanitizeMol(mol)
        aromatic += Chem.MolToMolBlock(mol, kekulize=False) + "$$$$\n"
    assert "  4  0" in aromatic
    (tmp_path / "c.sdf.gz").write_bytes(gzip.compress("".join(map(sdf_text, molecules)).encode()))
    packed = [molecule for _, molecule in read_molecules(tmp_path / "c.sdf.gz")]
    assert all(map(_same, packed, molecules))
    assert all(map(_same, _read(tmp_path / "b.sdf", v3000), molecules))
    for one, two in zip(_read(tmp_path / "a.sdf", aromatic), molecules, strict=True):
        assert isinstance(one, Molecule)
        assert np.array_equal(one.charges, two.charges)
        assert np.array_equal(one.bond.sum(1), two.bond.sum(1))


def test_windows_line_ends_and_mol_files_read(tmp_path) -> None:
    (tmp_path / "a.sdf").write_bytes(METHANE.replace("\n", "\r\n").encode())
    (_, windows), *_ = read_sdf(tmp_path / "a.sdf")
    (_, alone), *_ = read_molecules(_write(tmp_path / "b.mol", METHANE.replace("$$$$\n", "")))
    assert isinstance(windows, Molecule)
    assert isinstance(alone, Molecule)


BROKEN = {
    "unknown element": (CARBON, CARBON.replace("C ", "Xx"), "element", "atom 1 is 'Xx'"),
    "placeholder": (CARBON, CARBON.replace("C ", "R#"), "element", "placeholder"),
    "NaN": (CARBON, CARBON.replace("    0.0000", "       nan", 1), "coordinates", "atom 1 .*nan"),
    "1e9": (CARBON, CARBON.replace("    0.0000", "       1e9", 1), "coordinates", "atom 1 .*1e9"),
    "huge": (CARBON, CARBON.replace("    0.0000", "99999.0000", 1), "coordinates", r"atom 1 lies at \(99999, 0, 0\)"),
    "text": (CARBON, CARBON.replace("    0.0000", "      zero", 1), "coordinates", "atom 1 .*zero"),
    "no end": ("M  END\n", "", "unreadable", "no `M  END`"),
    "missing bonds": ("  1  5  1  0\n", "", "unreadable", "counts line"),
    "counts in superscript": ("  5  4  0", "  ³  4  0", "unreadable", "counts line"),
    "bond to nowhere": ("  1  5  1  0", "  1  9  1  0", "unreadable", "bond lines"),
    "implicit hydrogens": (
        METHANE[METHANE.index("  5  4") : METHANE.index("M  END")],
        "  1  0  0  0  0  0  0  0  0  0999 V2000\n" + CARBON + "\n",
        "implicit_hydrogen",
        "AddHs",
    ),
    "any bond": ("  1  5  1  0", "  1  5  8  0", "bond_type", "expected single"),
    "no atoms": (
        METHANE[METHANE.index("  5  4") : METHANE.index("M  END")],
        "  0  0  0  0  0  0  0  0  0  0999 V2000\n",
        "size",
        "no atoms",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_record_fails_in_its_place(tmp_path, capfd, case: str) -> None:
    old, new, reason, message = BROKEN[case]
    assert old in METHANE
    first, broken, last = _read(tmp_path / "a.sdf", METHANE + METHANE.replace(old, new) + METHANE)
    assert isinstance(first, Molecule)
    assert isinstance(last, Molecule)
    assert isinstance(broken, Failure)
    assert broken.reason == reason
    assert broken.detail.startswith("a.sdf, record 2: ")
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(broken.detail)
    assert capfd.readouterr() == ("", "")


def test_v3000_names_bad_atoms(tmp_path, embed) -> None:
    block = Chem.MolToV3KMolBlock(to_rdkit(embed("CO"))) + "$$$$\n"
    line = next(line for line in block.splitlines() if line.startswith("M  V30 1 C"))
    for new, reason in (
        (line.replace(" C ", " Xx "), "element"),
        ("M  V30 1 C nan 0 0 0", "coordinates"),
        ("M  V30 1 C 1e9 0 0 0", "coordinates"),
    ):
        (failure,) = _read(tmp_path / "a.sdf", block.replace(line, new))
        assert isinstance(failure, Failure)
        assert failure.reason == reason, failure


def test_5000_atoms_are_refused_in_their_place(tmp_path) -> None:
    mol = Chem.MolFromSmiles("C" * 5000, sanitize=False)
    mol.AddConformer(Chem.Conformer(5000))
    (failure,) = _read(tmp_path / "a.sdf", Chem.MolToV3KMolBlock(mol, kekulize=False) + "$$$$\n")
    assert failure == Failure("size", "a.sdf, record 1: has 5000 atoms; at most 1000 are supported")


@pytest.mark.parametrize("cut", [5, 40, 120, 300, len(METHANE) - 12, METHANE.index("M  END") + 4])
def test_truncated_last_record_is_noticed(tmp_path, cut: int) -> None:
    whole, truncated = _read(tmp_path / "a.sdf", METHANE + METHANE[:cut])
    assert isinstance(whole, Molecule)
    assert isinstance(truncated, Failure)
    assert truncated.reason == "truncated"
    assert "record 2" in truncated.detail


def test_whole_file_has_no_truncated_record(tmp_path) -> None:
    assert len(_read(tmp_path / "a.sdf", METHANE + METHANE + "\n\n")) == 2


def test_truncated_gzip_is_noticed(tmp_path) -> None:
    packed = gzip.compress((METHANE * 200).encode(), compresslevel=0)
    (tmp_path / "a.sdf.gz").write_bytes(packed[: len(packed) // 2])
    *whole, last = [record for _, record in read_sdf(tmp_path / "a.sdf.gz")]
    assert isinstance(last, Failure)
    assert last.reason == "truncated"
    assert len(whole) > 10
    assert all(isinstance(record, Molecule) for record in whole)


FOREIGN = {
    "empty": (b"", "is empty"),
    "blank": (b"\n\n \n", "is empty|no SDF"),
    "html": (b"<!DOCTYPE html>\n<html>\n<head>\n<title>404</title>\n</html>\n", "no SDF.*<!DOCTYPE html>.*web page"),
    "short html": (b"<html>Sign in</html>", "no SDF.*web page"),
    "text": (b"one\ntwo\nthree\nfour\nfive\n", "no SDF: line 4"),
    "binary": (b"\x89PNG\r\n\x1a\n\0\0\0", "binary"),
    "only the end": (b"$$$$\n", "no SDF"),
}


@pytest.mark.parametrize("case", FOREIGN)
def test_foreign_file_is_refused_in_one_line(tmp_path, case: str) -> None:
    content, message = FOREIGN[case]
    (tmp_path / "a.sdf").write_bytes(content)
    with pytest.raises(FileFormatError, match=message) as caught:
        list(read_sdf(tmp_path / "a.sdf"))
    assert str(tmp_path / "a.sdf") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_file_that_cannot_be_read_is_one_error(tmp_path) -> None:
    (tmp_path / "b.sdf.gz").write_bytes(b"plain text")
    for path, message in (
        (tmp_path / "none.sdf", "No such file"),
        (tmp_path, "directory|extension|read from"),
        (tmp_path / "b.sdf.gz", "gzip"),
    ):
        with pytest.raises(DataError, match=message):
            list(read_molecules(path) if path != tmp_path else read_sdf(path))
    with pytest.raises(MoldiffError, match=r"read from \.sdf"):
        read_molecules(tmp_path / "a.pdb")
    with pytest.raises(FileFormatError, match="a score is read from"):
        read_records(tmp_path / "a.pdb")


@pytest.mark.parametrize(
    ("name", "properties"),
    [("two\nlines", {}), ("$$$$", {}), ("m", {"k": "a\n\nb"}), ("m", {"a<b": "c"}), ("m", {"k": "$$$$"})],
)
def test_what_an_sdf_cannot_hold_is_refused(build, name: str, properties: dict[str, str]) -> None:
    with pytest.raises(OutputError):
        sdf_text(build("H H", [(0, 1, 1)], name=name, properties=properties))


def test_nonsense_survives_the_round_trip(tmp_path, capfd) -> None:
    """What an untrained network draws: written and read back exactly, judged the same, and never an exception."""
    rng = np.random.default_rng(0)
    nonsense = []
    for k in range(300):
        n = int(rng.integers(1, 20))
        bond = np.triu(rng.choice(4, (n, n), p=rng.dirichlet([20, 2, 1, 0.5])), 1)
        elements, charges = rng.choice([1, 1, 6, 6, 7, 8, 9, 16, 26], n), rng.choice([0, 0, 0, -1, 1, 3], n)
        charges[elements == 1] = 0
        nonsense.append(Molecule(elements, charges, rng.normal(size=(n, 3)), bond + bond.T, name=f"m{k}"))
    path = _write(tmp_path / "a.sdf", "".join(map(sdf_text, nonsense)))
    assert all(_same(one, two) for (_, one), two in zip(read_sdf(path), nonsense, strict=True))
    verdicts = [(judge(record), judge(two)) for (_, record), two in zip(read_records(path), nonsense, strict=True)]
    assert [one.valid for one, _ in verdicts] == [two.valid for _, two in verdicts]
    assert len({two.failure.reason for _, two in verdicts if two.failure}) >= 2
    assert capfd.readouterr() == ("", "")


def test_mutated_records_are_read_or_fail_but_never_raise(tmp_path, capfd) -> None:
    rng = np.random.default_rng(0)
    records = []
    for _ in range(500):
        text = list(METHANE[:-5])
        for _ in range(rng.choice([1, 2, 8])):
            i = int(rng.integers(70, len(text)))
            text[i : i + int(rng.choice([0, 1, 40]))] = rng.choice([*"0123456789 -.CNOHX\n", "M  CHG  1   1   9\n"])
        records.append("".join(text) + "\n$$$$\n")
    path = _write(tmp_path / "a.sdf", METHANE + "".join(records))
    results = [record for _, record in read_records(path)]
    assert len(results) == 501
    assert len({judge(result).valid for result in results}) == 2
    assert all(isinstance(result, (Molecule, Failure)) for _, result in read_sdf(path))
    assert capfd.readouterr() == ("", "")


def test_absurd_charges_are_refused(build) -> None:
    with pytest.raises(OutputError, match="cannot write its charges"):
        sdf_text(build("H+9 H", [(0, 1, 1)]))
