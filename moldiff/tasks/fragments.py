"""Atoms added to fragments that stay: scaffolds to decorate, pieces to link."""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool

from moldiff.chem.fragments import part_of, pieces
from moldiff.chem.molecule import Molecule
from moldiff.chem.stereo import keeps_bonds
from moldiff.chem.vocabulary import Vocabulary
from moldiff.data.domain import Domain
from moldiff.errors import DomainError, MoleculeError, SizeError, VocabularyError
from moldiff.generation.generator import MoleculeGenerator
from moldiff.generation.sample import Sample
from moldiff.generation.sizes import NumAtoms, Size, Sizes
from moldiff.pretrained.format import refuse_outside
from moldiff.tasks.attempts import ATTEMPT, attempts
from moldiff.tasks.defaults import GROWTH
from moldiff.tasks.folded_molecule import folded_sizes
from moldiff.tasks.partial_molecule import PartialMolecule, padded
from moldiff.tasks.site_sizes import match_site_sizes, split_atoms, split_heavy_atoms

STRIDE, CLOSEST = 1.6, 0.5  # Å: as far as one more atom of a chain reaches; less is a clash of pieces


@dataclass(frozen=True, eq=False)
class Fragment:
    """What stays, in one piece or in several.

    Attributes:
        molecule: its atoms, without the hydrogens that make room.
        open: atoms that new ones may be bonded to.
        sites: the open atoms, each as often as it gets a bond.
        site_sizes: least and greatest number of atoms to add at each site, hydrogens included; none if any will do.
    """

    molecule: Molecule
    open: Bool[np.ndarray, "n"]
    sites: tuple[int, ...] = ()
    site_sizes: tuple[tuple[int, int], ...] = ()


def open_attachment_points(
    molecule: Molecule,
    attachments: Sequence[int],
    *,
    hydrogens: Sequence[int] = (),
    site_sizes: Sequence[tuple[int, int]] = (),
) -> Fragment:
    """The molecule without one hydrogen at each attachment atom, for each time that it is named.

    Args:
        molecule: with all hydrogens.
        attachments: numbers of atoms, from 0.
        hydrogens: the hydrogen to take at each; by default the last that the atom has.
        site_sizes: as of `Fragment`.

    Returns:
        The fragment.

    Raises:
        MoleculeError: if there is no such atom, or it has no hydrogen left to give.
    """
    label, n = f"molecule {molecule.name!r}", len(molecule)
    gone: list[int] = []
    for atom, wanted in zip(attachments, hydrogens or [None] * len(attachments), strict=True):
        if not 0 <= atom < n:
            raise MoleculeError(f"{label}: has {n} atoms, an attachment at atom {atom + 1} is none of them")
        bonded = np.flatnonzero((molecule.bond[atom] > 0) & (molecule.elements == 1))
        free = [h for h in bonded.tolist() if h not in gone and wanted in (None, h)]
        if not free:
            raise MoleculeError(f"{label}: atom {atom + 1} has no hydrogen to give for another bond")
        gone.append(free[-1])
    if not attachments:
        raise MoleculeError(f"{label}: needs at least one attachment atom")
    kept = np.setdiff1d(np.arange(n), gone)
    sites = tuple(np.searchsorted(kept, attachments).tolist())
    return Fragment(part_of(molecule, kept), np.isin(kept, attachments), sites, tuple(site_sizes))


def grow(
    generator: MoleculeGenerator,
    fragments: Sequence[Fragment],
    *,
    num_each: int = 1,
    num_added: NumAtoms = None,
    most: int = GROWTH.num_attempts,
    seed: int = 0,
    num_steps: int | None = GROWTH.num_steps,
    allow_extrapolation: bool = False,
    **options: Any,
) -> Iterator[Sample]:
    """Samples atoms that are bonded to a fragment, or link its pieces; its atoms, coordinates and bonds stay.

    A fragment of one piece gets a heavy atom at each of its sites, by a single bond.

    Args:
        generator: of weights.
        fragments: what stays, from `open_attachment_points`.
        num_each: samples of each.
        num_added: atoms to add, hydrogens included: one number, or the least and the greatest; by default
            sizes as often as in the training data. Fragments with `site_sizes` have their own.
        most: attempts at one sample, each with a number of atoms of its own.
        seed: random seed.
        num_steps: network evaluations.
        allow_extrapolation: accept fragments and sizes beyond those of the training data, with a warning.
        **options: of `MoleculeGenerator.complete`.

    Returns:
        Samples in order, those of one fragment together.
    """
    sizes = [check_fragment(generator, one, num_added, allow_extrapolation=allow_extrapolation) for one in fragments]
    latent = generator.bundle.vocabulary.folded

    def part_at(number: int, attempt: int) -> PartialMolecule:
        fragment, index = fragments[number // num_each], number + attempt * ATTEMPT
        size = sizes[number // num_each].draw(seed, index)
        if not latent:
            added = size.num_atoms - len(fragment.molecule)
            return add_atoms(fragment, added, blocks=split_atoms(fragment.site_sizes, added, seed, index))
        heavy = fragment.molecule.elements != 1
        size = Size(size.num_atoms - int(heavy.sum()), size.num_hydrogens)
        if not fragment.site_sizes:
            return replace(add_atoms(fragment, size.num_atoms), num_hydrogens=size.num_hydrogens)
        added = size.num_atoms + size.num_hydrogens - int((~heavy).sum())
        blocks = split_heavy_atoms(fragment.site_sizes, added, size.num_atoms, seed, index)
        hydrogens = added - sum(blocks) + int((~heavy).sum())
        return replace(add_atoms(fragment, sum(blocks), blocks=blocks), num_hydrogens=hydrogens)

    def correct(number: int, sample: Sample) -> Sample:
        fragment = fragments[number // num_each]
        return match_site_sizes(sample, len(fragment.molecule), fragment.sites, fragment.site_sizes)

    return attempts(
        generator,
        num_each * len(fragments),
        part_at,
        most=most,
        correct=correct,
        seed=seed,
        num_steps=num_steps,
        **options,
    )


def check_fragment(
    generator: MoleculeGenerator, fragment: Fragment, num_added: NumAtoms, *, allow_extrapolation: bool = False
) -> Sizes:
    """What cannot be completed is refused before anything is sampled.

    Args:
        generator: of the weights.
        fragment: what stays.
        num_added: as in `grow`.
        allow_extrapolation: as in `grow`.

    Returns:
        The distribution of the number of atoms of the whole.

    Raises:
        SizeError: if there is no room for that many atoms.
        MoleculeError: if a piece is not open, or too far from all others for the atoms to add, or two overlap, or
            distances do not show the bonds.
        VocabularyError: on an atom that the weights do not know.
    """
    statistics, molecule = generator.bundle.statistics, fragment.molecule
    label, known = molecule.label, len(molecule)
    least, greatest = resolve_added_range(fragment, num_added, statistics.domain)
    refuse_outside(
        lambda domain: fragment_obstacle(fragment, num_added, domain),
        statistics.domain,
        label=molecule.label,
        allow_extrapolation=allow_extrapolation,
    )
    beyond = fragment_obstacle(fragment, num_added, statistics.domain)
    if not _num_sites(fragment) <= least <= greatest:  # which no extrapolation mends
        raise SizeError(f"{label}: {beyond}")
    if beyond is not None:
        warnings.warn(f"{label}: {beyond}; do not rely on the result", stacklevel=2)
    else:
        greatest = min(greatest, statistics.domain.num_atoms[1] - known)
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
    bounds = (known + least, max(known + greatest, known + least))
    if not statistics.num_hydrogens:
        return Sizes.of(statistics.sizes, bounds, allow_extrapolation=allow_extrapolation)
    given = num_added is not None or bool(fragment.site_sizes)
    return folded_sizes(molecule, _num_sites(fragment), statistics, bounds, given=given)


def resolve_added_range(fragment: Fragment, num_added: NumAtoms, domain: Domain) -> tuple[int, int]:
    """Least and greatest number of atoms to add: as given, or else what the domain has room for."""
    if fragment.site_sizes:
        low, high = np.array(fragment.site_sizes).sum(0).tolist()
        return low, high
    if num_added is not None:
        return (num_added, num_added) if isinstance(num_added, int) else num_added
    low, high = domain.num_atoms
    most = max(_num_sites(fragment), high - len(fragment.molecule))
    return min(max(_num_sites(fragment), low - len(fragment.molecule)), most), most


def fragment_obstacle(fragment: Fragment, num_added: NumAtoms, domain: Domain) -> DomainError | None:
    """Why weights of a domain cannot add to a fragment, or None.

    Args:
        fragment: what stays.
        num_added: as in `grow`.
        domain: of the weights.

    Returns:
        The error, not raised.
    """
    molecule, (fewest, most), heavy = fragment.molecule, domain.num_atoms, domain.num_heavy_atoms
    known = len(molecule)
    try:
        Vocabulary(domain.labels).encode(molecule.elements, molecule.charges)
    except VocabularyError as error:
        return VocabularyError(str(error))
    least, greatest = resolve_added_range(fragment, num_added, domain)
    if not _num_sites(fragment) <= least <= greatest or known + least > most:
        wanted = f"{num_added or least}" if num_added or fragment.site_sizes else "some"
        return SizeError(
            f"{known} atoms stay and {wanted} are to be added; these weights know up to {most}, hydrogens included"
        )
    if known + greatest < fewest:
        return SizeError(f"{known} atoms stay and {greatest} are added; these weights know {fewest} to {most}")
    num_heavy = int((molecule.elements != 1).sum()) + _num_sites(fragment)
    if heavy is not None and num_heavy > heavy[1]:
        return SizeError(f"{num_heavy} heavy atoms with one at each site; these weights know {heavy[0]} to {heavy[1]}")
    return None


def _num_sites(fragment: Fragment) -> int:
    """Heavy atoms that are sure to come."""
    return len(fragment.sites) if _one_piece(fragment) else 1


def _one_piece(fragment: Fragment) -> bool:
    return bool(fragment.sites) and not pieces(fragment.molecule).any()


def add_atoms(fragment: Fragment, added: int, *, blocks: Sequence[int] = ()) -> PartialMolecule:
    """With so many atoms more; that atoms which are not open get no other bonds is known, too.

    Args:
        fragment: what stays. Of one piece, each site is bonded to an added heavy atom of its own and to no other.
        added: atoms.
        blocks: how many of them each site gets; there are no bonds between those of two sites.

    Returns:
        What is known.
    """
    m, n = fragment.molecule, len(fragment.molecule)
    total = n + added
    given = np.arange(total) < n
    whole = padded(m, added)
    known = given[:, None] & given[None]
    if not _one_piece(fragment):
        shut = np.pad(~fragment.open, (0, added), constant_values=False)
        return PartialMolecule(whole, given, given, known | shut[:, None] | shut[None])
    sites = np.array(fragment.sites)
    firsts = n + (np.cumsum([0, *blocks[:-1]]) if blocks else np.arange(len(sites)))
    whole.bond[sites, firsts] = whole.bond[firsts, sites] = 1
    known |= given[:, None] | given[None]
    if blocks:
        owner = np.concatenate([np.full(n, -1), np.repeat(np.arange(len(blocks)), blocks)])
        known |= owner[:, None] != owner[None]
    heavy = np.isin(np.arange(total), firsts)
    return PartialMolecule(whole, given, given, known, heavy=heavy)
