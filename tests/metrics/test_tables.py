import csv
import json

import pytest
from rich.console import Console

from moldiff.chem.molecule import Failure
from moldiff.errors import OutputError
from moldiff.metrics.console import render, render_comparison
from moldiff.metrics.export import write_csv, write_json
from moldiff.metrics.rate import Rate
from moldiff.metrics.score import score
from moldiff.metrics.score_result import Score
from moldiff.metrics.tables import DataRow


@pytest.fixture
def result(embed) -> Score:
    return score(
        [embed("CCO"), embed("CCO"), Failure("truncated", "a.sdf, record 3: cut")], reference={"C"}, num_requested=4
    )


def _text(renderable: object, width: int = 80) -> str:
    console = Console(width=width, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    with console.file:
        console.print(renderable)
    return console.export_text()


def test_table_shows_every_denominator(result) -> None:
    text = _text(render(result))
    for row in ("2/4", "1/2", "1/1", "18/18", "4 molecules requested", "truncated", "missing", "record 3"):
        assert row in text


def test_table_fits_80_columns_with_the_data_beside_it() -> None:
    names = {"no_implicit_hydrogens": Rate(10000, 10000), "stable_atoms_of_read": Rate(180123, 180123)}
    result = Score(10000, {**names, "valid_unique_and_novel": Rate(9300, 10000)}, {})
    text = _text(render(result, DataRow(result)))
    assert text.count("180123/180123") == 2
    assert text.count("9300/10000") == 2
    assert "…" not in text


def test_table_bears_a_data_row_with_other_rates(result) -> None:
    assert "data, %" in _text(render(result, DataRow(Score(1, {"read": Rate(1, 1)}, {}))))


def test_csv_has_a_row_for_each_record(tmp_path, result) -> None:
    write_csv(result, tmp_path / "a.csv")
    rows = list(csv.DictReader((tmp_path / "a.csv").read_text().splitlines()))
    assert [row["record"] for row in rows] == ["1", "2", "3"]
    assert [row["valid"] for row in rows] == ["1", "1", "0"]
    assert (rows[0]["name"], rows[0]["smiles"], rows[0]["reason"]) == ("CCO", "CCO", "")
    assert (rows[2]["reason"], rows[2]["detail"]) == ("truncated", "a.sdf, record 3: cut")


def test_json_has_counts_and_reasons(tmp_path, result) -> None:
    write_json(result, tmp_path / "a.json")
    data = json.loads((tmp_path / "a.json").read_text())
    assert data["rates"]["valid"]["numerator"] == 2
    assert data["rates"]["valid"]["denominator"] == 4
    assert data["failures"] == {"truncated": 1, "missing": 1}


@pytest.mark.parametrize("write", [write_csv, write_json])
def test_reports_that_cannot_be_written_are_one_error(tmp_path, result, write) -> None:
    with pytest.raises(OutputError, match="cannot be written: No such file"):
        write(result, tmp_path / "no" / "a.txt")
    with pytest.raises(OutputError, match="No space left"):
        write(result, "/dev/full")


def test_comparison_shows_scores_side_by_side(embed) -> None:
    known = [embed("CCO"), embed("CC")]
    one = score([embed("CCO")], protocols=["midi"], distances_to=known, with_druglike=True)
    two = score([embed("C"), Failure("truncated", "cut")], distances_to=known)
    text = _text(render_comparison({"one.sdf": one, "two.sdf": two}, DataRow(distances=one.distances)))
    rows = [line.split() for line in text.splitlines()]
    assert ["read", "100.00", "1/1", "50.00", "1/2"] in rows
    assert ["midi:", "stable", "100.00", "1/1"] in rows  # not computed for the other
    assert ["truncated", "0", "1"] in rows
    assert ["of", "one.sdf", "two.sdf", "the", "data"] in rows
    assert [f"{one.distances['size_tv']:.4f}", f"{two.distances['size_tv']:.4f}"] == rows_of(rows, "sizes")[:2]
    assert ["polar", "surface,", "mean,", "Å²", "20.2"] in rows
    assert "…" not in text


def rows_of(rows: list[list[str]], title: str) -> list[str]:
    return next(row[1:] for row in rows if row[:1] == [title])


def test_table_tells_what_is_wrong_with_an_older_protocol(embed) -> None:
    text = " ".join(_text(render(score([embed("CCO")], protocols=["midi"]))).split())
    assert "radicals pass" in text
    assert "arXiv:2302.09048" in text


def test_json_of_several_scores_has_their_names(tmp_path, embed) -> None:
    known = [embed("CCO")]
    write_json({"a": score(known, distances_to=known), "b": score([])}, tmp_path / "a.json")
    data = json.loads((tmp_path / "a.json").read_text())
    assert data["a"]["distances"]["bond_length_w1"] == 0
    assert data["b"]["num_requested"] == 0
