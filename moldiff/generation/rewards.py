"""Rewards: what particles and sampled molecules are ranked by."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from moldiff.chem.descriptors import DESCRIPTORS, describe
from moldiff.chem.molecule import Molecule
from moldiff.pretrained.property_predictor import PropertyPredictor

Reward = Callable[[Sequence[Molecule], Sequence[int]], Sequence[float] | np.ndarray]
"""From molecules, and the index of the sample that each is for, to a number each; more is better, NaN is worst."""


@dataclass(frozen=True)
class PropertyReward:
    """Closeness of predicted properties to targets.

    Attributes:
        predictor: of the properties.
        targets: labels of the properties, of all samples or by their index; NaN for none.
    """

    predictor: PropertyPredictor
    targets: Sequence[float] | Mapping[int, Sequence[float]]

    def __call__(self, molecules: Sequence[Molecule], indices: Sequence[int]) -> Float[np.ndarray, "m"]:
        """Minus the sum of the distances, in standard deviations; NaN for a molecule with an unknown atom class."""
        labels = self.predictor.labels(molecules)
        rows = [self.targets[index] if isinstance(self.targets, Mapping) else self.targets for index in indices]
        wanted = np.array(rows).reshape(labels.shape)
        return -np.where(np.isnan(wanted), 0.0, np.abs(labels - wanted)).sum(1)


@dataclass(frozen=True)
class DescriptorReward:
    """Closeness of RDKit's descriptors to targets.

    Attributes:
        targets: values by their name in `moldiff.chem.descriptors.DESCRIPTORS`.
    """

    targets: Mapping[str, float]

    def __call__(self, molecules: Sequence[Molecule], indices: Sequence[int]) -> Float[np.ndarray, "m"]:
        """Minus the sum of the distances, in the spread of each descriptor; NaN where RDKit does not sanitise."""
        del indices
        spread = [DESCRIPTORS[name].spread for name in self.targets]
        return -np.abs((describe(list(self.targets), molecules) - [*self.targets.values()]) / spread).sum(1)


@dataclass(frozen=True)
class SumReward:
    """The sum of several rewards.

    Attributes:
        rewards: to add.
    """

    rewards: tuple[Reward, ...]

    def __call__(self, molecules: Sequence[Molecule], indices: Sequence[int]) -> Float[np.ndarray, "m"]:
        """The sum; NaN where one is."""
        return np.sum([np.asarray(reward(molecules, indices), dtype=float) for reward in self.rewards], axis=0)
