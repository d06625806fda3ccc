"""A list by name may hold frames; a folder may hold what is no molecule; names may hold any byte."""

import os
import warnings
from pathlib import Path

import pytest

from moldiff.chem.molecule import Failure
from moldiff.chem.validity import judge
from moldiff.data.prepare import prepare
from moldiff.errors import DataError, FileFormatError
from moldiff.io.formats import format_of, read_molecules, read_records, read_reference
from moldiff.io.xyz import xyz_text

README = "Molecules of run 3\n\nIn this folder C and N are frames.\nNo file is a list.\n"
LOG = "[INFO] step 1 loss 0.5\n2026-01-01 12:00 epoch 2\nO: done\n"


def smiles(path: Path) -> list[str]:
    verdicts = [judge(record) for _, record in read_records(path)]
    return [v.failure.reason if v.failure else v.smiles for v in verdicts]


@pytest.fixture
def edm(tmp_path: Path, embed) -> Path:
    """As EDM writes its samples: a text of XYZ for each."""
    folder = tmp_path / "edm"
    folder.mkdir()
    for i, text in enumerate(("CCO", "c1ccccc1", "CC(N)=O")):
        (folder / f"molecule_{i:03}.txt").write_text(xyz_text(embed(text)))
    return folder


def test_frames_in_texts_are_read_as_frames(edm: Path, tmp_path: Path):
    assert smiles(edm) == ["CCO", "c1ccccc1", "CC(N)=O"]
    assert smiles(edm / "molecule_001.txt") == ["c1ccccc1"]
    assert len(list(read_molecules(edm / "molecule_001.txt"))) == 1
    report = prepare(edm / "molecule_000.txt", tmp_path / "store")
    assert (report.total, report.kept) == (1, 1)
    with pytest.raises(FileFormatError, match="a reference is read from"):
        read_reference(edm / "molecule_000.txt")


def test_what_lies_beside_molecules_is_passed_over_in_one_line(edm: Path):
    (edm / "README.txt").write_text(README)
    (edm / "train.txt").write_text(LOG)
    (edm / "empty.txt").write_text("")
    (edm / "metrics.csv").write_text("epoch,valid\n1,0.5\n")
    (edm / "._molecule_000.txt").write_bytes(b"\0\0")
    with pytest.warns(
        UserWarning, match="passed over 4 without molecules: README.txt, empty.txt, metrics.csv, [.]{3}"
    ) as caught:
        found = smiles(edm)
    assert found == ["CCO", "c1ccccc1", "CC(N)=O"]
    assert len(caught) == 1
    assert "\n" not in str(caught[0].message)


def test_lists_of_a_folder_are_read(edm: Path):
    (edm / "more.txt").write_text("CCO ethanol\nCC(C\n\nCCN\n")
    (edm / "named.txt").write_text("smiles\nnonsense(\nCCN\n")
    (edm / "table.csv").write_text('name,"SMILES"\na,CCF\nb,\n')
    assert smiles(edm)[3:] == ["CCO", "unreadable", "CCN", "unreadable", "CCN", "CCF", "unreadable"]


def test_a_folder_of_nothing_else_is_refused(tmp_path: Path):
    (tmp_path / "README.txt").write_text(README)
    with pytest.raises(FileFormatError, match="holds no file to score"):
        read_records(tmp_path)


def test_a_text_alone_is_a_list_frames_an_sdf_or_refused(tmp_path: Path, embed, sample_sdf: Path):
    file = tmp_path / "a.txt"
    for text, kind in (
        ("CCO\nnonsense\n", ".txt"),
        (xyz_text(embed("CO")), ".xyz"),
        (xyz_text(embed("CO")).replace("6\n", "\n 6 \n", 1), ".xyz"),
        (sample_sdf.read_text()[:3000], ".sdf"),
    ):
        file.write_text(text)
        assert format_of(file) == kind
    file.write_text("Dear reader,\nthis is about molecules.\n")
    with pytest.raises(FileFormatError, match=r"a\.txt: is a text of another kind"):
        read_records(file)
    (tmp_path / "a.smi").write_text("Dear reader\n")
    assert smiles(tmp_path / "a.smi") == ["unreadable"]


def test_names_of_any_bytes_are_read_and_printed(tmp_path: Path):
    for name, text in (
        (b"\xff.smi", b"CCO\nC1\n"),
        (b"\xff.xyz", b"1\n\nXx 0 0 0\n"),
        (b"\xff.sdf", b"\n\n\n  0  0\nM  END\n"),
    ):
        file = Path(os.fsdecode(bytes(tmp_path) + b"/" + name))
        file.write_bytes(text)
        details = [record.detail for _, record in read_records(file) if isinstance(record, Failure)]
        assert details
        assert all(detail.encode().startswith(b"\\xff.") for detail in details)
    (tmp_path / os.fsdecode(b"\xfe.txt")).write_text("Dear reader,\n")
    with pytest.warns(UserWarning, match=r"\\xfe") as caught:
        assert len(smiles(tmp_path)) == 4
    str(caught[0].message).encode()
    with pytest.raises(DataError, match=r"\\xff") as refused:
        list(read_records(os.fsdecode(b"\xff.csv")))
    str(refused.value).encode()


def test_what_cannot_be_read_is_one_error(tmp_path: Path):
    for name in ("a.smi", "a.txt", "a.csv", "a.xyz", "a.sdf"):
        (tmp_path / "folder" / name).mkdir(parents=True)
        for path in (tmp_path / name, tmp_path / name / "below" / name):
            with pytest.raises(DataError):
                list(read_records(path))
        with warnings.catch_warnings(), pytest.raises(DataError):
            list(read_records(tmp_path / "folder" / name))
