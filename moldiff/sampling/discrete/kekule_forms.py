"""Atom classes in aromatic rings, sampled together: such that the ring has a Kekulé form.

Whether a ring has one is no property of any atom. Of the nitrogens of an imidazole one has a hydrogen, and either may;
sampled one by one, every second draw gives two of them or none.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from moldiff.diffusion.categorical import draw
from moldiff.sampling.discrete.base import ElementwiseSolver
from moldiff.sampling.interval import Interval
from moldiff.sampling.valence_constraint import LEAST_LIKELY, SETTLING
from moldiff.state import BOND_CLASSES, Prediction, State

MOST_OPEN = 8  # atoms of a ring system between whose choices all combinations are tried; the surest others stay
AROMATIC = BOND_CLASSES  # class of a bond
SURE = 1e4  # logit

Table = Bool[np.ndarray, "k aromatic orders double"]


@dataclass(frozen=True)
class WithKekuleForms:
    """A solver of the classes for predictions with aromatic bonds.

    x0 is sampled from the prediction first. Where it has a system of aromatic bonds without a Kekulé form, the classes
    of its atoms are sampled again, given all bonds, from the prediction under the condition that there is one: as if x0
    had been rejected until it has. Where no choice helps that is likelier than `LEAST_LIKELY`, it stays as it is.

    Attributes:
        solver: goes on from x0.
        bonding: which bonds an atom of a class may have, as of `moldiff.chem.valence.bonding_table`.
    """

    solver: ElementwiseSolver
    bonding: Table

    def step(
        self, z_t: State, x0_hat: Prediction, interval: Interval, memory: object
    ) -> tuple[Int[Tensor, "b n"], Int[Tensor, "b n n"], object]:
        """See `DiscreteSolver.step`."""
        if float(interval.t.pos.max()) > SETTLING:
            return self.solver.step(z_t, x0_hat, interval, memory)
        n, generator = z_t.mask.shape[1], interval.generator
        probs = self.solver.probabilities(x0_hat.atom)
        atom = draw(probs, generator.uniform(n))
        bond = draw(self.solver.probabilities(x0_hat.bond), generator.uniform_pairs(n))
        atom = torch.where(interval.t.atom == 0, z_t.atom, atom)
        bond = torch.where(interval.t.bond == 0, z_t.bond, bond).masked_fill(~z_t.pair_mask, 0)
        columns = (probs, atom, bond, interval.t.atom > 0, generator.uniform(n))
        arrays = [column.cpu().numpy() for column in columns]
        chosen = [choose_classes(*(array[row] for array in arrays), bonding=self.bonding) for row in range(len(atom))]
        x0 = replace(
            x0_hat,
            atom=_certain(torch.from_numpy(np.stack(chosen)).to(atom.device), x0_hat.atom),
            bond=_certain(bond, x0_hat.bond),
        )
        return self.solver.step(z_t, x0, interval, memory)


def choose_classes(
    probs: Float[np.ndarray, "n k"],
    atom: Int[np.ndarray, "n"],
    bond: Int[np.ndarray, "n n"],
    free: Bool[np.ndarray, "n"],
    uniform: Float[np.ndarray, "n"],
    *,
    bonding: Table,
) -> Int[np.ndarray, "n"]:
    """Classes of the atoms of one molecule with a Kekulé form for each system of aromatic bonds.

    Args:
        probs: of the classes.
        atom: classes that were sampled.
        bond: classes of the bonds that were sampled.
        free: atoms whose class may change.
        uniform: a random number in [0, 1) for each atom.
        bonding: as of `WithKekuleForms`.

    Returns:
        The classes; those that were sampled where they have one, and where none is likely.
    """
    aromatic = bond == AROMATIC
    inside = np.flatnonzero(aromatic.any(1))
    if not len(inside):
        return atom
    aromatic = aromatic[np.ix_(inside, inside)]
    counts = np.minimum(aromatic.sum(1), bonding.shape[1] - 1)
    orders = np.minimum(np.where(bond == AROMATIC, 0, bond)[inside].sum(1), bonding.shape[2] - 1)
    may = bonding[:, counts, orders]  # [k m double]
    now = may[atom[inside], np.arange(len(inside))]
    adjacency = tuple(_bits(row) for row in aromatic)
    chosen = atom.copy()
    for system in _systems(adjacency):
        places = [place for place in range(len(inside)) if system >> place & 1]
        if now[places].any(1).all() and has_perfect_matching(adjacency, _bits(now[:, 1]) & system):
            continue
        atoms = inside[places]
        p = np.where(free[atoms, None], probs[atoms], np.eye(len(bonding))[atom[atoms]])
        weights = p[:, :, None] * may[:, places].transpose(1, 0, 2)  # [m k double]
        double = _choose_double(weights.sum(1), places, adjacency, float(uniform[atoms[0]]))
        if double is None:
            continue
        for row, place, one in zip(weights, places, atoms, strict=True):
            pick = double >> place & 1
            if not now[place, pick]:
                cumulative = row[:, pick].cumsum()
                chosen[one] = min(int((uniform[one] * cumulative[-1] >= cumulative).sum()), len(row) - 1)
    return chosen


def _systems(adjacency: tuple[int, ...]) -> Iterator[int]:
    """Connected atoms, as bits."""
    left = (1 << len(adjacency)) - 1
    while left:
        system, new = 0, left & -left
        while new:
            system |= new
            reached = 0
            while new:
                reached |= adjacency[(new & -new).bit_length() - 1]
                new &= new - 1
            new = reached & ~system
        yield system
        left &= ~system


def _choose_double(
    weights: Float[np.ndarray, "m double"], places: list[int], adjacency: tuple[int, ...], uniform: float
) -> int | None:
    """Atoms of a system that get a double bond in it, as bits: by probability, and so that they go in pairs."""
    total = weights.sum(1)
    if (total < LEAST_LIKELY).any():
        return None
    share = weights / total[:, None]
    least = share.min(1)
    order = sorted(range(len(places)), key=lambda one: -least[one])
    options = [(1.0, 0)]
    for number, one in enumerate(order):
        both = number < MOST_OPEN and least[one] > LEAST_LIKELY
        picks = (0, 1) if both else (int(share[one, 1] > 0.5),)
        options = [
            (likely * float(share[one, pick]), bits | pick << places[one]) for likely, bits in options for pick in picks
        ]
    options = [(likely, bits) for likely, bits in options if likely > LEAST_LIKELY]
    possible = [(likely, bits) for likely, bits in options if has_perfect_matching(adjacency, bits)]
    if not possible:
        return None
    cumulative = np.cumsum([likely for likely, _ in possible])
    return possible[min(int((uniform * cumulative[-1] >= cumulative).sum()), len(possible) - 1)][1]


def _bits(flags: Bool[np.ndarray, "m"]) -> int:
    return int.from_bytes(np.packbits(flags, bitorder="little").tobytes(), "little")


@lru_cache(maxsize=100_000)
def has_perfect_matching(adjacency: tuple[int, ...], atoms: int) -> bool:
    """Whether these atoms can be paired with neighbours, each in one pair.

    Args:
        adjacency: neighbours of each atom, as bits.
        atoms: as bits.

    Returns:
        The truth; of no atoms it is true.
    """
    if not atoms:
        return True
    first = (atoms & -atoms).bit_length() - 1
    rest = atoms & ~(1 << first)
    partners = adjacency[first] & rest
    while partners:
        partner = partners & -partners
        if has_perfect_matching(adjacency, rest & ~partner):
            return True
        partners &= ~partner
    return False


def _certain(classes: Int[Tensor, "*e"], logits: Float[Tensor, "*e k"]) -> Float[Tensor, "*e k"]:
    return torch.nn.functional.one_hot(classes, logits.shape[-1]).to(torch.float32) * SURE
