"""Columns of text: numbers stay numbers, odd cells are named, words are classes; of a joined table and of the file."""

import math
import warnings
from pathlib import Path

import numpy as np
import pytest

from moldiff.data.cells import read_cells
from moldiff.data.columns import column
from moldiff.data.prepare import prepare
from moldiff.data.store.dataset import MoleculeStore
from moldiff.errors import DataError

SMILES = ["CCO", "CCC", "CCN", "CCF", "CCCC", "OCCO", "CNC", "CC#N", "CC=O", "COC", "CCCO", "C1CC1"]


@pytest.mark.parametrize(
    ("cells", "values", "odd"),
    [
        (["1", " 2.5 ", "", "-3e2"], [1, 2.5, math.nan, -300], []),
        (["1", "n/a", "2", "NA"], [1, math.nan, 2, math.nan], [1, 3]),
        (["1", "<6.3", ">7", "2"], [1, math.nan, math.nan, 2], [1, 2]),
        (["1", "inf", "1e999", "-Infinity"], [1, math.nan, math.nan, math.nan], [1, 2, 3]),
        (["1", "nan", "-", "none", "null", "?"], [1, *[math.nan] * 5], [1, 2, 3, 4, 5]),
        (["1", "2", "failed", "1_000", "１"], [1, 2, math.nan, math.nan, math.nan], None),  # most are no numbers
        (["1", "2", "1_000"], [1, 2, math.nan], [2]),
    ],
)
def test_numbers_stay_numbers(cells: list[str], values: list[float], odd: list[int] | None):
    read = read_cells(cells)
    assert read is not None
    if odd is None:
        assert read.classes == ["1", "1_000", "2", "failed", "１"]
    else:
        assert read.classes is None
        np.testing.assert_array_equal(read.values, values)
        assert read.odd == odd


def test_words_are_classes():
    read = read_cells(["odd", "even", "", "none", "n/a", "odd", "7"])
    assert read is not None
    assert read.classes == ["7", "even", "none", "odd"]
    np.testing.assert_array_equal(read.values, [3, 1, math.nan, 2, math.nan, 3, 0])
    assert read.odd == [4, 6]


@pytest.mark.parametrize("cells", [["6,3", "6,4", "6,5"], ["<1", ">2"], [f"word {i}" for i in range(65)]])
def test_cells_that_are_neither_are_refused(cells: list[str]):
    assert read_cells(cells) is None


@pytest.fixture
def molecules(tmp_path: Path) -> Path:
    file = tmp_path / "m.csv"
    file.write_text("smiles,name\n" + "".join(f"{smiles},m{i}\n" for i, smiles in enumerate(SMILES)))
    return file


def joined(molecules: Path, text: str) -> MoleculeStore:
    table = molecules.with_name("more.csv")
    table.write_bytes(text.encode())
    prepare(molecules, molecules.with_name("store"), join=table)
    return MoleculeStore(molecules.with_name("store"))


def rows(**cells: str) -> str:
    return "".join(f"m{i},{cells.get(f'm{i}', f'6.{i}')}\n" for i in range(12))


@pytest.mark.parametrize("odd", ["n/a", "NA", "nan", "-", "none", "null", "<6.3", "inf", "1e999", "not measured"])
def test_odd_cell_of_a_joined_table_is_missing_and_named(odd: str, molecules: Path):
    with pytest.warns(UserWarning, match=r"more\.csv: 1 cells are no numbers, and count as missing: ") as warned:
        store = joined(molecules, "name,gap\n" + rows(m3=odd))
    assert f"{odd!r} (line 5, column 'gap')" in str(warned[0].message)
    assert column(store, "gap").classes == ()
    expected = [math.nan if i == 3 else float(f"6.{i}") for i in range(12)]
    np.testing.assert_allclose(store.property("gap"), expected, rtol=1e-6)


@pytest.mark.parametrize("header", ["Name,gap", " NAME ,gap", "\ufeffname,gap", "smiles,Name,gap", ",name,gap"])
def test_names_are_found_whatever_their_case(header: str, molecules: Path):
    more = "," * (header.count(",") - 1)
    text = "".join(f"{'C' if more else ''}{more}{row}\n" for row in rows().splitlines())
    store = joined(molecules, f"{header}\n{text}")
    assert set(store.property_names) == {"gap", "mmff94_energy"}
    assert store.property("gap")[11] == pytest.approx(6.11)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,gap,gap\nm0,1,2\n", r"more\.csv: 2 columns are named 'gap'; rename or remove"),
        ("name,Name,gap\nm0,m1,2\n", "2 columns are named 'name'"),
        ('name,gap\nm0,1\nm1,"2\nm2,3\nm3,4\n', r"more\.csv, line 3: a quote opens here and does not close"),
        ('name,gap\nm0,1\nm1,"2\nm2,3\nm3,4"\n', r"line 3: a quote opens here and does not close before 'm2,3'"),
        ('name,gap\nm0,"1"2\n', r"more\.csv, line 2: cannot be read as CSV"),
        ("name,gap\nm0," + "9" * 200_000 + "\n", r"cannot be read as CSV: field larger|has 1 different words"),
        ("name,gap\nm0,6,3\n", "line 2: has 3 cells, the header 2; a cell with a comma in it needs quotes"),
        ("name,gap\n,6\n", "line 2: has no name"),
        ('name,gap\nm0,"6,3"\nm1,"6,4"\n', "column 'gap' is no number, .*such as '6,3'; write numbers with points"),
        ("", "has no column 'name'; it has none"),
    ],
)
def test_table_that_is_none_is_one_clear_line(text: str, message: str, molecules: Path):
    with pytest.raises(DataError, match=message) as caught:
        joined(molecules, text)
    assert "\n" not in str(caught.value)
    assert not molecules.with_name("store").exists()


def test_joined_numbers_take_the_place_of_words(molecules: Path):
    text = molecules.read_text().splitlines()
    kinds = ["kind", *("odd" if i % 2 else "even" for i in range(12))]
    molecules.write_text("".join(f"{line},{kind}\n" for line, kind in zip(text, kinds, strict=True)))
    store = joined(molecules, "name,kind\n" + rows())
    assert store.meta["classes"] == {}
    assert store.property("kind")[1] == pytest.approx(6.1)


def test_column_of_the_file_follows_the_same_rule(tmp_path: Path):
    cells = ["1.5", "2.5", "n/a", "<3", "4", "5", "6", "7", "8", "9", "1e999", "inf"]
    lines = [f"{smiles},m{i},{cells[i]},{'high' if i % 3 else i}" for i, smiles in enumerate(SMILES)]
    (tmp_path / "m.csv").write_text("smiles,name,gap,level\n" + "\n".join(lines) + "\n")
    with pytest.warns(UserWarning, match="m: .* cells are ") as warned:
        prepare(tmp_path / "m.csv", tmp_path / "store")
    texts = [str(one.message) for one in warned]
    assert "m: 4 cells are no numbers, and count as missing: 'n/a' (molecule 'm2', column 'gap'), " in texts[0]
    assert "m: 4 cells are missing, or numbers in columns that are taken as classes: '0' (molecule 'm0'" in texts[1]
    store = MoleculeStore(tmp_path / "store")
    values = [1.5, 2.5, math.nan, math.nan, 4, 5, 6, 7, 8, 9, math.nan, math.nan]
    np.testing.assert_array_equal(store.property("gap"), values)


def test_sound_columns_raise_no_warning(molecules: Path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        store = joined(molecules, "name,gap,kind\n" + "".join(f"m{i},{i},{'ab'[i % 2]}\n" for i in range(12)))
    assert store.meta["classes"] == {"kind": ["a", "b"]}
