"""What makes one molecule better than another while several walks compete for its place."""

from collections.abc import Mapping, Sequence
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

"""From molecules, as far as they can be seen, and the index of the sample that each is for, to how good they are; NaN
is worst."""


@dataclass(frozen=True)
class ParticleSampling:
    """Several walks for each molecule; after some steps the worse half goes on from where the better half is.

    A walk is judged by the molecule that the network sees in it, in the end by the molecule that came of it; the best
    is the sample, valid or not. The scores are only compared, so their scale does not matter.

    Attributes:
        score: more is better. Molecules that are seen early in a walk need not be sane.
        num_particles: for each molecule; so many times the work.
        every: steps from one comparison to the next.
        until: time of the coordinates, 1 noise to 0 data, from which on walks go on to their ends on their own.
        asked: labels of conditions that the score wants all molecules to have, for their sizes and their records; NaN
            where nothing is asked.
        told: values that the score wants beside these, for the records alone.
    """

    score: Reward
    num_particles: int = 4
    every: int = 2
    until: float = 0.3
    asked: Sequence[tuple[Condition, float]] = ()
    told: Mapping[str, Value] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuses numbers that make no sense.

        Raises:
            ConfigError: if there are not two walks, no step between comparisons, or `until` is no time.
        """
        if not 0 <= self.until <= 1:
            raise ConfigError(f"until {self.until}: expected a time from 0 to 1")
        if self.num_particles < 2 or self.every < 1:
            raise ConfigError(
                f"num_walks {self.num_particles}: must be at least 2 to select among; every {self.every}: at least 1"
            )

    @property
    def wishes(self) -> dict[str, Value]:
        """What it wants all molecules to have, by name."""
        return {**values_of([one for one, _ in self.asked], [label for _, label in self.asked]), **self.told}


@dataclass(frozen=True)
class Particles:
    """The walks of one batch, those of a molecule side by side.

    Attributes:
        selection: how they compete.
        vocabulary: of their atom classes.
        indices: of the molecules.
    """

    selection: ParticleSampling
    vocabulary: Vocabulary
    indices: Sequence[int]

    def rows(self, step: int, time: float, state: State, x0_hat: Prediction) -> Int[Tensor, "r"] | None:
        """See `moldiff.sampling.resampling.Select`; nothing is compared before the first `every` steps are done."""
        if step == 1 or (step - 1) % self.selection.every or time < self.selection.until:
            return None
        seen = state.replace(pos=x0_hat.pos, atom=x0_hat.atom.argmax(-1), bond=x0_hat.bond.argmax(-1))
        rows = torch.arange(len(state.mask))
        places = survivors(self._scores(seen))
        first = torch.arange(len(places))[:, None] * self.selection.num_particles
        rows[: places.numel()] = (first + places).flatten()
        return rows

    def best(self, state: State) -> Int[Tensor, "k"]:
        """The row of the best walk of each molecule, by what came of it."""
        first = ranked(self._scores(state))[:, 0]
        return first + torch.arange(len(first)) * self.selection.num_particles

    def _scores(self, state: State) -> Float[Tensor, "g k"]:
        walks, molecules, rows, state = self.selection.num_particles, [], [], state.to("cpu")
        for row in range(len(self.indices) * walks):
            try:
                molecules.append(molecule_of(state, row, self.vocabulary))
                rows.append(row)
            except MoleculeError:  # only the coordinates can be at fault
                continue
        scores = torch.full((len(self.indices) * walks,), torch.nan)
        given = np.asarray(self.selection.score(molecules, [self.indices[row // walks] for row in rows]), dtype=float)
        if given.shape != (len(rows),):
            raise ConfigError(f"the score gave {given.shape} numbers for {len(rows)} molecules; expected one for each")
        scores[rows] = torch.from_numpy(given).float()
        return scores.view(-1, walks)
