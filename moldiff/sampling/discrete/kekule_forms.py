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

from moldiff.chem.molecule import AROMATIC
from moldiff.diffusion.categorical import draw
from moldiff.sampling.discrete.posterior import MixturePosterior
from moldiff.sampling.inpainting import with_known
from moldiff.sampling.interval import Interval
from moldiff.sampling.valence_constraint import LEAST_LIKELY, is_late
from moldiff.state import Prediction, State

MOST_OPEN = 8  # atoms of a system whose choices are combined in all ways; each of the others takes the likelier
SURE = 1e4  # logit

Table = Bool[np.ndarray, "k aromatic orders double"]


@dataclass(frozen=True, eq=False)
class WithKekuleForms:
    """A solver of the classes for predictions with aromatic bonds.

    x0 is sampled from the prediction first. Where it has a system of aromatic bonds without a Kekulé form, the classes
    of its atoms are sampled again, given all bonds, from the prediction under the condition that there is one: as if x0
    had been rejected until it has. Where no choice that is at least `LEAST_LIKELY` times as likely as the likeliest
    helps, x0 stays as it is.

    On a GPU the rings are settled on the CPU, molecule by molecule.

    Attributes:
        solver: goes on from x0.
        bonding: which bonds an atom of a class may have, as of `moldiff.chem.valence.bonding_table`.
        start: time, as of `moldiff.sampling.valence_constraint.is_late`.
    """

    solver: MixturePosterior
    bonding: Table
    start: float

    def step(
        self, z_t: State, x0_hat: Prediction, interval: Interval, memory: object
    ) -> tuple[Int[Tensor, "b n"], Int[Tensor, "b n n"], object]:
        """See `DiscreteSolver.step`."""
        (n, generator), t = (z_t.mask.shape[1], interval.generator), interval.t
        probs = with_known(self.solver.probabilities(x0_hat.atom), z_t.atom, t.atom == 0)
        atom = draw(probs, generator.uniform(n))
        bond = draw(self.solver.probabilities(x0_hat.bond), generator.uniform_pairs(n))
        bond = torch.where(t.bond == 0, z_t.bond, bond).masked_fill(~z_t.pair_mask, 0)
        columns = (probs.double(), atom, bond, generator.uniform(n), generator.uniform(n))
        to_settle = (is_late(t, self.start) & (bond == AROMATIC).flatten(1).any(1)).nonzero()[:, 0]
        arrays = [column[to_settle].cpu().numpy() for column in columns]
        for place, row in enumerate(to_settle.tolist()):
            chosen = choose_classes(*(array[place] for array in arrays), bonding=self.bonding)
            atom[row] = torch.from_numpy(chosen).to(atom.device)
        x0 = replace(x0_hat, atom=_certain(atom, x0_hat.atom), bond=_certain(bond, x0_hat.bond))
        return self.solver.step(z_t, x0, interval, memory)


def choose_classes(
    probs: Float[np.ndarray, "n k"],
    atom: Int[np.ndarray, "n"],
    bond: Int[np.ndarray, "n n"],
    of_system: Float[np.ndarray, "n"],
    of_atom: Float[np.ndarray, "n"],
    *,
    bonding: Table,
) -> Int[np.ndarray, "n"]:
    """Classes of the atoms of one molecule with a Kekulé form for each system of aromatic bonds.

    Args:
        probs: of the classes; an atom whose class is known is certain of it.
        atom: classes that were sampled.
        bond: classes of the bonds that were sampled.
        of_system: a random number in [0, 1) for each atom; the first of a system chooses its double bonds.
        of_atom: another one, for the class.
        bonding: as of `WithKekuleForms`.

    Returns:
        The classes; those that were sampled where they have one, and where none is likely.
    """
    aromatic = bond == AROMATIC
    inside = np.flatnonzero(aromatic.any(1))
    if not len(inside):
        return atom
    aromatic = aromatic[np.ix_(inside, inside)]
    counts, orders = aromatic.sum(1), np.where(bond == AROMATIC, 0, bond)[inside].sum(1)
    known = (counts < bonding.shape[1]) & (orders < bonding.shape[2])
    allowed = bonding[:, np.where(known, counts, 0), np.where(known, orders, 0)] & known[:, None]  # [k m double]
    fits = allowed[atom[inside], np.arange(len(inside))]
    adjacency = tuple(_bits(row) for row in aromatic)
    chosen = atom.copy()
    for system in _systems(adjacency):
        places = [place for place in range(len(inside)) if system >> place & 1]
        if fits[places].any(1).all() and has_perfect_matching(adjacency, _bits(fits[:, 1]) & system):
            continue
        atoms = inside[places]
        weights = probs[atoms, :, None] * allowed[:, places].transpose(1, 0, 2)  # [m k double]
        double = _choose_double(weights.sum(1), places, adjacency, float(of_system[atoms[0]]))
        if double is None:
            continue
        for row, place, one in zip(weights, places, atoms, strict=True):
            pick = double >> place & 1
            if not fits[place, pick]:
                chosen[one] = _draw_one(row[:, pick], float(of_atom[one]))
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
    least_likely = LEAST_LIKELY * max(likely for likely, _ in options)
    options = [(likely, bits) for likely, bits in options if likely > least_likely]
    possible = [(likely, bits) for likely, bits in options if has_perfect_matching(adjacency, bits)]
    if not possible:
        return None
    return possible[_draw_one(np.array([likely for likely, _ in possible]), uniform)][1]


def _draw_one(weights: Float[np.ndarray, "m"], uniform: float) -> int:
    return int(draw(torch.from_numpy(weights), torch.tensor(uniform, dtype=torch.float64)))


def _bits(flags: Bool[np.ndarray, "m"]) -> int:
    return int.from_bytes(np.packbits(flags, bitorder="little").tobytes(), "little")


@lru_cache(maxsize=10_000)
def has_perfect_matching(adjacency: tuple[int, ...], atoms: int) -> bool:
    """Whether these atoms can be paired with neighbours, each in one pair.

    Args:
        adjacency: neighbours of each atom, as bits.
        atoms: as bits.

    Returns:
        The truth; of no atoms it is true.
    """
    if not atoms or atoms.bit_count() % 2:
        return not atoms
    neighbours = {one: adjacency[one] & atoms for one in range(len(adjacency)) if atoms >> one & 1}
    first = min(neighbours, key=lambda one: neighbours[one].bit_count())  # the least choice first
    return any(
        has_perfect_matching(adjacency, atoms & ~(1 << first | 1 << other))
        for other in range(len(adjacency))
        if neighbours[first] >> other & 1
    )


def _certain(classes: Int[Tensor, "*e"], logits: Float[Tensor, "*e k"]) -> Float[Tensor, "*e k"]:
    return torch.nn.functional.one_hot(classes, logits.shape[-1]).to(torch.float32) * SURE
