"""Every frame of an XYZ file is counted, whatever stands between frames or is broken in one of them."""

from pathlib import Path

import numpy as np
import pytest
from fuzzing import TOKENS, mutations

from moldiff.chem.molecule import MAX_LINE, Failure, Molecule
from moldiff.errors import MoldiffError
from moldiff.io.formats import read_molecules

WATER = "3\nwater\nO 0.1 0 0\nH 0.757 0.586 0\nH -0.757 0.586 0\n"
METHANOL = "6\n\nC 0 0 0\nO 0 0 1.4\nH 1 0 -0.3\nH -0.5 0.9 -0.3\nH -0.5 -0.9 -0.3\nH 0.9 0 1.7\n"
NUMBERED = "3\n7\n8 0.1 0 0\n1 0.757 0.586 0\n1 -0.757 0.586 0\n"


def read(path: Path, text: str | bytes) -> list[Molecule | Failure]:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    numbers, found = zip(*read_molecules(path), strict=True)
    assert list(numbers) == list(range(1, len(found) + 1))
    return list(found)


def sizes(found: list[Molecule | Failure]) -> list[int | str]:
    return [f.reason if isinstance(f, Failure) else len(f) for f in found]


BETWEEN = {
    "nothing": "",
    "blank lines": "\n \n\n",
    "a footer": "-- energy -1.0\n",
    "a number": "42\n",
    "frequencies, SMILES, InChI": "1341.307\t1341.3\t1365.1\t1562.6\nO\tO\t\nInChI=1S/H2O/h1H2\tInChI=1S/H2O/h1H2\n",
    "prose": "At step 10 the energy is 3 0 0\n\n",
    "many lines": "a line\n" * 20,
}


@pytest.mark.parametrize("between", BETWEEN.values(), ids=BETWEEN)
@pytest.mark.parametrize("frame", [WATER, NUMBERED])
def test_lines_between_frames_cost_nothing(tmp_path: Path, between: str, frame: str):
    assert sizes(read(tmp_path / "a.xyz", between.join([frame, METHANOL, frame]))) == [3, 6, 3]


BROKEN = {
    "one too many": (WATER.replace("3", "4", 1), "says 4 atoms, but the next frame begins after 3"),
    "far too many": (WATER.replace("3", "99", 1), "says 99 atoms, but the next frame begins after 3"),
    "too many, and a blank line": (WATER.replace("3", "4", 1) + "\n", "atom 4: ''"),
    "a whole frame too many": (WATER.replace("3", "11", 1), "says 11 atoms, but the next frame begins after 3"),
    "one too few": (WATER.replace("3", "2", 1), "says 2 atoms, but lines of 3 follow"),
    "one too few, by numbers": (NUMBERED.replace("3", "2", 1), "says 2 atoms, but lines of 3 follow"),
    "no count": (WATER[2:], "3 lines of atoms without their number"),
    "a count that is none": (WATER.replace("3", "3.0", 1), "3 lines of atoms without their number"),
    "no comment": (WATER.replace("water\n", ""), "says 3 atoms, but the next frame begins after 2"),
    "none": ("0\nempty\n", "has 0 atoms"),
    "absurdly many": (WATER.replace("3", "999999999", 1), "has 999999999 atoms"),
    "a long line": (WATER.replace("water", "w" * MAX_LINE * 2), "a line of more than 1,000,000 characters"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_frame_costs_no_other(tmp_path: Path, case: str):
    broken, message = BROKEN[case]
    first, failure, *rest = read(tmp_path / "a.xyz", METHANOL + broken + METHANOL + WATER)
    assert sizes([first, *rest]) == [6, 6, 3]
    assert isinstance(failure, Failure)
    assert failure.detail.startswith("a.xyz, frame 2: ")
    assert message in failure.detail


@pytest.mark.parametrize(
    "whole", [WATER * 2 + METHANOL, WATER + METHANOL + METHANOL, NUMBERED.replace("\n7", "\nof numbers") * 3]
)
def test_a_line_lost_doubled_or_garbled_loses_no_frame(tmp_path: Path, whole: str):
    """Every line but the first, in every way; at most one of the other frames suffers, too."""
    lines = whole.splitlines(keepends=True)
    tokens = [t.decode() + "\n" for t in TOKENS[:34] if t.isascii() and not set(t) & set(b"\r\0") and len(t) < 99]
    for place in range(1, len(lines)):
        for new in ("", lines[place] * 2, "\n" + lines[place], *tokens):
            found = read(tmp_path / "a.xyz", "".join([*lines[:place], new, *lines[place + 1 :]]))
            most = 4 if "of numbers" in whole else 3  # there a whole number in place of an atom looks like a count
            assert 3 <= len(found) <= most, (place, new, found)
            assert sum(isinstance(f, Molecule) for f in found) >= 2, (place, new, found)


def test_fuzzed_frames_are_molecules_failures_or_one_error(tmp_path: Path):
    outcomes = set()
    for data in mutations((WATER + "note\n" + METHANOL + NUMBERED).encode(), 400):
        try:
            outcomes |= {type(f) for f in read(tmp_path / "a.xyz", data)}
        except MoldiffError as error:
            outcomes.add(type(error))
    assert {Molecule, Failure} < outcomes


def test_the_columns_that_properties_names_are_read(tmp_path: Path):
    water = {
        "Properties=id:I:1:species:S:1:pos:R:3": "{i} {e} {p}",
        "Properties=species:S:1:tag:I:1:pos:R:3:charge:R:1": "{e} 0 {p} 0.5",
        'Properties="species:S:1:vel:R:3:pos:R:3"': "{e} 9 9 9 {p}",
        "properties=pos:R:3:Z:I:1": "{p} {z}",
        "Properties=forces:R:3:numbers:I:1:positions:R:3": "1 2 3 {z} {p}",
        "": "{e} {p} 7 7",
    }
    atoms = [("O", 8, "0.1 0 0"), ("H", 1, "0.757 0.586 0"), ("H", 1, "-0.757 0.586 0")]
    for comment, row in water.items():
        rows = "".join(row.format(i=i, e=e, z=z, p=p) + "\n" for i, (e, z, p) in enumerate(atoms))
        (found, again) = read(tmp_path / "a.xyz", f"3\n{comment}\n{rows}" * 2)
        assert isinstance(found, Molecule), found
        assert found.elements.tolist() == [8, 1, 1]
        np.testing.assert_array_equal(found.pos, [[0.1, 0, 0], [0.757, 0.586, 0], [-0.757, 0.586, 0]])
        assert isinstance(again, Molecule)


@pytest.mark.parametrize(
    "properties",
    [
        "pos:R:3",
        "species:S:1",
        "species:S:1:pos:R:2",
        "species:S:1:pos:R",
        "species:S:1:pos:R:x",
        "x",
        ":",
        "species:S:1:pos:R:999999999",
        "species:S:1:huge:R:999999999:pos:R:3",
        "species:S:-1:pos:R:3",
    ],
)
def test_columns_that_are_not_there_are_a_failure(tmp_path: Path, properties: str):
    found = read(tmp_path / "a.xyz", WATER.replace("water", f"Properties={properties}") + WATER)
    assert sizes(found)[1] == 3
    assert isinstance(found[0], Failure)


def test_atoms_that_are_numbered_are_a_failure(tmp_path: Path):
    text = "3\n\n1 8 0 0 0.1\n2 1 0 0 1\n3 1 0 1 0\n"
    assert sizes(read(tmp_path / "a.xyz", text)) == ["element"]


def test_numbers_are_read_as_fortran_and_mathematica_write_them(tmp_path: Path):
    found = read(tmp_path / "a.xyz", WATER.replace("0.1", "2.1*^-6") + WATER.replace("0.1", "-2.1D-06"))
    assert [m.pos[0, 0] for m in found] == [2.1e-6, -2.1e-6]
    assert sizes(read(tmp_path / "a.xyz", WATER.replace("0.1", "2_1"))) == ["coordinates"]


CHARGES = {
    "charge=-1": -1,
    "Charge=-1": -1,
    "CHARGE=+1": 1,
    "charge=-1=": -1,
    "total_charge=2": 2,
    "charge=-1.0": -1,
    'charge="-1"': -1,
    "charge = -1": -1,
    "charge: 1": 1,
    "Total charge: -1": -1,
    "charge -1": -1,
    '{"charge": -1}': -1,
    "charge=1, mult=2": 1,
    "total_charge=1 charge=1": 1,
    "charge=0.9": None,
    "charge=": None,
    "charge=nan": None,
    "charge=x": None,
    "charge=1e9": None,
    "charge = one": None,
    "charge: 0.5": None,
    "charge=1 total_charge=0": None,
    "Charge=1 charge=-1": None,
}


@pytest.mark.parametrize("comment", CHARGES)
def test_total_charge_of_a_comment(tmp_path: Path, comment: str):
    first, second = read(tmp_path / "a.xyz", WATER.replace("water", comment) + WATER)
    if CHARGES[comment] is None:
        assert isinstance(first, Failure)
        assert "charge" in first.detail
    else:
        assert first.properties["charge"] == CHARGES[comment]
    assert "charge" not in second.properties


@pytest.mark.parametrize("comment", ["a charged molecule", "charges 1 2 3", "partial_charge=0.5", "surcharge: 5"])
def test_what_is_no_total_charge_is_left_alone(tmp_path: Path, comment: str):
    (found,) = read(tmp_path / "a.xyz", WATER.replace("water", comment))
    assert "charge" not in found.properties
