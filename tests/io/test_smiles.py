import pytest

from moldiff.chem.molecule import Failure
from moldiff.chem.smiles_parsing import parse_smiles
from moldiff.chem.validity import has_stereo
from moldiff.errors import FileFormatError
from moldiff.io.formats import read_reference
from moldiff.io.writer import open_writer


@pytest.mark.parametrize(
    ("given", "canonical"),
    [
        ("OCC", "CCO"),
        ("C1=CC=CC=C1", "c1ccccc1"),
        ("C[C@H](F)O", "CC(O)F"),
        ("[H]/N=C/C", "CC=N"),
        ("F/C=C/F", "FC=CF"),
        ("[H]O[H]", "O"),
    ],
)
def test_smiles_have_one_form_without_hydrogens_and_stereo(given: str, canonical: str) -> None:
    assert parse_smiles(given) == canonical


def test_bad_smiles_are_failures_and_silent(capfd) -> None:
    assert parse_smiles("C1CC").reason == "unreadable"
    assert parse_smiles("C(C)(C)(C)(C)C").reason == "sanitize"
    assert capfd.readouterr() == ("", "")


def test_reference_is_the_same_from_every_format(tmp_path, embed) -> None:
    molecules = [embed(smiles) for smiles in ("CCO", "c1ccncc1", "[NH3+]CC(=O)[O-]", "C[C@H](F)O", "CC=N")]
    for extension in (".sdf", ".smi", ".csv"):
        with open_writer(tmp_path / f"a{extension}") as writer:
            for molecule in molecules:
                writer.write(molecule)
        known, failed = read_reference(tmp_path / f"a{extension}")
        with_stereo = {smiles for smiles in known if has_stereo(smiles)}
        assert known - with_stereo == {"CCO", "c1ccncc1", "[NH3+]CC(=O)[O-]", "CC(O)F", "CC=N"}
        assert len(with_stereo & {"C[C@@H](O)F", "C[C@H](O)F"}) == 1
        assert not failed


def test_reference_counts_what_it_cannot_use(tmp_path) -> None:
    (tmp_path / "a.smi").write_text("smiles name\nCCO ethanol\n\nC1CC\nOCC again\n")
    known, failed = read_reference(tmp_path / "a.smi")
    assert known == {"CCO"}
    assert dict(failed) == {"unreadable": 1}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "a,b\n1,2\n", "no column 'smiles'"),
        ("a.smi", "<html>\n", "none of its 1 records"),
        ("a.smi", "", "empty"),
        ("a.pdb", "x", "read from"),
    ],
)
def test_useless_reference_is_refused(tmp_path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(FileFormatError, match=message):
        read_reference(tmp_path / name)


def test_reference_sdf_without_hydrogens_is_fine(tmp_path) -> None:
    atoms = "".join(f"    {x:.4f}    0.0000    0.0000 {symbol}   0  0\n" for x, symbol in ((0.0, "C"), (1.5, "O")))
    block = f"m\n\n\n  2  1  0  0  0  0  0  0  0  0999 V2000\n{atoms}  1  2  1  0\nM  END\n$$$$\n"
    (tmp_path / "a.sdf").write_text(block)
    assert read_reference(tmp_path / "a.sdf")[0] == {"CO"}
    assert not isinstance(parse_smiles("CO"), Failure)
