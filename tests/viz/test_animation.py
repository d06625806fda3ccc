"""Animated pictures: what a film shows, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from moldiff.chem.molecule import Molecule
from moldiff.errors import FileFormatError, OutputError
from moldiff.io.writer import open_writer
from moldiff.viz.animation import HOLD, animate, read_trajectory


def water(shift: float, *, name: str = "a", bonds: bool = True) -> Molecule:
    bond = np.zeros((3, 3), dtype=np.int64)
    if bonds:
        bond[0, 1:] = bond[1:, 0] = 1
    pos = np.array([[0.0, 0, 0], [0.96 + shift, 0, 0], [-0.24, 0.93 + shift, 0.1]])
    return Molecule(np.array([8, 1, 1]), np.zeros(3, dtype=np.int64), pos, bond, name=name)


def written(path: Path, molecules: list[Molecule]) -> Path:
    with open_writer(path) as writer:
        for molecule in molecules:
            writer.write(molecule)
    return path


@pytest.mark.parametrize("suffix", [".sdf", ".xyz"])
def test_trajectories_are_distinguished_by_name(tmp_path: Path, suffix: str):
    states = [water(shift, name=name) for name in "ab" for shift in (0.5, 0.2, 0.0)]
    path = written(tmp_path / f"x{suffix}", states)
    states_read = read_trajectory(path, 2)
    assert [state.name for state in states_read] == ["b"] * 3
    assert states_read[1].pos == pytest.approx(states[4].pos, abs=1e-3)
    for number in (0, 3):
        with pytest.raises(FileFormatError, match="holds 2 molecules"):
            read_trajectory(path, number)


def test_film_shows_every_state_and_stays_on_the_last(tmp_path: Path):
    path = tmp_path / "x.gif"
    animate([water(1.0), water(0.5), water(0.0)], path, seconds=0.9)
    pauses, reds, greys = [], [], []
    with Image.open(path) as film:
        for frame in range(getattr(film, "n_frames", 1)):
            film.seek(frame)
            pauses.append(film.info["duration"])
            pixels = np.asarray(film.convert("RGB")).astype(int)
            reds.append(int((pixels[..., 0] > pixels[..., 1] + 80).sum()))
            greys.append(int(((pixels == 150).all(-1)).sum()))
    assert pauses == [300, 300, 300 * HOLD]
    assert all(count > 100 for count in reds)  # the oxygen
    assert all(count > 20 for count in greys)  # a bond
    assert greys[0] > greys[2]


def test_atoms_that_touch_are_joined_where_there_are_no_bonds(tmp_path: Path):
    greys = []
    for shift in (0.0, 3.0):
        animate([water(shift, bonds=False)], tmp_path / f"{shift}.gif")
        with Image.open(tmp_path / f"{shift}.gif") as film:
            pixels = np.asarray(film.convert("RGB")).astype(int)
        greys.append(int(((pixels == 150).all(-1)).sum()))
    assert greys[0] > 20
    assert greys[1] == 0


@pytest.mark.parametrize(
    ("name", "states", "message"),
    [("x.mp4", [water(0.0)], r"\.gif"), ("x.gif", [], "got 0"), ("no/x.gif", [water(0.0)], "cannot be written")],
)
def test_film_refuses_what_it_cannot_show(tmp_path: Path, name: str, states: list[Molecule], message: str):
    with pytest.raises(OutputError, match=message):
        animate(states, tmp_path / name)


def test_hydrogens_may_come_and_go(tmp_path: Path):
    """As where they are latent; the states of two molecules make no film."""
    oxygen = Molecule(
        np.array([8]), np.zeros(1, dtype=np.int64), np.zeros((1, 3)), np.zeros((1, 1), np.int64), name="a"
    )
    animate([oxygen, water(0.1)], tmp_path / "x.gif")
    with pytest.raises(OutputError, match="got 2 states of 2"):
        animate([oxygen, water(0.1, name="b")], tmp_path / "y.gif")
