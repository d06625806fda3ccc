"""Where a record of an SDF begins and ends, what its tags are called, how large it may be, and how a file is packed."""

import bz2
import gzip
import lzma
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest
from fuzzing import TOKENS, mutations
from rdkit import Chem

from moldiff.chem.molecule import MAX_LINE, MAX_RECORD_LINES, Failure, Molecule
from moldiff.errors import FileFormatError, MoldiffError
from moldiff.io.formats import read_molecules
from moldiff.io.sdf import read_sdf, sdf_text

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


def _read(path: Path, text: str | bytes) -> list[Molecule | Failure]:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return [molecule for _, molecule in read_sdf(path)]


@pytest.mark.parametrize("end", ["", "\n", "\n\n", "> <gap>\n6.5\n", "> <gap>\n6.5\n\n"])
def test_last_record_is_whole_with_the_end_of_its_table(tmp_path, end: str) -> None:
    """What `Chem.MolToMolFile` writes has no `$$$$`."""
    alone = METHANE.removesuffix("$$$$\n")
    for text, count in ((alone + end, 1), (METHANE + alone + end, 2)):
        found = _read(tmp_path / "a.sdf", text)
        assert len(found) == count
        assert all(isinstance(molecule, Molecule) for molecule in found)
        assert ("gap" in found[-1].properties) == ("gap" in end)


TAGS = "> <gap>\n6.5\n\n"
BOUNDARIES = {
    "none": METHANE.removesuffix("$$$$\n"),
    "tags only": METHANE.replace("$$$$\n", TAGS),
    "blank titles": METHANE.replace("$$$$\n", "").replace("m\n", "\n", 1),
}


@pytest.mark.parametrize("case", BOUNDARIES)
def test_records_put_together_without_their_ends_are_all_counted(tmp_path, case: str) -> None:
    record = BOUNDARIES[case]
    found = _read(tmp_path / "a.sdf", record * 3 + METHANE + record)
    assert len(found) == 5
    assert all(isinstance(molecule, Molecule) for molecule in found)


def test_a_table_in_a_tag_is_no_record(tmp_path) -> None:
    for table in (METHANE.removesuffix("$$$$\n"), METHANE.removesuffix("$$$$\n").replace("m\n", "\n", 1)):
        text = METHANE.replace("$$$$\n", f"> <drawing>\n{table}\n{TAGS}$$$$\n")
        (found,) = _read(tmp_path / "a.sdf", text)
        assert isinstance(found, Molecule)


def test_keys_of_tags_are_read_whole(tmp_path) -> None:
    tags = "> <IC50 (>10)>\n6.5\n\n>  25  <gap> (1)\n2\n\n>  <a> DT12\n3\n\n>  <x<y>\n4\n\n"
    (found,) = _read(tmp_path / "a.sdf", METHANE.replace("$$$$\n", f"{tags}$$$$\n"))
    assert dict(found.properties) == {"IC50 (>10)": 6.5, "gap": 2, "a": 3, "x<y": 4}
    (again,) = _read(tmp_path / "b.sdf", sdf_text(replace(found, properties={"IC50 (>10)": 6.5})))
    assert dict(again.properties) == {"IC50 (>10)": 6.5}


def test_records_beyond_the_bounds_fail_in_their_place(tmp_path) -> None:
    long_line = METHANE.replace("$$$$", f"> <x>\n{'x' * 2 * MAX_LINE}\n\n$$$$")
    many_lines = METHANE.replace("$$$$", "> <x>\n" + "x\n" * MAX_RECORD_LINES + "\n$$$$")
    pairs = list(combinations(range(1, 101), 2))
    dense = Chem.MolToV3KMolBlock(Chem.MolFromSmiles("C" * 100, sanitize=False), kekulize=False)
    dense = dense.replace("COUNTS 100 99", f"COUNTS 100 {len(pairs)}").splitlines(keepends=True)
    first = next(i for i, line in enumerate(dense) if "BEGIN BOND" in line) + 1
    dense[first : first + 99] = [f"M  V30 {k + 1} 4 {i} {j}\n" for k, (i, j) in enumerate(pairs)]
    text = METHANE.join([METHANE, long_line, many_lines, "".join(dense) + "$$$$\n", METHANE])
    found = _read(tmp_path / "a.sdf", text)
    reasons = [f.reason if isinstance(f, Failure) else len(f) for f in found]
    assert reasons == [5, 5, "size", 5, "size", 5, "size", 5, 5]


def test_gzip_is_read_by_content_and_other_packers_are_named(tmp_path) -> None:
    packed = gzip.compress(METHANE.encode())
    for name in ("a.sdf", "b.SDF.GZ", "c.sd", "d.sdf.gz"):
        (tmp_path / name).write_bytes(packed)
        assert len(list(read_molecules(tmp_path / name))) == 1
    plain = METHANE.encode()
    for data, message in (
        (bz2.compress(plain), "packed by bzip2; unpack it"),
        (lzma.compress(plain), "packed by xz"),
        (b"PK\x03\x04rest", "packed by zip"),
        (gzip.compress(packed), "packed by gzip, twice"),
        (METHANE.encode("utf-16"), "UTF-16.*save it as UTF-8"),
        (METHANE.encode("utf-16-be"), "UTF-16"),
        (gzip.compress(METHANE.encode("utf-16-le")), "UTF-16"),
    ):
        (tmp_path / "e.sdf").write_bytes(data)
        with pytest.raises(FileFormatError, match=message):
            list(read_molecules(tmp_path / "e.sdf"))


def test_mark_of_utf_8_is_no_text(tmp_path) -> None:
    """Also in the middle, where files were put one behind the other."""
    (tmp_path / "a.sdf").write_text("\ufeff" + METHANE + "\ufeff" + METHANE)
    first, second = (molecule for _, molecule in read_sdf(tmp_path / "a.sdf"))
    assert first.name == second.name == "m"


def test_a_line_lost_doubled_or_garbled_loses_no_record(tmp_path) -> None:
    """Every line of the second record of three, in every way."""
    lines = (METHANE * 3).splitlines(keepends=True)
    size = len(lines) // 3
    tokens = [t.decode() + "\n" for t in TOKENS if t.isascii() and not set(t) & set(b"\r\0") and t != b"$$$$"]
    for place in range(size, 2 * size):
        for new in ("", lines[place] * 2, "\n" + lines[place], *(tokens if place % 4 == 0 else ())):
            found = _read(tmp_path / "a.sdf", "".join([*lines[:place], new, *lines[place + 1 :]]))
            doubled_end = lines[place] == "$$$$\n" and new == "$$$$\n" * 2  # an empty record
            assert len(found) == 3 + doubled_end, (place, new, found)
            assert sum(isinstance(f, Molecule) for f in found) >= 2, (place, new, found)


def test_fuzzed_records_are_molecules_failures_or_one_error(tmp_path) -> None:
    outcomes = set()
    for data in mutations((METHANE * 2 + METHANE.replace("$$$$\n", f"{TAGS}$$$$\n")).encode(), 400):
        try:
            outcomes |= {type(f) for f in _read(tmp_path / "a.sdf", data)}
        except MoldiffError as error:
            outcomes.add(type(error))
    assert {Molecule, Failure} < outcomes
