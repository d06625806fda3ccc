"""How many of the added atoms each site gets, and whether it got them."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from moldiff.chem.fragments import pieces
from moldiff.chem.molecule import Failure
from moldiff.diffusion.random import sample_generator
from moldiff.generation.sample import Sample

SPLIT_STREAM = 1 << 20  # of random numbers; those below belong to the trajectories and sizes
Range = tuple[int, int]  # least and greatest


def split_atoms(
    site_sizes: Sequence[Range], added: int, seed: int, index: int, *, stream: int = SPLIT_STREAM
) -> tuple[int, ...]:
    """How many of the added atoms each site gets, one site after the other, what it may get equally likely."""
    if not site_sizes:
        return ()
    chance, shares = sample_generator(seed, index, stream=stream), list[int]()
    for number, (low, high) in enumerate(site_sizes, start=1):
        later = np.array(site_sizes[number:], dtype=np.int64).reshape(-1, 2).sum(0).tolist()
        left = added - sum(shares)
        least, most = max(low, left - later[1]), min(high, left - later[0])
        shares.append(least + int(torch.randint(most - least + 1, (), generator=chance)))
    return tuple(shares)


def split_heavy_atoms(
    site_sizes: Sequence[Range], added: int, num_heavy: int, seed: int, index: int
) -> tuple[int, ...]:
    """How many heavy atoms each site gets, for weights whose hydrogens are latent.

    Args:
        site_sizes: least and greatest number of atoms of each site, hydrogens included.
        added: atoms at all sites together.
        num_heavy: of these, as near as the sites allow: one heavy atom holds three hydrogens at most, and each site
            has one bond.
        seed: random seed.
        index: of the sample.

    Returns:
        A number for each site.
    """
    ranges = [(max(1, (atoms + 1) // 3), atoms) for atoms in split_atoms(site_sizes, added, seed, index)]
    low, high = np.array(ranges).sum(0).tolist()
    return split_atoms(ranges, min(max(num_heavy, low), high), seed, index, stream=SPLIT_STREAM + 1)


def match_site_sizes(sample: Sample, stay: int, sites: Sequence[int], site_sizes: Sequence[Range]) -> Sample:
    """The sample, failed if a site has another number of atoms than it was to have.

    Args:
        sample: whose first atoms are those that stay.
        stay: how many these are.
        sites: atoms of the sites.
        site_sizes: least and greatest number of atoms of each; none if any will do.

    Returns:
        The sample.
    """
    if not site_sizes or not sample.valid or sample.molecule is None:
        return sample
    bond = sample.molecule.bond.copy()
    bond[:stay, :stay] = bond[:stay, stay:] = bond[stay:, :stay] = 0
    owner = pieces(replace(sample.molecule, bond=bond))
    firsts, used = [], set[int]()
    for site in sites:  # each has a heavy atom of its own, in this order
        new = [i for i in np.flatnonzero(sample.molecule.bond[site, stay:]).tolist() if i not in used]
        firsts.append(new[0])
        used.add(new[0])
    for number, (first, (low, high)) in enumerate(zip(firsts, site_sizes, strict=True), start=1):
        size = int((owner[stay:] == owner[stay + first]).sum())
        if not low <= size <= high:
            wanted = f"{low}" if low == high else f"{low} to {high}"
            return replace(sample, result=Failure("changed", f"site {number} has {size} atoms, {wanted} are wanted"))
    return sample
