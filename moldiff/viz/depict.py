"""Pictures of molecules: structural formulae in a grid, as PNG or SVG."""

import os
from collections.abc import Sequence
from pathlib import Path

from rdkit import Chem, rdBase
from rdkit.Chem import rdDepictor
from rdkit.Chem.Draw import rdMolDraw2D

from moldiff.chem.molecule import Molecule
from moldiff.chem.rdkit_conversion import assign_stereo_from_3d, to_rdkit
from moldiff.errors import ConfigError, OutputError

CELL = (260, 200)  # pixels


def check_free(path: Path, *, overwrite: bool) -> None:
    """Refuses to replace a file without `overwrite`.

    Args:
        path: of the picture.
        overwrite: whether a file that is there is replaced.

    Raises:
        OutputError: if there is a file and it is not to be replaced.
    """
    if os.path.exists(path) and not overwrite:
        raise OutputError(f"{path}: is there already; name another file or give --overwrite")


def draw_grid(mols: Sequence[Chem.Mol], path: str | Path, *, columns: int = 4, scaffold: Chem.Mol | None = None) -> int:
    """Writes the formulae without the hydrogens on carbon, each with its SMILES below.

    Stereo is that of the coordinates where there are some: wedges, and R, S, E or Z.

    Args:
        mols: sanitised molecules.
        path: ends in `.png` or `.svg`.
        columns: molecules in a row.
        scaffold: of `scaffold_of`; what has it is drawn with it in one place.

    Returns:
        How many have the scaffold; none without one.

    Raises:
        OutputError: if there is nothing to draw, the ending is another, or the file cannot be written.
    """
    path = Path(path)
    if not mols:
        raise OutputError(f"{path}: no valid molecule to draw")
    size = (columns * CELL[0], -(-len(mols) // columns) * CELL[1], *CELL)
    if path.suffix == ".png":
        canvas = rdMolDraw2D.MolDraw2DCairo(*size)
    elif path.suffix == ".svg":
        canvas = rdMolDraw2D.MolDraw2DSVG(*size)
    else:
        raise OutputError(f"{path}: pictures are written as .png or .svg")
    with rdBase.BlockLogs():
        flat = [_with_stereo(mol) for mol in mols]
    aligned = sum([_lay_out(mol, scaffold) for mol in flat])
    canvas.drawOptions().legendFontSize = 14
    canvas.drawOptions().addStereoAnnotation = True
    canvas.DrawMolecules(flat, legends=[Chem.MolToSmiles(mol) for mol in flat])
    canvas.FinishDrawing()
    text = canvas.GetDrawingText()
    try:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror}") from error
    return aligned


def scaffold_of(text: str) -> Chem.Mol:
    """A SMILES, or else a SMARTS pattern, laid out on paper; what is neither is a `ConfigError`."""
    with rdBase.BlockLogs():
        mol = None if "*" in text else Chem.MolFromSmiles(text)
        mol = Chem.MolFromSmarts(text) if mol is None else mol
    if mol is None or mol.GetNumAtoms() == 0:
        raise ConfigError(f"{text[:80]!r} is neither a SMILES nor a SMARTS pattern")
    mol.UpdatePropertyCache(strict=False)
    Chem.FastFindRings(mol)
    rdDepictor.Compute2DCoords(mol)
    return mol


def _with_stereo(mol: Chem.Mol) -> Chem.Mol:
    """Without hydrogens, with the stereo of its coordinates; `mol` is left alone."""
    mol = Chem.Mol(mol)
    if mol.GetNumConformers():
        assign_stereo_from_3d(mol)
    return Chem.RemoveHs(mol)


def _lay_out(mol: Chem.Mol, scaffold: Chem.Mol | None) -> bool:
    """Puts a molecule on paper; whether it has the scaffold, which then lies as it does by itself."""
    if scaffold is not None and mol.HasSubstructMatch(scaffold):
        rdDepictor.GenerateDepictionMatching2DStructure(mol, scaffold)
        return True
    rdDepictor.Compute2DCoords(mol)
    return False


def formula_svg(record: Molecule | Chem.Mol, *, size: tuple[int, int] = (200, 150)) -> str:
    """The formula of any record as an `<svg>`: without hydrogens on carbon, or, if RDKit refuses it, with all atoms.

    Args:
        record: need not be valid.
        size: pixels.

    Returns:
        The picture; nothing if RDKit cannot draw the record.
    """
    mol = to_rdkit(record) if isinstance(record, Molecule) else Chem.Mol(record)
    with rdBase.BlockLogs():
        try:
            if Chem.SanitizeMol(mol, catchErrors=True) == Chem.SanitizeFlags.SANITIZE_NONE:
                mol = _with_stereo(mol)
                rdDepictor.Compute2DCoords(mol)
                mol = rdMolDraw2D.PrepareMolForDrawing(mol, addChiralHs=False)
            else:
                rdDepictor.Compute2DCoords(mol)
            canvas = rdMolDraw2D.MolDraw2DSVG(*size)
            canvas.drawOptions().prepareMolsBeforeDrawing = False
            canvas.drawOptions().clearBackground = False
            canvas.DrawMolecule(mol)
            canvas.FinishDrawing()
        except (ValueError, RuntimeError):
            return ""
    text = canvas.GetDrawingText()
    return text[text.index("<svg") :]
