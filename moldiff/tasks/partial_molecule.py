"""A molecule of which something is known: for the sampler, and back with the promise checked."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from moldiff.chem.molecule import Failure, Molecule
from moldiff.chem.validity import Checked, check
from moldiff.chem.vocabulary import Vocabulary
from moldiff.data.domain import Read
from moldiff.errors import ConfigError
from moldiff.generation.generator import MoleculeGenerator
from moldiff.generation.sample import Sample
from moldiff.pretrained.format import refuse_outside
from moldiff.sampling.inpainting import KnownValues
from moldiff.state import NOT_GIVEN, State

KEPT = 1e-3  # Å; a known coordinate must come back this close


@dataclass(frozen=True, eq=False)
class PartialMolecule:
    """What is known, in the user's frame.

    Attributes:
        molecule: with as many atoms as are to come out; only what is known of it is read.
        pos: atoms whose coordinates are known.
        atom: atoms whose element and charge are known.
        bond: pairs whose bond is known, symmetric.
        same_element: atoms sampled only among the charges of their element.
        heavy: atoms sampled only among the elements beyond hydrogen; None says nothing of any.
        num_hydrogens: of the whole, for weights whose hydrogens are latent; -1 where it is not given.
        open_hydrogens: of such weights, known atoms are known without the number of their hydrogens.
    """

    molecule: Molecule
    pos: Bool[np.ndarray, "n"]
    atom: Bool[np.ndarray, "n"]
    bond: Bool[np.ndarray, "n n"]
    same_element: bool = False
    heavy: Bool[np.ndarray, "n"] | None = None
    num_hydrogens: int = NOT_GIVEN
    open_hydrogens: bool = False

    @classmethod
    def of(
        cls, molecule: Molecule, *known: Literal["pos", "atom", "bond"], same_element: bool = False
    ) -> "PartialMolecule":
        """Whole variables are known."""
        n = len(molecule)
        pos, atom, bond = (name in known for name in ("pos", "atom", "bond"))
        return cls(molecule, np.full(n, pos), np.full(n, atom), np.full((n, n), bond), same_element)

    def with_hydrogen_bonds(self) -> "PartialMolecule":
        """It is also known which atom each hydrogen is bonded to."""
        hydrogen = self.molecule.elements == 1
        return replace(self, bond=self.bond | hydrogen[:, None] | hydrogen[None])

    def padded(self, more: int) -> "PartialMolecule":
        """With so many atoms of which nothing is known."""
        pos, atom, bond = (np.pad(known, (0, more)) for known in (self.pos, self.atom, self.bond))
        heavy = None if self.heavy is None else np.pad(self.heavy, (0, more))
        return replace(self, molecule=padded(self.molecule, more), pos=pos, atom=atom, bond=bond, heavy=heavy)

    def known(self, vocabulary: Vocabulary) -> KnownValues:
        """For the sampler: one molecule, known coordinates centred; a `VocabularyError` on an unknown class."""
        m = self.molecule
        charges = np.where(self.atom, m.charges, 0)
        named = self.atom if not self.same_element else np.ones(len(m), dtype=bool)
        classes = np.zeros(len(m), dtype=np.int64)
        classes[named] = vocabulary.encode(m.elements[named], charges[named])
        values = State(
            torch.from_numpy(np.where(self.pos[:, None], m.pos - self.centre(), 0.0)).float()[None],
            torch.from_numpy(classes)[None],
            torch.from_numpy(np.where(self.bond, m.bond, 0))[None],
            torch.ones(1, len(m), dtype=torch.bool),
        )
        pos, atom, bond = (torch.from_numpy(known)[None] for known in (self.pos, self.atom, self.bond))
        possible = self._possible(vocabulary.elements)
        return KnownValues(values, pos, atom, bond, None if possible is None else torch.from_numpy(possible)[None])

    def _possible(self, elements: Int[np.ndarray, "k"]) -> Bool[np.ndarray, "n k"] | None:
        """Classes that each atom may have, of these elements."""
        if self.same_element:
            return elements == self.molecule.elements[:, None]
        return None if self.heavy is None else ~self.heavy[:, None] | (elements != 1)

    def restore(self, sample: Sample) -> Sample:
        """The sample in the user's frame, with the user's name and properties, and failed if the promise is broken."""
        if sample.molecule is None:
            return sample
        drawn, given = sample.molecule, self.molecule
        pos = drawn.pos + self.centre()
        result: Checked = self.find_breach(replace(drawn, pos=pos)) or sample.result
        pos = np.where(self.pos[:, None], given.pos, pos)
        properties = {**given.properties, **drawn.properties}
        molecule = replace(drawn, pos=pos, name=given.name or drawn.name, properties=properties)
        if not isinstance(result, Failure):
            result = check(molecule)
        return replace(sample, result=result, molecule=molecule)

    def find_breach(self, drawn: Molecule) -> Failure | None:
        """What was to stay and did not."""
        given = self.molecule
        moved = np.linalg.norm(drawn.pos - given.pos, axis=1)[self.pos]
        if moved.size and moved.max() > KEPT:
            return Failure("changed", f"a known atom has moved by {moved.max():.3g} Å")
        if ((drawn.elements != given.elements) | (drawn.charges != given.charges))[self.atom].any():
            return Failure("changed", "a known atom has another element or charge")
        if self.same_element and (drawn.elements != given.elements).any():
            return Failure("changed", "a known element has changed")
        if self.heavy is not None and (drawn.elements == 1)[self.heavy].any():
            return Failure("changed", "a site has a hydrogen where a heavy atom belongs")
        if (drawn.bond != given.bond)[self.bond].any():
            return Failure("changed", "a known bond has changed")
        return None

    def centre(self) -> Float[np.ndarray, "3"]:
        """Of the known coordinates, Å."""
        return self.molecule.pos[self.pos].mean(0) if self.pos.any() else np.zeros(3)


def padded(molecule: Molecule, more: int) -> Molecule:
    """With so many hydrogens at the origin, in the place of atoms to come."""
    return replace(
        molecule,
        elements=np.pad(molecule.elements, (0, more), constant_values=1),
        charges=np.pad(molecule.charges, (0, more)),
        pos=np.pad(molecule.pos, ((0, more), (0, 0))),
        bond=np.pad(molecule.bond, (0, more)),
    )


def check_domain(
    generator: MoleculeGenerator, molecule: Molecule, read: Read = "atoms", *, allow_extrapolation: bool = False
) -> None:
    """Refuses what the weights were not trained on.

    Args:
        generator: of the weights.
        molecule: to look at.
        read: what of it the weights read, as of `moldiff.data.domain.Domain.obstacle`.
        allow_extrapolation: accept all but atoms that the weights cannot represent.

    Raises:
        DomainError: that names the molecule, the limit and the weights that know it.
    """
    refuse_outside(
        lambda domain: domain.obstacle(molecule, read),
        generator.bundle.statistics.domain,
        label=molecule.label,
        allow_extrapolation=allow_extrapolation,
    )


def check_explicit(generator: MoleculeGenerator, what: str) -> None:
    """Refuses weights whose hydrogens are latent, where these are not enough.

    Args:
        generator: of the weights.
        what: needs explicit hydrogens, for the message.

    Raises:
        ConfigError: that names the weights and the remedy.
    """
    if generator.bundle.config.representation == "latent":
        raise ConfigError(f"weights {generator.weights}: {what} needs explicit hydrogens: --weights qm9")


def check_domains(
    generator: MoleculeGenerator, molecules: Sequence[Molecule], read: Read = "atoms", *, allow_extrapolation: bool
) -> None:
    """As `check_domain`; one warning names those that are extrapolation.

    Args:
        generator: as of `check_domain`.
        molecules: to look at.
        read: as of `check_domain`.
        allow_extrapolation: as of `check_domain`.
    """
    for molecule in molecules:
        check_domain(generator, molecule, read, allow_extrapolation=allow_extrapolation)
    domain = generator.bundle.statistics.domain
    outside = [(m, error) for m in molecules if (error := domain.obstacle(m, read)) is not None]
    if outside:
        first, error = outside[0]
        warnings.warn(
            f"{len(outside)} of {len(molecules)} molecules are unlike those that the weights were trained on, such as "
            f"{first.label}: {error}; do not rely on the result",
            stacklevel=3,
        )
