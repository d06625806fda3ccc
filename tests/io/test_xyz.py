import numpy as np
import pytest

from moldiff.chem.molecule import Failure, Molecule
from moldiff.errors import FileFormatError
from moldiff.io.formats import read_molecules
from moldiff.io.xyz import xyz_text

WATER = "3\nwater gap=0.5\nO 0 0 0\nH 0.757 0.586 0\nH -0.757 0.586 0\n"


def _read(tmp_path, text: str) -> list[Molecule | Failure]:
    (tmp_path / "a.xyz").write_text(text)
    return [molecule for _, molecule in read_molecules(tmp_path / "a.xyz")]


def test_xyz_round_trip_keeps_elements_and_coordinates(tmp_path, embed) -> None:
    first, second = embed("CCO", name="one two"), embed("C#N")
    object.__setattr__(first, "properties", {"gap": 0.25, "n": 3, "note": "a b"})
    one, two = _read(tmp_path, xyz_text(first) + xyz_text(second))
    for back, molecule in ((one, first), (two, second)):
        assert np.array_equal(back.elements, molecule.elements)
        assert np.abs(back.pos - molecule.pos).max() < 5.1e-7
        assert not back.bond.any()
    assert (one.name, dict(one.properties)) == ("one two", {"gap": 0.25, "n": 3, "note": "a b"})


def test_xyz_takes_numbers_cases_and_extra_columns(tmp_path) -> None:
    (molecule,) = _read(tmp_path, "2\n\n17 0 0 0 -0.1 extra\nCL 2 0 0 0.1\n\n")
    assert molecule.elements.tolist() == [17, 17]


BROKEN = {
    "element": ("O 0", "Xx 0", "element"),
    "nan": ("O 0", "O nan", "coordinates"),
    "huge": ("O 0", "O 1e9", "coordinates"),
    "text": ("O 0", "O zero", "coordinates"),
    "too few": ("O 0 0 0", "O 0 0", "coordinates"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_frame_fails_in_its_place(tmp_path, case: str) -> None:
    old, new, reason = BROKEN[case]
    first, broken, last = _read(tmp_path, WATER + WATER.replace(old, new) + WATER)
    assert isinstance(first, Molecule)
    assert isinstance(last, Molecule)
    assert isinstance(broken, Failure)
    assert broken.reason == reason
    assert broken.detail.startswith("a.xyz, frame 2: ")


def test_truncated_frame_is_noticed(tmp_path) -> None:
    whole, truncated = _read(tmp_path, WATER + WATER[: WATER.index("H -")])
    assert isinstance(whole, Molecule)
    assert truncated == Failure("truncated", "a.xyz, frame 2: the file ends after 2 of 3 atoms")


def test_unit_separator_around_a_count_is_a_space(tmp_path) -> None:
    (water,) = _read(tmp_path, "\x1f" + WATER)
    assert isinstance(water, Molecule)


def test_5000_atoms_are_refused_in_their_place(tmp_path) -> None:
    failure, water = _read(tmp_path, "5000\n\n" + "C 0 0 0\n" * 5000 + WATER)
    assert isinstance(failure, Failure)
    assert failure.reason == "size"
    assert isinstance(water, Molecule)


@pytest.mark.parametrize("text", ["", "<html>\n</html>\n", "water\n3\n", "³\n\n", "9" * 5000 + "\n\n"])
def test_foreign_file_is_refused(tmp_path, text: str) -> None:
    with pytest.raises(FileFormatError, match=r"a\.xyz: is"):
        _read(tmp_path, text)
