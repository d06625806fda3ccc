"""Lists of SMILES: every row counts, none swallows another, and none is too large."""

from pathlib import Path

import pytest
from fuzzing import mutations
from rdkit import Chem

from moldiff.chem.molecule import MAX_LINE, MAX_SMILES, Failure
from moldiff.chem.smiles_parsing import record_of_smiles
from moldiff.errors import FileFormatError, MoldiffError
from moldiff.io.formats import read_records
from moldiff.io.rows import read_rows
from moldiff.io.writer import open_writer


def found(path: Path, text: str) -> list[str]:
    """Of each record its SMILES, or its reason."""
    path.write_text(text)
    numbers, records = zip(*read_records(path), strict=True)
    assert list(numbers) == list(range(1, len(records) + 1))
    return [r.reason if isinstance(r, Failure) else Chem.MolToSmiles(Chem.RemoveHs(r)) for r in records]


EMPTY = {
    "nothing": ",b,0",
    "only commas": ",,",
    "quotes": '"",b,0',
    "spaces": "  ,b,0",
    "nan": "nan,b,0",
    "None": "None,b,0",
    "NA": "NA,b,0",
    "a dash": "-,b,0",
}


@pytest.mark.parametrize("case", EMPTY)
def test_a_row_without_a_smiles_counts(tmp_path: Path, case: str) -> None:
    text = f"smiles,name,valid\nCCO,a,1\n{EMPTY[case]}\nCCC,d,1\n"
    assert found(tmp_path / "a.csv", text) == ["CCO", "unreadable", "CCC"]
    line = next(r.detail for _, r in read_records(tmp_path / "a.csv") if isinstance(r, Failure))
    assert line.startswith("a.csv, line 3: ")


def test_rows_of_all_kinds_count_and_blank_lines_do_not(tmp_path: Path) -> None:
    assert found(tmp_path / "a.csv", 'smiles\nCCO\n""\n\nCCC\n\n') == ["CCO", "unreadable", "CCC"]
    assert found(tmp_path / "a.csv", "name,smiles\na\nb,CC\n") == ["unreadable", "CC"]
    assert found(tmp_path / "a.csv", "name,smiles\nN,N-dimethyl,CN(C)C\nb,CC,\n") == ["unreadable", "CC"]
    assert found(tmp_path / "a.smi", "CCO a\n\tb\n\nCCC\n\n\n") == ["CCO", "unreadable", "CCC"]
    assert found(tmp_path / "a.csv", "\ufeffSMILES,name\r\nCCO,a\r\n") == ["CCO"]


def test_what_a_writer_calls_invalid_is_read_as_invalid(tmp_path: Path, build) -> None:
    with open_writer(tmp_path / "a.csv") as writer:
        for _ in range(4):
            writer.write(build("C H", [(0, 1, 1)], name="x"))
    records = [record for _, record in read_records(tmp_path / "a.csv")]
    assert [isinstance(record, Failure) for record in records] == [True] * 4


QUOTES = {
    "one": ("smiles,name", ["CCO,a", 'CCC,"2 inch', "CCN,c", "CCF,d"], 3),
    "last": ("smiles,name", ["CCO,a", 'CCC,"2 inch'], 3),
    "two": ("smiles,name", ["CCO,a", 'CCC,"2 inch', "CCN,c", 'CCF,"3 inch', "CCCC,d"], 3),
    "closed at an end of a line": ("smiles,name", ["CCO,a", 'CCC,"2 inch', "CCN,c", 'CCF,3"', "CCCC,d"], 3),
    "before the SMILES": ("name,smiles", ['"2 inch,CCC', "b,CCO", 'c",CCN'], 2),
    "one column": ("smiles", ["CCO", '"CCC', "CCN", 'CCF"'], 3),
    "very many rows": ("smiles,name", ['CCC,"2 inch', *["CCN,c"] * 300_000], 2),
}


@pytest.mark.parametrize("case", QUOTES)
def test_an_open_quote_is_an_error_with_its_line(tmp_path: Path, case: str) -> None:
    header, rows, line = QUOTES[case]
    with pytest.raises(FileFormatError, match=rf"a\.csv, line {line}: a quote opens here"):
        found(tmp_path / "a.csv", "\n".join([header, *rows]) + "\n")


def test_quotes_that_are_meant_are_read(tmp_path: Path) -> None:
    text = 'smiles,name\n"CCO","a, ""b"""\nCCC,2" pipe\nCCN,"two\nlines, said"\nCCF,"odd" end\nC,e\n'
    assert found(tmp_path / "a.csv", text) == ["CCO", "CCC", "CCN", "unreadable", "C"]
    names = [row.columns.get("name") for row in read_rows(tmp_path / "a.csv")]
    assert names == ['a, "b"', '2" pipe', "two\nlines, said", None, "e"]
    assert [row.line for row in read_rows(tmp_path / "a.csv")] == [2, 3, 4, 6, 7]


@pytest.mark.parametrize("header", ["smiles,name,smiles", "smiles,name,SMILES", "smiles,gap,gap"])
def test_two_columns_of_a_name_are_refused(tmp_path: Path, header: str) -> None:
    with pytest.raises(FileFormatError, match="several columns are named"):
        found(tmp_path / "a.csv", f"{header}\nCCO,1,CCC\n")


def test_large_cells_are_read_and_too_long_ones_fail_in_their_place(tmp_path: Path) -> None:
    text = f"smiles,note\nCCO,{'x' * 200_000}\nCCC,{'x' * 2 * MAX_LINE}\nCCN,\n{'C' * 200_000},\nCCF,\n"
    assert found(tmp_path / "a.csv", text) == ["CCO", "size", "CCN", "size", "CCF"]
    assert found(tmp_path / "a.smi", f"CCO\n{'C' * 2 * MAX_LINE} x\nCCC\n") == ["CCO", "size", "CCC"]


def test_size_of_a_smiles_is_bounded() -> None:
    rings = "C1CC1" * (MAX_SMILES // 5 + 1)
    for smiles in (rings, "C" * 100_000, "C" * 1001, "C" * 400):  # 400 carbons have 802 hydrogens
        result = record_of_smiles(smiles)
        assert isinstance(result, Failure)
        assert result.reason == "size"
    assert not isinstance(record_of_smiles("C" * 300), Failure)
    assert isinstance(record_of_smiles(""), Failure)


@pytest.mark.parametrize("name", ["a.csv", "a.smi"])
def test_fuzzed_lists_are_molecules_failures_or_one_error(tmp_path: Path, name: str) -> None:
    text = 'smiles,name,gap\nCCO,"a, b",1\n,c,2\nc1ccccc1,d,\nC[C@H](F)O,"two\nlines",3\n'
    outcomes = set()
    for data in mutations((text if name == "a.csv" else text.replace(",", " ")).encode(), 400):
        (tmp_path / name).write_bytes(data)
        try:
            outcomes |= {type(record) for _, record in read_records(tmp_path / name)}
        except MoldiffError as error:
            outcomes.add(type(error))
    assert {Chem.Mol, Failure, FileFormatError} <= outcomes


def test_no_line_of_a_list_is_lost(tmp_path: Path) -> None:
    """An independent count: every line that is not blank, whatever it became."""
    for data in mutations(b"CCO a\nCC\nC1CC1 ring\nnonsense\n", 400):
        text = data.decode("utf-8", "backslashreplace").replace("\r\n", "\n").replace("\r", "\n")
        if data[:2] in (b"\x1f\x8b", b"\xff\xfe") or "\0" in text or not text.strip():
            continue
        (tmp_path / "a.smi").write_bytes(data)
        lines = [line for line in text.split("\n") if line.removeprefix("\ufeff").strip()]
        assert len(list(read_rows(tmp_path / "a.smi"))) == len(lines), data
