"""Text is read in bounded memory, whatever a file unpacks to."""

import gzip
import tracemalloc
from pathlib import Path

import pytest

import moldiff.io.text
from moldiff.chem.molecule import MAX_LINE, Failure
from moldiff.errors import FileFormatError
from moldiff.io.formats import read_molecules, read_records
from moldiff.io.text import text_lines

HUGE = 40 * MAX_LINE


def packed(path: Path, data: bytes) -> Path:
    path.write_bytes(gzip.compress(data, compresslevel=1))
    return path


def test_a_line_that_unpacks_to_much_takes_little_memory(tmp_path: Path):
    file = packed(tmp_path / "a.smi", b"CC\n" + b"C" * HUGE + b"\r\nCCO\n")
    tracemalloc.start()
    lines = [(len(line), line[:3]) for line in text_lines(file)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert lines == [(2, "CC"), (MAX_LINE + 1, "CCC"), (3, "CCO")]
    assert peak < HUGE / 4
    reasons = [getattr(record, "reason", "") for _, record in read_records(file)]
    assert reasons == ["", "size", ""]


def test_a_line_without_an_end_in_sight_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(moldiff.io.text, "MOST_PASSED", 5)
    file = packed(tmp_path / "a.smi", b"C" * HUGE)
    with pytest.raises(FileFormatError, match="has a line of more than 5,000,000 characters"):
        list(read_records(file))


@pytest.mark.parametrize("count", [12_002, 999_999_999])
def test_a_frame_of_too_many_atoms_is_not_kept(tmp_path: Path, count: int):
    file = packed(tmp_path / "a.xyz", f"{count}\n\n".encode() + b"C 0 0 0\n" * 12_002 + b"1\n\nHe 0 0 0\n")
    tracemalloc.start()
    (_, failure), (_, helium) = read_molecules(file)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(failure, Failure)
    assert failure.reason == "size"
    assert len(helium) == 1
    assert peak < 5e6


def test_files_without_a_suffix_of_gzip_are_unpacked(tmp_path: Path):
    for name, text in (("a.smi", b"CCO\n"), ("a.csv", b"smiles\nCCO\n"), ("a.txt", b"CCO\n"), ("a.smi.GZ", b"CCO\n")):
        assert len(list(read_records(packed(tmp_path / name, text)))) == 1
