"""A partial molecule for weights with latent hydrogens: folded for the sampler, and unfolded in the given order."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from moldiff.chem.aromaticity import kekulize, mark_aromatic
from moldiff.chem.folding import KEPT, fold_molecule
from moldiff.chem.fragments import part_of
from moldiff.chem.molecule import AROMATIC, Failure, Molecule
from moldiff.chem.vocabulary import Vocabulary
from moldiff.data.statistics import Statistics
from moldiff.errors import SizeError
from moldiff.generation.sample import Sample
from moldiff.generation.sizes import Size, Sizes
from moldiff.sampling.inpainting import KnownValues
from moldiff.state import LATENT_WIDTH, NOT_GIVEN, State
from moldiff.tasks.partial_molecule import PartialMolecule


def represented(
    part: PartialMolecule, vocabulary: Vocabulary, *, aromatic: bool = False
) -> "PartialMolecule | FoldedMolecule":
    """The part as weights with this vocabulary, and with or without a class of aromatic bonds, read it."""
    return FoldedMolecule(part, vocabulary, aromatic) if vocabulary.folded else part


@dataclass(frozen=True, eq=False)
class FoldedMolecule:
    """What is known of a molecule, its known hydrogens folded into the atoms that they are bonded to.

    Attributes:
        part: what is known; its hydrogens are known with their bonds, or not at all.
        vocabulary: of the weights.
        aromatic: aromatic bonds are a class of their own.
    """

    part: PartialMolecule
    vocabulary: Vocabulary
    aromatic: bool = False

    @cached_property
    def _folding(self) -> tuple[Int[np.ndarray, "n"], Int[np.ndarray, "n"], Int[np.ndarray, "n"]]:
        """As of `moldiff.chem.folding.fold_molecule`, of what is known."""
        part = self.part
        # An atom to come is none of another's hydrogens.
        elements = np.where(part.atom | part.same_element, part.molecule.elements, 6)
        bond = np.where(part.bond, part.molecule.bond, 0)
        return fold_molecule(replace(part.molecule, elements=elements, bond=bond), self.vocabulary)

    def known(self, vocabulary: Vocabulary) -> KnownValues:
        """For the sampler: one molecule, known coordinates centred; a `VocabularyError` on an unknown class."""
        part, m = self.part, self.part.molecule
        _, slot, hydrogens = self._folding
        kept = slot == KEPT
        pos, named, bond = part.pos[kept], part.atom[kept], part.bond[np.ix_(kept, kept)]
        classes = np.zeros(len(named), dtype=np.int64)
        exact = named & (not part.open_hydrogens)
        classes[exact] = vocabulary.encode(*(of[kept][exact] for of in (m.elements, m.charges, hydrogens)))
        latent, shown = self._latents()
        given = part.num_hydrogens
        if given == NOT_GIVEN and (exact | part.same_element).all():
            given = int(hydrogens.sum())
        values = State(
            torch.from_numpy(np.where(pos[:, None], m.pos[kept] - self._centre(), 0.0)).float()[None],
            torch.from_numpy(classes)[None],
            torch.from_numpy(self._bonds(part)[np.ix_(kept, kept)])[None],
            torch.ones(1, len(named), dtype=torch.bool),
            latent=torch.from_numpy(latent[kept]).float()[None],
            num_hydrogens=torch.tensor([given]),
        )
        pos, atom, bond, latent = (torch.from_numpy(of)[None] for of in (pos, exact, bond, shown[kept]))
        possible = self._possible(vocabulary, kept)
        return KnownValues(
            values, pos, atom, bond, None if possible is None else torch.from_numpy(possible)[None], latent
        )

    def _latents(self) -> tuple[Float[np.ndarray, "n 3"], Bool[np.ndarray, "n"]]:
        """From each atom to its first hydrogen, and where that is known; an atom without hydrogens has none to show."""
        part, (parent, slot, hydrogens) = self.part, self._folding
        first = np.flatnonzero(slot == 0)
        latent = np.zeros((len(slot), LATENT_WIDTH))
        latent[parent[first]] = part.molecule.pos[first] - part.molecule.pos[parent[first]]
        seen = np.bincount(parent[(slot != KEPT) & part.pos], minlength=len(slot)) == hydrogens
        shown = part.pos & (part.atom | part.same_element) & seen & (not part.open_hydrogens)
        return np.where(shown[:, None], latent, 0.0), shown

    def _possible(self, vocabulary: Vocabulary, kept: Bool[np.ndarray, "n"]) -> Bool[np.ndarray, "m k"] | None:
        """Classes that each atom may have; None for all."""
        part, m = self.part, self.part.molecule
        if part.same_element:
            hydrogens = self._folding[2][kept]
            return (vocabulary.elements == m.elements[kept][:, None]) & (vocabulary.hydrogens == hydrogens[:, None])
        if part.open_hydrogens:
            of_atom = (vocabulary.elements == m.elements[kept][:, None]) & (
                vocabulary.charges == m.charges[kept][:, None]
            )
            return of_atom | ~part.atom[kept][:, None]
        return None if part.heavy is None else ~part.heavy[kept][:, None] | (vocabulary.elements != 1)

    def _bonds(self, part: PartialMolecule) -> Int[np.ndarray, "n n"]:
        """Classes of the known bonds, 0 elsewhere."""
        m = part.molecule
        known = np.where(part.bond, m.bond, 0)
        return mark_aromatic(m.elements, m.charges, known) if self.aromatic else known

    def _restore_kekule_form(self, drawn: Molecule, whole: PartialMolecule) -> Molecule:
        """With the given one of the Kekulé forms where known bonds are aromatic, as they came out."""
        if not self.aromatic:
            return drawn
        given = self._bonds(whole) == AROMATIC
        came = mark_aromatic(drawn.elements, drawn.charges, drawn.bond) == AROMATIC
        open_bonds = np.where(came, AROMATIC, drawn.bond)
        bond = np.where(given & came, whole.molecule.bond, open_bonds)
        bond = kekulize(drawn.elements, drawn.charges, bond, np.zeros_like(drawn.elements))
        return drawn if (bond == AROMATIC).any() else replace(drawn, bond=bond)

    def restore(self, sample: Sample) -> Sample:
        """As `PartialMolecule.restore`: the given atoms come first, in their order."""
        drawn = sample.molecule
        if drawn is None:
            return sample
        order = self._order(drawn)
        if isinstance(order, Failure):
            return replace(sample, result=order)
        part, more = self.part, len(order) - len(self.part.molecule)
        drawn = part_of(drawn, order)
        slot, pos = self._folding[1], drawn.pos + self._centre()
        stay = np.flatnonzero((slot != KEPT) & part.pos)  # as they were; the decoder gives them but for its error
        pos[stay] = part.molecule.pos[stay]
        whole = part.padded(more)
        confidence = None if sample.confidence is None else sample.confidence[np.ix_(order, order)]
        drawn = self._restore_kekule_form(replace(drawn, pos=pos - whole.centre()), whole)
        return whole.restore(replace(sample, molecule=drawn, confidence=confidence))

    def _order(self, drawn: Molecule) -> Int[np.ndarray, "d"] | Failure:
        """The atoms of what was drawn: those given in their order, then the others."""
        parent, slot, hydrogens = self._folding
        kept = slot == KEPT
        rank = np.cumsum(kept) - 1
        own_parent, own_slot, own_hydrogens = fold_molecule(drawn, self.vocabulary)
        if (own_hydrogens[: kept.sum()] < hydrogens[kept]).any():
            return Failure("changed", "a known atom has fewer hydrogens than it had")
        at = {
            (p, s): i for i, (p, s) in enumerate(zip(own_parent.tolist(), own_slot.tolist(), strict=True)) if s != KEPT
        }
        first = [
            int(rank[i]) if kept[i] else at[int(rank[parent[i]]), int(slot[i])] for i in range(len(self.part.molecule))
        ]
        return np.array([*first, *np.setdiff1d(np.arange(len(drawn)), first)], dtype=np.int64)

    def _centre(self) -> Float[np.ndarray, "3"]:
        """Of the known atoms that are left."""
        known = self.part.pos & (self._folding[1] == KEPT)
        return self.part.molecule.pos[known].mean(0) if known.any() else np.zeros(3)


def folded_sizes(
    molecule: Molecule, num_sites: int, statistics: Statistics, bounds: tuple[int, int], *, given: bool
) -> Sizes:
    """Sizes with room for a molecule that stays and for a heavy atom at each site.

    Args:
        molecule: without the hydrogens that make room.
        num_sites: heavy atoms that are sure to come.
        statistics: of the weights.
        bounds: of the number of atoms, hydrogens included.
        given: these bounds were asked for; else the weights choose the number of hydrogens.

    Returns:
        The sizes, as often as in the data.

    Raises:
        SizeError: if the data has none.
    """
    heavy = molecule.elements != 1
    fewest, hydrogens = int(heavy.sum()) + num_sites, int((~heavy).sum())
    counts: dict[Size, float] = {}
    for n, of in statistics.num_hydrogens.items():
        for number, count in of.items():
            if n >= fewest and number >= hydrogens and bounds[0] <= n + number <= bounds[1]:
                size = Size(n, number if given else NOT_GIVEN)
                counts[size] = counts.get(size, 0) + count
    if not counts:
        wanted = f"{bounds[0]} to {bounds[1]} atoms with at least {fewest} heavy and {hydrogens} hydrogen atoms"
        raise SizeError(f"{molecule.label}: no molecule of the training data has {wanted}")
    return Sizes.as_often_as(counts)
