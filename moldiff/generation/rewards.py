"""Rewards: what particles and sampled molecules are ranked by."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from moldiff.chem.descriptors import DESCRIPTORS, describe
from moldiff.chem.molecule import Molecule
from moldiff.pretrained.property_predictor import PropertyPredictor


@dataclass(frozen=True)
class PropertyReward:
    """How near the predicted properties of molecules are to what is wanted; a score of `moldiff.generation.particles`.

    Attributes:
        predictor: of the properties.
        wanted: labels of the targets, of all samples alike or by their index; NaN is free.
    """

    predictor: PropertyPredictor
    wanted: Sequence[float] | Mapping[int, Sequence[float]]

    def __call__(self, molecules: Sequence[Molecule], indices: Sequence[int]) -> Float[np.ndarray, "m"]:
        """Minus the sum of the distances, in standard deviations; NaN for a molecule with an unknown atom class."""
        labels = self.predictor.labels(molecules)
        rows = [self.wanted[index] if isinstance(self.wanted, Mapping) else self.wanted for index in indices]
        wanted = np.array(rows).reshape(labels.shape)
        return -np.where(np.isnan(wanted), 0.0, np.abs(labels - wanted)).sum(1)


Reward = Callable[[Sequence[Molecule], Sequence[int]], Sequence[float] | np.ndarray]


@dataclass(frozen=True)
class DescriptorReward:
    """How near RDKit's descriptors of molecules are to what is wanted.

    Attributes:
        wanted: values by their name in `moldiff.chem.descriptors.DESCRIPTORS`.
    """

    wanted: Mapping[str, float]

    def __call__(self, molecules: Sequence[Molecule], indices: Sequence[int]) -> Float[np.ndarray, "m"]:
        """Minus the sum of the distances, in the spread of each descriptor; NaN where RDKit does not sanitise."""
        del indices
        spread = [DESCRIPTORS[name].spread for name in self.wanted]
        return -np.abs((describe(list(self.wanted), molecules) - [*self.wanted.values()]) / spread).sum(1)


@dataclass(frozen=True)
class SumReward:
    """Several scores in one, each as it is.

    Attributes:
        scores: to add.
    """

    scores: tuple[Reward, ...]

    def __call__(self, molecules: Sequence[Molecule], indices: Sequence[int]) -> Float[np.ndarray, "m"]:
        """The sum; NaN where one is."""
        return np.sum([np.asarray(score(molecules, indices), dtype=float) for score in self.scores], axis=0)
