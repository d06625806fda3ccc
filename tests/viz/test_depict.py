"""Pictures come out as files of their kind, and bad targets are one clear line."""

from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import AllChem

from moldiff.chem.rdkit_conversion import from_rdkit
from moldiff.chem.validity import check
from moldiff.errors import ConfigError, OutputError
from moldiff.viz.depict import _lay_out, _with_stereo, draw_grid, scaffold_of

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


def places(mol: Chem.Mol, scaffold: Chem.Mol) -> np.ndarray:
    flat = _with_stereo(mol)
    assert _lay_out(flat, scaffold)
    return flat.GetConformer().GetPositions()[list(flat.GetSubstructMatch(scaffold))]


@pytest.mark.parametrize("text", ["c1ccncc1", "C1=CC=NC=C1", "[c,n]1ccncc1"])
def test_a_scaffold_lies_in_one_place(text: str) -> None:
    scaffold = scaffold_of(text)
    alone = scaffold.GetConformer().GetPositions()
    for smiles in ("CCOc1ccncc1", "Cc1cc(C)nc(C(F)(F)F)c1", "c1ccncc1-c1ccncc1"):
        assert np.abs(places(Chem.AddHs(Chem.MolFromSmiles(smiles)), scaffold) - alone).max() < 1e-3


def test_how_many_have_the_scaffold_is_counted(tmp_path: Path) -> None:
    assert draw_grid(MOLS, tmp_path / "a.svg", scaffold=scaffold_of("c1ccncc1")) == 1
    assert draw_grid(MOLS, tmp_path / "a.svg") == 0
    with pytest.raises(ConfigError, match="neither a SMILES nor a SMARTS"):
        scaffold_of("C1CC)")


@pytest.mark.parametrize(("smiles", "label"), [("C[C@H](O)C#N", "S"), ("C[C@@H](O)C#N", "R"), ("F/C=C/C", "E")])
def test_stereo_of_the_coordinates_is_drawn(smiles: str, label: str, tmp_path: Path) -> None:
    """From coordinates alone, as `check` gives a molecule."""
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    AllChem.EmbedMolecule(mol, randomSeed=1)
    bare = check(from_rdkit(mol))
    assert isinstance(bare, Chem.Mol)
    flat = _with_stereo(bare)
    assert Chem.MolToSmiles(flat) == Chem.CanonSmiles(smiles)
    draw_grid([bare], tmp_path / "with.svg")
    bare.RemoveAllConformers()
    draw_grid([bare], tmp_path / "without.svg")
    glyphs = [(tmp_path / name).read_text().count("<path") for name in ("with.svg", "without.svg")]
    assert glyphs[0] > glyphs[1]
    codes = {atom.GetProp("_CIPCode") for atom in flat.GetAtoms() if atom.HasProp("_CIPCode")}
    codes |= {str(bond.GetStereo())[-1] for bond in flat.GetBonds() if bond.GetStereo() != Chem.BondStereo.STEREONONE}
    assert codes == {label}
