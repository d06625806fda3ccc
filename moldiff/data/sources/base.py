"""Where molecules come from: raw records, how to read one, and how to split them; and the sources for a user's own."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Int

from moldiff.chem.molecule import Failure, Molecule
from moldiff.chem.vocabulary import Vocabulary, covalent_radii

NEAR = 0.4  # Å between any two atoms; the shortest bond, of H2, has 0.74
FLAT = 0.02  # Å that atoms stand out of a plane, root mean square
SHORTEST, LONGEST = 0.75, 1.3  # of a bond in sums of covalent radii; real ones lie within 0.85 and 1.2


def random_split(total: int, seed: int) -> Int[np.ndarray, "m"]:
    """80 % train, 10 % validation, 10 % test in a random order; fewer than ten records are all for training."""
    split = np.zeros(total, dtype=np.int64)
    tenth = total // 10
    order = np.random.RandomState(seed).permutation(total)
    split[order[total - 2 * tenth : total - tenth]] = 1
    split[order[total - tenth :]] = 2
    return split


@dataclass(frozen=True)
class Source:
    """Records of one data set, in its own order.

    Attributes:
        name: of the data set.
        records: raw and small, so that worker processes can take them.
        total: how many records there are, where that is known beforehand.
        read: a raw record's molecule with its SMILES (may be empty), or why not; a function of a module.
        origin: file names, versions and the like, for the store's `meta.json`.
        split: from the number of records and a seed, the split of each record: 0 train, 1 validation, 2 test.
        split_rule: the same in words.
        left_out: records that were left out beforehand, by reason.
        chunk: records that a process takes at once.
        units: of the properties, as people write them; one without has none.
        slow: keep what was read when interrupted, for `origin` says all that it depends on.
    """

    name: str
    records: Iterable[Any]
    total: int | None
    read: Callable[[Any], tuple[Molecule, str] | Failure]
    origin: Mapping[str, Any]
    split: Callable[[int, int], Int[np.ndarray, "m"]] = random_split
    split_rule: str = "random 80 / 10 / 10 % of the records, numpy RandomState(seed)"
    left_out: Mapping[str, int] = field(default_factory=dict)
    chunk: int = 500
    units: Mapping[str, str] = field(default_factory=dict)
    slow: bool = False


def drawn(molecule: Molecule) -> Failure | None:
    """Why these are no coordinates of a molecule in space: two atoms in one place, or a drawing in a plane.

    A real molecule may be flat, as benzene is. A drawing has an atom with four neighbours in their plane, or bonds of a
    length that their elements do not have, as all are of one length in it.
    """
    label = f"{molecule.name}: " if molecule.name else ""
    pos, n = molecule.pos, len(molecule)
    distance = np.linalg.norm(pos[:, None] - pos[None], axis=-1)
    near = np.argwhere(np.triu(distance < NEAR, 1))
    if len(near):
        one, other = near[0] + 1
        return Failure("overlap", f"{label}atoms {one} and {other} lie within {NEAR} Å; give relaxed coordinates")
    if np.linalg.svd(pos - pos.mean(0), compute_uv=False)[-1] > FLAT * np.sqrt(n) and n > 3:
        return None
    classes = Vocabulary.from_pairs(zip(molecule.elements, molecule.charges, strict=True))
    radii = covalent_radii(classes)[classes.encode(molecule.elements, molecule.charges)]
    begin, end = np.nonzero(np.triu(molecule.bond))
    reach = distance[begin, end] / (radii[begin] + radii[end])
    crowded = (molecule.bond > 0).sum(1) >= 4
    if crowded.any():
        why = f"atom {int(np.argmax(crowded)) + 1} has {int((molecule.bond > 0).sum(1).max())} neighbours"
    elif ((reach < SHORTEST) | (reach > LONGEST)).any():
        place = int(np.argmax(np.abs(np.log(reach))))
        why = f"its atoms {begin[place] + 1} and {end[place] + 1} are {distance[begin, end][place]:.2f} Å apart"
    else:
        return None
    return Failure(
        "flat", f"{label}all atoms lie in a plane, though {why}: a drawing; give its SMILES, or embed it in 3D"
    )
