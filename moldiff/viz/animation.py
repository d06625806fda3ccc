"""A molecule as it forms: the states of a sampled trajectory as an animated picture."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int
from PIL import Image, ImageDraw
from rdkit import Chem

from moldiff.chem.molecule import Failure, Molecule
from moldiff.errors import FileFormatError, OutputError
from moldiff.io.formats import read_molecules

SIDE, MARGIN, FINER = 360, 40, 2  # pixels; drawn so many times as large, and shrunk, for smooth edges
TOUCH = 1.25  # atoms without bonds are joined within so many covalent radii
LONGEST = 3600  # seconds
TURN, HOLD = 90.0, 12  # degrees over the film; times that the last picture is shown
COLOURS = {1: (235, 235, 235), 6: (90, 90, 90), 7: (70, 100, 230), 8: (220, 60, 50), 9: (110, 200, 90)}
OTHER, PAPER, STICK = (230, 130, 200), (255, 255, 255), (150, 150, 150)
_TABLE = Chem.GetPeriodicTable()


def read_trajectory(path: str | Path, number: int) -> list[Molecule]:
    """The states of one molecule of a trajectory file, in their order.

    Args:
        path: `.sdf` or `.xyz` that `moldiff sample --trajectory` wrote; the states of one molecule share its name.
        number: of the molecule in the file, from 1.

    Returns:
        The states.

    Raises:
        FileFormatError: if there are not so many molecules, or a record cannot be read.
    """
    states = []
    for record, molecule in read_molecules(path):
        if isinstance(molecule, Failure):
            raise FileFormatError(f"{path}: record {record}: {molecule.detail}")
        states.append(molecule)
    trajectories = [list(group) for _, group in groupby(states, key=lambda molecule: molecule.name)]
    if not 1 <= number <= len(trajectories):
        raise FileFormatError(f"{path}: holds {len(trajectories)} molecules, number {number} is not among them")
    return trajectories[number - 1]


def animate(states: Sequence[Molecule], path: str | Path, *, seconds: float = 4.0) -> None:
    """Writes a GIF of states of one molecule, which turns slowly as it forms.

    Args:
        states: at least one, of one molecule by its name; their numbers of atoms may differ.
        path: ends in `.gif`.
        seconds: of the film, without the last picture, which stays for a while.

    Raises:
        OutputError: if the states are not of one molecule, the film takes no time or an hour, the ending is another,
            or the file cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() != ".gif":
        raise OutputError(f"{path}: animations are written as .gif")
    if not 0 < seconds < LONGEST:
        raise OutputError(f"{path}: a film of {seconds:g} seconds; expected more than 0 and less than {LONGEST}")
    names = {state.name for state in states}  # the number of atoms may change: hydrogens come and go where latent
    if len(names) != 1:
        raise OutputError(f"{path}: needs the states of one molecule, got {len(states)} states of {len(names)}")
    centre = states[-1].pos.mean(0)
    axes = np.linalg.svd(states[-1].pos - centre)[2]  # the molecule is widest across, flattest towards the eye
    reach = max(float(np.abs((states[-1].pos - centre) @ axes.T).max()) + 1.0, 2.0)
    angles = np.radians(np.linspace(-TURN / 2, TURN / 2, len(states)))
    pictures = [
        _picture(state, (state.pos - centre) @ axes.T @ _rotation(angle), reach)
        for state, angle in zip(states, angles, strict=True)
    ]
    pause = max(20, round(1000 * seconds / len(pictures)))
    try:
        pictures[0].save(
            path,
            save_all=True,
            append_images=pictures[1:],
            loop=0,
            optimize=True,
            duration=[*[pause] * (len(pictures) - 1), pause * HOLD],
        )
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror or error}") from error


def _rotation(angle: float) -> Float[np.ndarray, "3 3"]:
    """Rotation about the upright axis."""
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])


def _picture(molecule: Molecule, pos: Float[np.ndarray, "n 3"], reach: float) -> Image.Image:
    """One state from the front, what is far behind what is near."""
    side = SIDE * FINER
    scale = (side - 2 * MARGIN * FINER) / (2 * reach)
    places = np.stack([side / 2 + scale * pos[:, 0], side / 2 - scale * pos[:, 1]], 1)
    radii = np.array([_TABLE.GetRcovalent(int(element)) for element in molecule.elements])
    canvas = Image.new("RGB", (side, side), PAPER)
    pen = ImageDraw.Draw(canvas)
    parts: list[tuple[float, int, int, int]] = [(float(pos[i, 2]), i, i, 0) for i in range(len(pos))]
    for i, j, order in _sticks(molecule, radii):
        parts.append((float(pos[[i, j], 2].mean()) - 1e-3, i, j, order))
    for _, i, j, order in sorted(parts):
        if order:
            pen.line([*places[i], *places[j]], fill=STICK, width=round(scale * 0.1 * order))
        else:
            size = scale * (0.15 + 0.4 * radii[i])
            colour = COLOURS.get(int(molecule.elements[i]), OTHER)
            box = [*(places[i] - size), *(places[i] + size)]
            pen.ellipse(box, fill=colour, outline=tuple(c // 2 for c in colour), width=FINER)
    return canvas.resize((SIDE, SIDE), Image.Resampling.LANCZOS).quantize(64)


def _sticks(molecule: Molecule, radii: Float[np.ndarray, "n"]) -> list[tuple[int, int, int]]:
    """Bonds as (first, second, order); where the file has none, single ones between atoms that touch."""
    bond: Int[np.ndarray, "n n"] = np.triu(molecule.bond)
    if not bond.any():
        apart = np.linalg.norm(molecule.pos[:, None] - molecule.pos, axis=2)
        bond = np.triu(apart < TOUCH * (radii[:, None] + radii), 1).astype(np.int64)
    return [(int(i), int(j), int(bond[i, j])) for i, j in zip(*np.nonzero(bond), strict=True)]
