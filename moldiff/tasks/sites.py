"""Attachment points of scaffolds and pieces, and the fragments that they make."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from moldiff.chem.fragments import matches
from moldiff.chem.fragments import pieces as pieces_of
from moldiff.chem.molecule import Failure, Molecule
from moldiff.chem.rdkit_conversion import with_hydrogens
from moldiff.chem.scaffold import Scaffold, scaffold_of, together
from moldiff.chem.validity import Checked
from moldiff.errors import ConfigError
from moldiff.generation.sizes import NumAtoms
from moldiff.tasks.fragments import Fragment, check_fragment, fragment_obstacle
from moldiff.tasks.routing import Router
from moldiff.tasks.scaffolds import has_coordinates, locate, open_scaffold, outline

Attach = int | str | Sequence[int] | Mapping[int, int | tuple[int, int]] | None
"""Atoms that get a bond in the place of a hydrogen, counted from 1; with the number of atoms to add at each, one or
least and greatest; or a SMARTS pattern, whose first atom stands for all that match."""


@dataclass(frozen=True)
class Sites:
    """Where and how much to add; scaffolds with stars need neither.

    Attributes:
        atoms: that get a new bond, counted from 1; of a scaffold with stars, their labels.
        sizes: least and greatest number of atoms to add at each of them; none if any will do.
        smarts: instead, all atoms that its first atom matches.
    """

    atoms: tuple[int, ...] = ()
    sizes: tuple[tuple[int, int], ...] = ()
    smarts: str | None = None

    def __post_init__(self) -> None:
        """Refuses sizes that do not fit.

        Raises:
            ConfigError: if some atoms have no size, or a least size is above the greatest.
        """
        if self.sizes and len(self.sizes) < len(self.atoms):
            raise ConfigError("attach: give a size to every site, or to none")
        if any(not 1 <= low <= high for low, high in self.sizes):
            raise ConfigError("attach: expected sizes of at least 1, the least first")

    @classmethod
    def of(cls, attach: Attach, num_added: NumAtoms = None) -> "Sites":
        """Sites in plain values.

        Args:
            attach: atoms, atoms with sizes, or a SMARTS pattern.
            num_added: atoms to add in all.

        Returns:
            The sites; a `ConfigError` for sizes both by site and in all.
        """
        if isinstance(attach, str):
            return cls(smarts=attach)
        if isinstance(attach, Mapping):
            if num_added is not None:
                raise ConfigError("attach: give sizes by site, or num_added, not both")
            sizes = tuple((size, size) if isinstance(size, int) else (size[0], size[1]) for size in attach.values())
            return cls(tuple(attach), sizes)
        return cls((attach,) if isinstance(attach, int) else tuple(attach or ()))

    def open(self, scaffold: Scaffold, molecule: Molecule) -> Fragment:
        """The fragment with room at its sites.

        Args:
            scaffold: as it was read.
            molecule: the scaffold with coordinates, or without.

        Returns:
            The fragment.

        Raises:
            ConfigError: if there are no sites, or others than the stars of the scaffold.
        """
        if scaffold.sites and self.smarts is None and sorted(self.atoms) in ([], sorted(scaffold.labels)):
            of = dict(zip(self.atoms, self.sizes, strict=False))
            return open_scaffold(scaffold, molecule, site_sizes=[of[label] for label in scaffold.labels if label in of])
        if scaffold.sites:
            known = ", ".join(map(str, scaffold.labels))
            raise ConfigError(f"{molecule.label}: its sites are the stars {known}; attach may give each of them a size")
        if self.smarts is not None:
            return open_scaffold(scaffold, molecule, matches(molecule, self.smarts))
        if not self.atoms:
            raise ConfigError(
                "give the attachment atoms, such as attach=3, or a SMARTS pattern (--smarts); or * in a SMILES"
            )
        return open_scaffold(scaffold, molecule, [atom - 1 for atom in self.atoms], site_sizes=self.sizes)


@dataclass(frozen=True)
class Placement:
    """Makes fragments of records, each with the weights that complete it.

    Attributes:
        router: finds the weights.
        sites: of the fragments.
        num_added: atoms to add.
        add_hydrogens: to records that have not all of them.
        seed: of coordinates that are sampled.
    """

    router: Router
    sites: Sites
    num_added: NumAtoms
    add_hydrogens: bool
    seed: int

    def fragment(self, record: Any) -> tuple[Fragment, str] | Failure:
        """A scaffold in one piece, with coordinates, and the name of its weights."""
        pair = self.outline(record)
        if isinstance(pair, Failure):
            return pair
        start = self._one_piece(*pair)  # says whether there is room, before coordinates are sampled
        name = self._name(start)
        whole = locate(self.router.generator(name), pair[0], seed=self.seed)
        if isinstance(whole, Failure):
            return whole
        fragment = self._one_piece(pair[0], whole)
        self._check(fragment, name)
        return fragment, name

    def link(self, parts: Iterable[tuple[Scaffold, Molecule]], label: str) -> tuple[Fragment, str]:
        """Pieces as one fragment, and the name of its weights.

        Args:
            parts: as of `outline`.
            label: of their file.

        Returns:
            The fragment and the name.

        Raises:
            ConfigError: if a piece has no coordinates, or there is one piece only, or sites have sizes.
        """
        parts = list(parts)
        if not all(has_coordinates(scaffold) for scaffold, _ in parts):
            raise ConfigError(f"{label}: pieces to link need coordinates in 3D, which say where they lie")
        fragment = self.sites.open(*together(parts))
        if fragment.site_sizes:
            raise ConfigError("attach: sizes by site are for decorating; give num_added to link")
        if count_pieces(fragment) == 1:
            raise ConfigError(f"molecule {fragment.molecule.name!r}: is one piece; moldiff decorate adds to it")
        name = self._name(fragment)
        self._check(fragment, name)
        return fragment, name

    def outline(self, record: Checked) -> tuple[Scaffold, Molecule] | Failure:
        """The scaffold of a record, and a molecule with the coordinates that it has, or none."""
        if isinstance(record, Failure):
            return record
        scaffold = scaffold_of(with_hydrogens(record) if self.add_hydrogens else record)
        if isinstance(scaffold, Failure):
            return scaffold
        molecule = outline(scaffold)
        if isinstance(molecule, Molecule):
            return scaffold, molecule
        missing = molecule.reason == "implicit_hydrogen"
        return replace(molecule, detail=f"{molecule.detail}; add_hydrogens=True does so") if missing else molecule

    def _one_piece(self, scaffold: Scaffold, molecule: Molecule) -> Fragment:
        fragment = self.sites.open(scaffold, molecule)
        count = count_pieces(fragment)
        if count > 1:
            raise ConfigError(f"molecule {fragment.molecule.name!r}: is {count} pieces; moldiff link joins them")
        return fragment

    def _name(self, fragment: Fragment) -> str:
        return self.router.name_for(
            lambda domain: fragment_obstacle(fragment, self.num_added, domain), fragment.molecule.label
        )

    def _check(self, fragment: Fragment, name: str) -> None:
        generator, allowed = self.router.generator(name), self.router.allow_extrapolation
        check_fragment(generator, fragment, self.num_added, allow_extrapolation=allowed)


def count_pieces(fragment: Fragment) -> int:
    """How many connected parts stay."""
    return int(pieces_of(fragment.molecule).max()) + 1
