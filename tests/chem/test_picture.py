"""Pictures come out as files of their kind, and bad targets are one clear line."""

from pathlib import Path

import pytest
from rdkit import Chem

from moldiff.chem.picture import draw_grid
from moldiff.errors import OutputError

MOLS = [Chem.AddHs(Chem.MolFromSmiles(smiles)) for smiles in ("CCO", "c1ccncc1", "C#N")]


@pytest.mark.parametrize(("ending", "start"), [(".png", b"\x89PNG"), (".svg", b"<?xml")])
def test_picture_is_written_in_the_asked_format(tmp_path: Path, ending: str, start: bytes) -> None:
    draw_grid(MOLS, tmp_path / f"grid{ending}", columns=2)
    assert (tmp_path / f"grid{ending}").read_bytes().startswith(start)


def test_picture_refuses_what_it_cannot_draw(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="no valid molecule"):
        draw_grid([], tmp_path / "grid.png")
    with pytest.raises(OutputError, match=r"\.png or \.svg"):
        draw_grid(MOLS, tmp_path / "grid.jpg")
    with pytest.raises(OutputError, match="cannot be written"):
        draw_grid(MOLS, tmp_path / "nowhere" / "grid.png")
