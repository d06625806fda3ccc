"""How many atoms a molecule gets, of weights with latent hydrogens how many heavy atoms."""

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int

from moldiff.chem.molecule import MAX_ATOMS
from moldiff.conditions.condition import Condition
from moldiff.diffusion.random import sample_generator
from moldiff.errors import SizeError


def size_weights(
    conditions: Sequence[Condition], labels: Sequence[float], sizes: Mapping[int, int]
) -> Mapping[int, float]:
    """How often each number of atoms comes with these labels, as if the conditions were independent given it."""
    given = [(c, label) for c, label in zip(conditions, labels, strict=True) if not math.isnan(label)]
    likely = {n: count * math.prod(c.likelihood(label, n) for c, label in given) for n, count in sizes.items()}
    return likely if given and sum(likely.values()) > 0 else {n: float(count) for n, count in sizes.items()}


NumAtoms = int | tuple[int, int] | None


@dataclass(frozen=True, eq=False)
class Sizes:
    """Numbers of atoms to choose from, and how often each."""

    values: Int[np.ndarray, "s"]
    cumulative: Float[np.ndarray, "s"]

    @classmethod
    def of(
        cls,
        counts: Mapping[int, float | int],
        num_atoms: NumAtoms,
        *,
        num_heavy_atoms: NumAtoms = None,
        folded: bool = False,
        allow_extrapolation: bool,
    ) -> "Sizes":
        """The data's histogram within the bounds; even where it has nothing there, or beyond the trained range.

        Args:
            counts: how often each size comes in the data.
            num_atoms: bounds, hydrogens included.
            num_heavy_atoms: bounds of weights with latent hydrogens.
            folded: the weights have latent hydrogens, and sizes are numbers of heavy atoms.
            allow_extrapolation: accept sizes beyond the trained range.

        Returns:
            The sizes.

        Raises:
            SizeError: if the bounds make no sense, or are not those that the weights have.
        """
        name, asked, other = ("num_atoms", num_atoms, num_heavy_atoms)
        if folded:
            name, asked, other = ("num_heavy_atoms", num_heavy_atoms, num_atoms)
        if other is not None:
            raise SizeError(
                f"num_atoms {other}: these weights sample heavy atoms, whose hydrogens follow; give num_heavy_atoms"
                if folded
                else f"num_heavy_atoms {other}: these weights sample all atoms; give num_atoms, hydrogens included"
            )
        least, greatest = min(counts), max(counts)
        bounds = np.array((least, greatest) if asked is None else asked)
        if bounds.shape not in ((), (2,)) or bounds.dtype.kind not in "iu":
            raise SizeError(f"{name} {asked!r}: expected one size, such as 18, or (least, greatest)")
        low, high = np.broadcast_to(bounds, 2).tolist()
        request = f"{name} {low}" if low == high else f"{name} {low}-{high}"
        if not 1 <= low <= high <= MAX_ATOMS:
            raise SizeError(f"{request}: expected one size or least-greatest, within 1 to {MAX_ATOMS}")
        beyond = low < least or high > greatest
        if beyond:
            beyond_data = f"{request}: the weights were trained on {least} to {greatest} atoms"
            if not allow_extrapolation:
                raise SizeError(f"{beyond_data}; stay within, or allow extrapolation and expect fewer valid molecules")
            warnings.warn(f"{beyond_data}; expect fewer valid molecules beyond", stacklevel=3)
        values = np.arange(low, high + 1)
        weights = np.array([counts.get(int(value), 0) for value in values], dtype=np.float64)
        if beyond or not weights.any():
            weights = np.ones(len(values))
        return cls(values, np.cumsum(weights / weights.sum()))

    def draw(self, seed: int, index: int) -> int:
        """The size of one molecule, from a stream of its own."""
        uniform = torch.rand((), dtype=torch.float64, generator=sample_generator(seed, index, stream=1))
        place = np.searchsorted(self.cumulative, float(uniform), side="right")
        return int(self.values[min(int(place), len(self.values) - 1)])
