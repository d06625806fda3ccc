"""Atoms added to fragments that stay: scaffolds to decorate, pieces to link."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool

from moldiff.chem.attachment import part_of, pieces
from moldiff.chem.molecule import Molecule
from moldiff.chem.stereo import keeps_bonds
from moldiff.errors import MoleculeError, SizeError
from moldiff.generator import MoleculeGenerator, Sample
from moldiff.sizes import NumAtoms, Sizes
from moldiff.tasks.part import Part
from moldiff.tasks.rounds import ATTEMPT, attempts

STEPS = 50
ATTEMPTS = 4
STRIDE, CLOSEST = 1.6, 0.5  # Å: as far as one more atom of a chain reaches; less is a clash of pieces


@dataclass(frozen=True, eq=False)
class Fragment:
    """What stays, in one piece or in several.

    Attributes:
        molecule: its atoms, without the hydrogens that make room.
        open: atoms that new ones may be bonded to.
    """

    molecule: Molecule
    open: Bool[np.ndarray, "n"]


def opened(molecule: Molecule, attachments: Sequence[int]) -> Fragment:
    """The molecule without one hydrogen at each attachment atom, for each time that it is named.

    Args:
        molecule: with all hydrogens.
        attachments: numbers of atoms, from 0.

    Returns:
        The fragment.

    Raises:
        MoleculeError: if there is no such atom, or it has no hydrogen left to give.
    """
    label, n = f"molecule {molecule.name!r}", len(molecule)
    gone: list[int] = []
    for atom in attachments:
        if not 0 <= atom < n:
            raise MoleculeError(f"{label}: has {n} atoms, an attachment at atom {atom + 1} is none of them")
        hydrogens = np.flatnonzero((molecule.bond[atom] > 0) & (molecule.elements == 1))
        free = [h for h in hydrogens.tolist() if h not in gone]
        if not free:
            raise MoleculeError(f"{label}: atom {atom + 1} has no hydrogen to give for another bond")
        gone.append(free[-1])
    if not attachments:
        raise MoleculeError(f"{label}: needs at least one attachment atom")
    kept = np.setdiff1d(np.arange(n), gone)
    return Fragment(part_of(molecule, kept), np.isin(kept, attachments))


def grow(
    generator: MoleculeGenerator,
    fragments: Sequence[Fragment],
    *,
    num_each: int = 1,
    num_added: NumAtoms = None,
    most: int = ATTEMPTS,
    seed: int = 0,
    num_steps: int | None = STEPS,
    **options: Any,
) -> Iterator[Sample]:
    """Draws atoms that are bonded to a fragment, or link its pieces; its atoms, coordinates and bonds stay.

    Args:
        generator: of weights.
        fragments: what stays, from `opened`.
        num_each: samples of each.
        num_added: atoms to add, hydrogens included: one number, or the least and the greatest; by default
            sizes as often as in the training data.
        most: attempts at one sample, each with a number of atoms of its own.
        seed: of all randomness.
        num_steps: network evaluations.
        **options: of `MoleculeGenerator.complete`.

    Returns:
        Samples in order, those of one fragment together.
    """
    laws = [check_fragment(generator, fragment, num_added) for fragment in fragments]

    def ask(number: int, attempt: int) -> Part:
        fragment, law = fragments[number // num_each], laws[number // num_each]
        return grown(fragment, law.draw(seed, number + attempt * ATTEMPT) - len(fragment.molecule))

    return attempts(generator, num_each * len(fragments), ask, most=most, seed=seed, num_steps=num_steps, **options)


def check_fragment(generator: MoleculeGenerator, fragment: Fragment, num_added: NumAtoms) -> Sizes:
    """What cannot be honoured is refused before anything is drawn.

    Args:
        generator: of the weights.
        fragment: what stays.
        num_added: as in `grow`.

    Returns:
        The law of the number of atoms of the whole.

    Raises:
        SizeError: if there is no room for that many atoms.
        MoleculeError: if a piece is not open, or too far from all others for the atoms to add, or two overlap, or
            distances do not show the bonds.
        VocabularyError: on an atom that the weights do not know.
    """
    molecule, counts = fragment.molecule, generator.bundle.statistics.sizes
    label, known, most = f"molecule {molecule.name!r}", len(molecule), max(counts)
    generator.bundle.vocabulary.encode(molecule.elements, molecule.charges)
    least, greatest = (max(1, min(counts) - known), most - known) if num_added is None else _range(num_added)
    if not 1 <= least <= greatest or known + least > most:
        raise SizeError(
            f"{label}: {known} atoms stay and {num_added or 'some'} are to be added; these weights know up to {most}, "
            "hydrogens included"
        )
    greatest = min(greatest, most - known)
    owner = pieces(molecule)
    shut = np.setdiff1d(owner, owner[fragment.open])
    if shut.size:
        raise MoleculeError(f"{label}: piece {shut[0] + 1} of {owner.max() + 1} has no attachment atom")
    for piece in range(owner.max() + 1 if owner.max() else 0):  # one piece alone has nothing to reach
        here, there = owner == piece, owner != piece
        apart = np.linalg.norm(molecule.pos[here][:, None] - molecule.pos[there][None], axis=-1)
        if apart.min() < CLOSEST:
            raise MoleculeError(f"{label}: two pieces overlap, atoms are {apart.min():.2f} Å apart")
        gap = apart[fragment.open[here]][:, fragment.open[there]].min(initial=np.inf)
        if gap > STRIDE * (greatest + 1):
            raise MoleculeError(
                f"{label}: piece {piece + 1} lies {gap:.1f} Å from the next attachment atom, further than {greatest} "
                "atoms reach"
            )
    if not keeps_bonds(molecule):
        raise MoleculeError(f"{label}: distances show other bonds than its own; are its coordinates flat, or not in Å?")
    return Sizes.of(counts, (known + least, known + greatest), allow_extrapolation=False)


def _range(num: int | tuple[int, int]) -> tuple[int, int]:
    return (num, num) if isinstance(num, int) else num


def grown(fragment: Fragment, added: int) -> Part:
    """With so many atoms more; that atoms which are not open get no other bonds is known, too."""
    m, n = fragment.molecule, len(fragment.molecule)
    given = np.arange(n + added) < n
    padded = Molecule(
        np.pad(m.elements, (0, added), constant_values=1), np.pad(m.charges, (0, added)),
        np.pad(m.pos, ((0, added), (0, 0))), np.pad(m.bond, (0, added)), name=m.name, properties=m.properties,
    )  # fmt: skip
    shut = np.pad(~fragment.open, (0, added), constant_values=False)
    return Part(padded, given, given, (given[:, None] & given[None]) | shut[:, None] | shut[None])
