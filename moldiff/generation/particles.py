"""Particles: several trajectories for each molecule, of which the better ones are kept."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from moldiff.chem.vocabulary import Vocabulary
from moldiff.conditions.condition import Condition, Value
from moldiff.conditions.labels import values_of
from moldiff.data.decoding import molecule_of
from moldiff.errors import ConfigError, MoleculeError
from moldiff.generation.rewards import Reward
from moldiff.sampling.resampling import ranked, survivors
from moldiff.state import Prediction, State


@dataclass(frozen=True)
class ParticleSampling:
    """Several particles for each molecule; after some steps copies of the better half replace the worse half.

    The reward of a particle is that of the molecule that the network predicts, at the end that of its own molecule; the
    best is the sample, valid or not. Rewards are only compared, so their scale does not matter.

    Attributes:
        reward: more is better. Molecules predicted early need not be sane.
        num_particles: for each molecule; they cost as many times more.
        every: steps from one comparison to the next.
        until: time of the coordinates, 1 noise to 0 data, below which particles are no longer compared.
        targets: labels of conditions that all molecules shall have, for their sizes and their records; NaN for none.
        values: further values that they shall have, for the records alone.
    """

    reward: Reward
    num_particles: int = 4
    every: int = 2
    until: float = 0.3
    targets: Sequence[tuple[Condition, float]] = ()
    values: Mapping[str, Value] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuses numbers that make no sense.

        Raises:
            ConfigError: if there are not two particles, no step between comparisons, or `until` is no time.
        """
        if not 0 <= self.until <= 1:
            raise ConfigError(f"until {self.until}: expected a time from 0 to 1")
        if self.num_particles < 2 or self.every < 1:
            raise ConfigError(f"num_particles {self.num_particles}: must be at least 2; every {self.every}: at least 1")

    @property
    def recorded(self) -> dict[str, Value]:
        """Values that all molecules shall have, by name, for their records."""
        return {**values_of([one for one, _ in self.targets], [label for _, label in self.targets]), **self.values}


@dataclass(frozen=True)
class Particles:
    """The particles of one batch, those of a molecule side by side.

    Attributes:
        sampling: how they compete.
        vocabulary: of their atom classes.
        indices: of the molecules.
        unfold: puts hydrogens into molecules where they are latent.
    """

    sampling: ParticleSampling
    vocabulary: Vocabulary
    indices: Sequence[int]
    unfold: Callable[[State], State]

    def rows(self, step: int, time: float, state: State, x0_hat: Prediction) -> Int[Tensor, "r"] | None:
        """See `moldiff.sampling.resampling.Select`; nothing is compared before the first `every` steps are done."""
        if step == 1 or (step - 1) % self.sampling.every or time < self.sampling.until:
            return None
        classes = {"atom": x0_hat.atom.argmax(-1), "bond": x0_hat.bond.argmax(-1) * state.pair_mask}
        seen = self.unfold(state.replace(pos=x0_hat.pos, latent=x0_hat.latent, **classes))
        rows = torch.arange(len(state.mask))
        places = survivors(self._rewards(seen))
        first = torch.arange(len(places))[:, None] * self.sampling.num_particles
        rows[: places.numel()] = (first + places).flatten()
        return rows

    def best(self, state: State) -> Int[Tensor, "k"]:
        """The row of the best particle of each molecule, at the end."""
        first = ranked(self._rewards(state))[:, 0]
        return first + torch.arange(len(first)) * self.sampling.num_particles

    def _rewards(self, state: State) -> Float[Tensor, "g k"]:
        particles, molecules, rows, state = self.sampling.num_particles, [], [], state.to("cpu")
        for row in range(len(self.indices) * particles):
            try:
                molecules.append(molecule_of(state, row, self.vocabulary))
                rows.append(row)
            except MoleculeError:  # only the coordinates can be at fault
                continue
        rewards = torch.full((len(self.indices) * particles,), torch.nan)
        given = np.asarray(
            self.sampling.reward(molecules, [self.indices[row // particles] for row in rows]), dtype=float
        )
        if given.shape != (len(rows),):
            raise ConfigError(f"the reward gave {given.shape} numbers for {len(rows)} molecules; expected one for each")
        rewards[rows] = torch.from_numpy(given).float()
        return rewards.view(-1, particles)
