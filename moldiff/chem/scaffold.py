"""Scaffolds with stars at their attachment points, as `*c1ccccc1`, `[*:1]` or `R#`, and the stereo that those have."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from jaxtyping import Int
from rdkit import Chem, rdBase

from moldiff.chem.conformer import embed_mol
from moldiff.chem.fragments import together as joined
from moldiff.chem.molecule import Failure, Molecule
from moldiff.chem.rdkit_conversion import assign_stereo_from_3d, is_star, title, to_rdkit
from moldiff.chem.stereo import stereo_elements, stereo_key, with_shown_stereo
from moldiff.chem.validity import sanitise

_RLABEL = "_MolFileRLabel"  # RDKit's, of the number of an R group


@dataclass(frozen=True, eq=False)
class Scaffold:
    """A molecule with a hydrogen in the place of each star.

    Attributes:
        mol: as it was read, with a hydrogen for each star; not sanitised.
        hydrogens: atoms that were stars, in the order of their labels, else as they come.
        sites: the atom that each was bonded to.
        labels: number of each, from 1.
        starred: with stars, all hydrogens and the requested stereo; None without stars.
    """

    mol: Chem.Mol
    hydrogens: tuple[int, ...] = ()
    sites: tuple[int, ...] = ()
    labels: tuple[int, ...] = ()
    starred: Chem.Mol | None = None

    def place(self, molecule: Molecule) -> Molecule | Failure:
        """Coordinates in which the stars have the requested stereo; a hydrogen beside may change places with one.

        Args:
            molecule: with coordinates; the atoms of `mol` first.

        Returns:
            The molecule; a `Failure` of the reason `stereo` if no hydrogen will do.
        """
        if self.starred is None:
            return molecule
        centres, sides = stereo_elements(self.starred)
        if not centres and not sides:
            return molecule
        requested = stereo_key(self.starred, centres, sides)
        for order in self._orders(molecule):
            candidate = replace(molecule, pos=molecule.pos[order])
            mol = Chem.RWMol(to_rdkit(candidate))
            if sanitise(mol) is None:
                _label(mol, self.hydrogens)
                with rdBase.BlockLogs():
                    mol.UpdatePropertyCache(strict=False)
                    assign_stereo_from_3d(mol)
                if stereo_key(mol, centres, sides) == requested:
                    return candidate
        return Failure(
            "stereo", f"requested {requested}, but the scaffold's coordinates allow another stereoisomer only"
        )

    def embed(self, *, seed: int) -> Molecule | Failure:
        """With coordinates of ETKDG and MMFF94; the stars' stereo is left to `place`."""
        mol = Chem.Mol(self.mol)
        mol.RemoveAllConformers()
        name = title(self.mol)
        alone = sanitise(mol) or embed_mol(mol, name[:80] or "scaffold", seed=seed, name=name)
        return alone if isinstance(alone, Failure) else replace(alone, properties={})

    def _orders(self, molecule: Molecule) -> Iterator[Int[np.ndarray, "n"]]:
        """Ways for the hydrogens of each site to change places, as they stand first."""
        bonded = {
            site: np.flatnonzero((molecule.bond[site] > 0) & (molecule.elements == 1)).tolist() for site in self.sites
        }
        choices = [
            sorted(bonded[site], key=lambda h, star=star: h != star)
            for site, star in zip(self.sites, self.hydrogens, strict=True)
        ]
        for chosen in product(*choices):
            if len(set(chosen)) < len(chosen):
                continue
            order = np.arange(len(molecule))
            order[list(self.hydrogens)] = chosen
            for hydrogens in bonded.values():
                beside = [h for h in hydrogens if h not in self.hydrogens]
                order[beside] = [h for h in hydrogens if h not in chosen]
            yield order


def scaffold_of(record: Chem.Mol) -> Scaffold | Failure:
    """A record with hydrogens in the place of its stars.

    Args:
        record: as a reader gives it with `stars`.

    Returns:
        The scaffold; a `Failure` of the reason `element` if a star has another bond than a single one.
    """
    stars = [atom for atom in record.GetAtoms() if is_star(atom)]
    if not stars:
        return Scaffold(record)
    for star in stars:
        bonds = star.GetBonds()
        if len(bonds) != 1 or bonds[0].GetBondType() != Chem.BondType.SINGLE or is_star(bonds[0].GetOtherAtom(star)):
            number = star.GetIdx() + 1
            return Failure("element", f"{title(record)[:80]}: the star that is atom {number} needs one single bond")
    stars.sort(key=lambda star: (_number(star) or len(stars) + record.GetNumAtoms(), star.GetIdx()))
    places = tuple(star.GetIdx() for star in stars)
    sites = tuple(star.GetNeighbors()[0].GetIdx() for star in stars)
    mol, starred = Chem.RWMol(record), Chem.RWMol(record)
    for place in places:
        mol.ReplaceAtom(place, Chem.Atom(1))
    mol.UpdatePropertyCache(strict=False)
    _label(starred, places)
    obstacle = sanitise(starred)
    if obstacle is not None:
        return obstacle
    named = [_number(star) for star in stars]
    labels = tuple(named) if len(set(named) - {0}) == len(stars) else tuple(range(1, len(stars) + 1))
    shown = with_shown_stereo(starred.GetMol())
    return shown if isinstance(shown, Failure) else Scaffold(mol.GetMol(), places, sites, labels, shown)


def together(parts: Sequence[tuple[Scaffold, Molecule]]) -> tuple[Scaffold, Molecule]:
    """Scaffolds and their molecules as one, in the coordinates that they have; those have the stereo of the stars."""
    starts = np.cumsum([0, *(len(molecule) for _, molecule in parts)]).tolist()
    pairs = list(zip(starts, (scaffold for scaffold, _ in parts), strict=False))
    mol = Chem.Mol()
    for scaffold, _ in parts:
        mol = Chem.CombineMols(mol, scaffold.mol)
    hydrogens, sites = (
        tuple(start + atom for start, scaffold in pairs for atom in getattr(scaffold, name))
        for name in ("hydrogens", "sites")
    )
    whole = Scaffold(mol, hydrogens, sites, tuple(range(1, len(sites) + 1)))
    return whole, joined([molecule for _, molecule in parts])


def _number(star: Chem.Atom) -> int:
    """Of `[*:1]`, `[1*]`, `R1`; 0 if it has none."""
    label = star.GetPropsAsDict().get(_RLABEL, 0)
    return star.GetAtomMapNum() or int(label) or star.GetIsotope()


def _label(mol: Chem.RWMol, places: Sequence[int]) -> None:
    """Stars in these places, all different."""
    for number, place in enumerate(places, start=1):
        star = Chem.Atom(0)
        star.SetIsotope(number)
        star.SetNoImplicit(True)
        mol.ReplaceAtom(place, star)
