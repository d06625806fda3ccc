"""Molecules in 3D, as balls and sticks in one picture; a row for each file, invalid molecules named.

moldiff sample -n 4 --seed 0 --precision float32 --out qm9.sdf
moldiff sample -n 4 --seed 0 --precision float32 --weights druglike --out druglike.sdf
python scripts/benchmarks/picture_3d.py docs/molecules.png qm9.sdf druglike.sdf
"""

import sys

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from rdkit import Chem

WIDTH, HEIGHT, LABEL, FINER = 270, 190, 26, 3  # pixels of a picture and its label; rendered so many times as large
BALL, STICK = 0.30, {1.0: 0.13, 1.5: 0.09, 2.0: 0.09, 3.0: 0.07}  # share of the van der Waals radius; Å by bond order
LIGHT = np.array([-0.35, 0.45, 0.82])
COLOURS = {1: 0xEBEBEB, 6: 0x6A6A6A, 7: 0x415FE1, 8: 0xDC3228, 9: 0x64C85A, 16: 0xE6C332, 17: 0x3CBE3C, 35: 0x963C28}
Ray = tuple[np.ndarray, np.ndarray]  # the coordinates across of each pixel, Å


def turn(pos: np.ndarray) -> np.ndarray:
    """Widest across, flattest towards the eye."""
    axes = np.linalg.svd(pos - pos.mean(0), full_matrices=False)[2]
    view = pos @ (axes * [[1], [1], [np.linalg.det(axes)]]).T
    return view - (view.max(0) + view.min(0)) / 2


def ball(ray: Ray, centre: np.ndarray, radius: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where a sphere is hit, how near, and its normal there."""
    x, y = ray[0] - centre[0], ray[1] - centre[1]
    height = radius**2 - x**2 - y**2
    root = np.sqrt(height.clip(0))
    return height > 0, centre[2] + root, np.stack([x, y, root], -1) / radius


def stick(ray: Ray, a: np.ndarray, b: np.ndarray, radius: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same of a cylinder from a to b."""
    length = float(np.linalg.norm(b - a))
    axis = (b - a) / length
    origin = np.stack([ray[0] - a[0], ray[1] - a[1], np.full_like(ray[0], -a[2])], -1)
    across = origin - (origin @ axis)[..., None] * axis
    onward = np.array([0, 0, 1.0]) - axis[2] * axis
    square = max(float(onward @ onward), 1e-9)
    half = across @ onward / square
    inside = half**2 - ((across**2).sum(-1) - radius**2) / square
    z = np.sqrt(inside.clip(0)) - half
    place = origin @ axis + z * axis[2]
    return (inside > 0) & (place >= 0) & (place <= length), z, (across + z[..., None] * onward) / radius


def render(mol: Chem.Mol, pos: np.ndarray, reach: float) -> Image.Image:
    """One molecule by ray casting: the nearest surface, one light, fog with depth."""
    x = (np.arange(WIDTH * FINER) * 2 / (WIDTH * FINER) - 1) * reach
    y = (1 - np.arange(HEIGHT * FINER) * 2 / (HEIGHT * FINER)) * reach * HEIGHT / WIDTH
    across, up = np.meshgrid(x, y)
    ray, kinds = (across, up), [atom.GetAtomicNum() for atom in mol.GetAtoms()]
    depth, colour = np.full(up.shape, -np.inf), np.ones((*up.shape, 3))
    radii = [BALL * Chem.GetPeriodicTable().GetRvdw(kind) for kind in kinds]
    shapes = [(kind, ball(ray, centre, size)) for kind, centre, size in zip(kinds, pos, radii, strict=True)]
    for bond in mol.GetBonds():
        i, j, order = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx(), bond.GetBondTypeAsDouble()
        aside = np.cross(pos[j] - pos[i], [0, 0, 1.0])
        aside *= 2.6 * STICK[order] / max(float(np.linalg.norm(aside)), 1e-6)
        for place in np.arange(np.ceil(order)) - (np.ceil(order) - 1) / 2:
            for one, other in ((i, j), (j, i)):
                start, end = pos[one] + place * aside, (pos[one] + pos[other]) / 2 + place * aside
                shapes.append((kinds[one], stick(ray, start, end, STICK[order])))
    for kind, (hit, z, normal) in shapes:
        near = hit & (z > depth)
        light = (normal[near] @ LIGHT).clip(0)[:, None]
        base = np.array([COLOURS.get(kind, 0xE682C8) >> shift & 255 for shift in (16, 8, 0)]) / 255
        shade = (base * (0.4 + 0.6 * light) + 0.35 * light**40) * (0.25 + 1.7 * normal[near][:, 2:].clip(0, 0.44))
        fog = ((1 - z[near]) / 9).clip(0, 0.45)[:, None]
        colour[near], depth[near] = shade * (1 - fog) + fog, z[near]
    return Image.fromarray((255 * colour.clip(0, 1)).astype(np.uint8)).resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)


if __name__ == "__main__":
    rows = [list(Chem.SDMolSupplier(file, sanitize=False, removeHs=False)) for file in sys.argv[2:]]
    picture = Image.new("RGB", (WIDTH * max(map(len, rows)), (HEIGHT + LABEL) * len(rows)), "white")
    for row, mols in enumerate(rows):
        views = [turn(mol.GetConformer().GetPositions()) for mol in mols]
        spans = [np.abs(view).max(0) + 0.5 for view in views]
        widest = max(float(max(span[0], span[1] * WIDTH / HEIGHT)) for span in spans)
        for column, (mol, view) in enumerate(zip(mols, views, strict=True)):
            x, y = column * WIDTH, row * (HEIGHT + LABEL)
            picture.paste(render(mol, view, widest), (x, y))
            valid = mol.GetProp("valid") == "1"
            text = mol.GetProp("SMILES") if valid else f"not valid: {mol.GetProp('reason')}"
            font = ImageFont.load_default(size=11 if len(text) < 42 else 9)
            pen = ImageDraw.Draw(picture)
            pen.text((x + WIDTH / 2, y + HEIGHT + 4), text, "black" if valid else "firebrick", font, "ma")
    picture.save(sys.argv[1], optimize=True)
