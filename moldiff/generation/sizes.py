"""How many atoms a molecule gets, and how many hydrogens where they are latent."""

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from moldiff.chem.molecule import MAX_ATOMS
from moldiff.conditions.condition import Condition
from moldiff.diffusion.random import sample_generator
from moldiff.errors import SizeError
from moldiff.state import NOT_GIVEN


def size_weights(
    conditions: Sequence[Condition], labels: Sequence[float], sizes: Mapping[int, int]
) -> Mapping[int, float]:
    """How often each number of atoms comes with these labels, as if the conditions were independent given it."""
    given = [(c, label) for c, label in zip(conditions, labels, strict=True) if not math.isnan(label)]
    likely = {n: count * math.prod(c.likelihood(label, n) for c, label in given) for n, count in sizes.items()}
    return likely if given and sum(likely.values()) > 0 else {n: float(count) for n, count in sizes.items()}


NumAtoms = int | tuple[int, int] | None


class Size(NamedTuple):
    """Of one molecule.

    Attributes:
        num_atoms: without the hydrogens that are folded into them.
        num_hydrogens: those; -1 where their number is not given.
    """

    num_atoms: int
    num_hydrogens: int = NOT_GIVEN


def hydrogens_of(sizes: Sequence[Size]) -> Int[Tensor, "b"]:
    """Numbers of hydrogens, as of `State.num_hydrogens`."""
    return torch.tensor([size.num_hydrogens for size in sizes])


@dataclass(frozen=True, eq=False)
class Sizes:
    """Sizes to choose from, and how often each.

    Attributes:
        values: the sizes.
        cumulative: share of the molecules up to each.
    """

    values: Sequence[Size]
    cumulative: Float[np.ndarray, "s"]

    @classmethod
    def of(
        cls,
        counts: Mapping[int, float | int],
        num_atoms: NumAtoms,
        *,
        num_heavy_atoms: NumAtoms = None,
        num_hydrogens: Mapping[int, Mapping[int, int]] = MappingProxyType({}),
        allow_extrapolation: bool,
    ) -> "Sizes":
        """Those of the data within the bounds; even ones where it has nothing there, or beyond the trained range.

        Args:
            counts: how often each number of atoms, without those that are folded, comes in the data.
            num_atoms: bounds, hydrogens included.
            num_heavy_atoms: bounds of weights with latent hydrogens.
            num_hydrogens: for each of these numbers how often each number of folded hydrogens comes with it.
            allow_extrapolation: accept sizes beyond the trained range.

        Returns:
            The sizes.

        Raises:
            SizeError: if the bounds make no sense, or are not those that the weights have.
        """
        if num_heavy_atoms is not None and not num_hydrogens:
            raise SizeError(
                f"num_heavy_atoms {num_heavy_atoms}: these weights sample all atoms; give num_atoms, hydrogens included"
            )
        weight = {Size(n): float(count) for n, count in counts.items()}
        if num_hydrogens:
            weight = {
                Size(n, hydrogens): counts.get(n, 0) * often / sum(of.values())
                for n, of in num_hydrogens.items()
                for hydrogens, often in of.items()
            }
        own = _bounds("num_heavy_atoms", num_heavy_atoms, [size.num_atoms for size in weight], allow_extrapolation)
        whole = _bounds("num_atoms", num_atoms, [_whole(size) for size in weight], allow_extrapolation)
        there = {
            size: often
            for size, often in weight.items()
            if size.num_atoms in own.range and _whole(size) in whole.range and often > 0
        }
        if not there or own.beyond or whole.beyond:
            if own.given and whole.given:
                raise SizeError(
                    f"num_atoms {num_atoms} with num_heavy_atoms {num_heavy_atoms}: the data has none; give one of them"
                )
            there = dict.fromkeys(_even(own, whole, weight), 1.0)
        return cls.as_often_as(there)

    @classmethod
    def as_often_as(cls, counts: Mapping[Size, float | int]) -> "Sizes":
        """Each as often as it counts."""
        values = sorted(counts)
        weights = np.array([counts[size] for size in values], dtype=np.float64)
        return cls(values, np.cumsum(weights / weights.sum()))

    def draw(self, seed: int, index: int) -> Size:
        """The size of one molecule, from a stream of its own."""
        uniform = torch.rand((), dtype=torch.float64, generator=sample_generator(seed, index, stream=1))
        place = np.searchsorted(self.cumulative, float(uniform), side="right")
        return self.values[min(int(place), len(self.values) - 1)]


class _Bounds(NamedTuple):
    range: range
    beyond: bool  # the trained range
    given: bool


def _bounds(name: str, asked: Any, known: Sequence[int], allow_extrapolation: bool) -> _Bounds:
    """What was asked for, or the trained range; a SizeError if that makes no sense."""
    least, greatest = min(known), max(known)
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
        warnings.warn(f"{beyond_data}; expect fewer valid molecules beyond", stacklevel=4)
    return _Bounds(range(low, high + 1), beyond, asked is not None)


def _whole(size: Size) -> int:
    """All atoms."""
    return size.num_atoms + max(size.num_hydrogens, 0)


def _even(own: _Bounds, whole: _Bounds, known: Mapping[Size, float]) -> list[Size]:
    """Sizes within the bounds that the data does not have, with a share of folded hydrogens as it has on average."""
    if not whole.given:
        return [Size(n) for n in own.range]
    heavy, atoms = (sum(of(size) * often for size, often in known.items()) for of in (itemgetter(0), _whole))
    if heavy == atoms:
        return [Size(n) for n in whole.range]
    parts = [max(1, round(n * heavy / atoms)) for n in whole.range]
    return [Size(part, n - part) for part, n in zip(parts, whole.range, strict=True)]
