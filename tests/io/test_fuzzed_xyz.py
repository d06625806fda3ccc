"""Whatever stands in an XYZ file, its frames are read, and bonds perceived, or it is refused by an error of ours."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutations import fuzzed, mutated

from moldiff.chem.bond_perception import bonds_of_geometry
from moldiff.chem.molecule import Failure, Molecule
from moldiff.chem.validity import judge
from moldiff.errors import MoldiffError
from moldiff.io.formats import read_molecules
from moldiff.io.xyz import xyz_text

Embed = Callable[[str], Molecule]


@pytest.mark.slow
@fuzzed
@given(data=st.data())
def test_mutated_xyz_is_read_perceived_or_refused(data: st.DataObject, embed: Embed, tmp_path: Path):
    file = tmp_path / "x.xyz"
    file.write_text(data.draw(mutated(xyz_text(embed("CO")) + xyz_text(embed("C#N")))), encoding="utf-8")
    try:
        frames = [frame for _, frame in read_molecules(file)]
    except MoldiffError:
        return
    for frame in frames:
        if isinstance(frame, Molecule) and len(frame) < 20:
            perceived = bonds_of_geometry(frame)
            assert isinstance(perceived, Failure) or judge(perceived).read
