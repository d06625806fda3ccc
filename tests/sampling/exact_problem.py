"""An exactly solvable problem: five tiny molecules with weights, and the denoiser that Bayes' rule gives for them.

The denoiser returns the posterior mean of the coordinates and the posterior marginals of the classes. Steps draw the
elements independently, so with finite steps sampling is exact only up to terms that vanish with the step; the
tolerances below allow for that, and the planted faults lie outside of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from moldiff.diffusion.categorical import CategoricalProcess, PriorName, stationary
from moldiff.diffusion.gaussian import GaussianProcess
from moldiff.diffusion.joint import JointProcess, project
from moldiff.diffusion.random import BatchRandomness, sample_generator
from moldiff.diffusion.schedule import Schedule
from moldiff.sampling.continuous.base import ContinuousSolver
from moldiff.sampling.inpainting import KnownValues
from moldiff.sampling.interval import Interval
from moldiff.state import Prediction, State, Times

ATOM_CLASSES, BOND_CLASSES, SLOTS = 3, 4, 4
# atoms; bonds (first, second, order); coordinates in Å; weight among the molecules of the size.
# Of the three-atom molecules the first two share coordinates, the first and the last share atoms and bonds.
BENT = [[0.0, 0.0, 0.0], [1.2, 0.3, 0.0], [0.1, 1.3, 0.4]]
STRETCHED = [[0.0, 0.0, 0.0], [1.3, 0.0, 0.0], [2.1, -1.0, 0.3]]
MOLECULES = [
    ([0, 1, 2], [(0, 1, 1), (1, 2, 2)], BENT, 0.5),
    ([1, 0, 2], [(0, 1, 3)], BENT, 0.3),
    ([0, 1, 2], [(0, 1, 1), (1, 2, 2)], STRETCHED, 0.2),
    ([1, 1, 0, 0], [(0, 1, 2), (1, 2, 1), (1, 3, 1)], [*BENT, [-1.0, 0.2, 0.9]], 0.65),
    ([2, 1, 1, 0], [(0, 1, 1), (1, 2, 1), (2, 3, 1)], [*STRETCHED, [3.0, 0.0, 1.0]], 0.35),
]


@dataclass(frozen=True)
class Problem:
    """The molecules as a batch, their weights, and a process for them."""

    data: State
    weights: Tensor
    process: JointProcess

    @classmethod
    def of(cls, pos: Schedule, classes: Schedule, prior: PriorName, *, latent_width: int = 0) -> "Problem":
        count = len(MOLECULES)
        sizes = torch.tensor([len(atoms) for atoms, *_ in MOLECULES])
        mask = torch.arange(SLOTS) < sizes[:, None]
        state = State(
            torch.zeros(count, SLOTS, 3),
            torch.zeros(count, SLOTS, dtype=torch.long),
            torch.zeros(count, SLOTS, SLOTS, dtype=torch.long),
            mask,
        )
        for k, (atoms, bonds, coordinates, _) in enumerate(MOLECULES):
            state.pos[k, : len(atoms)] = torch.tensor(coordinates)
            state.atom[k, : len(atoms)] = torch.tensor(atoms)
            for first, second, order in bonds:
                state.bond[k, first, second] = state.bond[k, second, first] = order
        data = state.replace(pos=project(state.pos, mask, torch.ones(count, dtype=torch.bool)))
        scale = float(data.pos[mask].square().mean().sqrt())
        drawn = torch.randn(count, SLOTS, latent_width, generator=torch.Generator().manual_seed(7))
        data = data.replace(latent=drawn * mask[..., None])
        process = JointProcess(
            GaussianProcess(pos, scale),
            CategoricalProcess(classes, stationary(prior, torch.tensor([0.3, 0.5, 0.2])), ATOM_CLASSES),
            CategoricalProcess(classes, stationary(prior, torch.tensor([0.6, 0.2, 0.15, 0.05])), BOND_CLASSES),
            GaussianProcess(pos, 0.8),
            latent_width,
        )
        return cls(data, torch.tensor([weight for *_, weight in MOLECULES]), process)

    def sizes_only(self, molecules: Sequence[int]) -> KnownValues:
        """Nothing known but the sizes of these molecules."""
        return KnownValues.nothing(self.data.mask[torch.as_tensor(molecules)], self.process.latent_width)

    def nearest(self, state: State) -> Tensor:
        """Number of the molecule that each sample is, to 0.02 Å; the number of molecules where it is none."""
        values, data = (torch.cat([of.pos, of.latent], -1) for of in (state, self.data))
        shift = (values[:, None] - data).abs().amax((2, 3))
        same = (state.atom[:, None] == self.data.atom).all(2) & (state.bond[:, None] == self.data.bond).all((2, 3))
        hit = (shift < 0.02) & same & (state.mask[:, None] == self.data.mask).all(2)
        return torch.where(hit.any(1), hit.int().argmax(1), len(self.weights))


class ExactDenoiser:
    """Bayes' rule over the molecules under the joint process, with a time for every element."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem

    def posterior(self, state: State, t: Times) -> Tensor:
        """Probability of each molecule, `[b molecules]`."""
        data, process = self.problem.data, self.problem.process
        logs = self.problem.weights.double().log() - self._squares(process.pos, state.pos, data.pos, t.pos) / 2
        logs = logs - self._squares(process.latent, state.latent, data.latent, t.latent) / 2
        logs = logs + self._logs(process.atom, state.atom, data.atom, t.atom, data.mask)
        i, j = torch.triu_indices(SLOTS, SLOTS, 1)
        pairs = (values[:, i, j] for values in (state.bond, data.bond, t.bond, data.pair_mask))
        logs = logs + self._logs(process.bond, *pairs)
        fits = (state.mask[:, None] == data.mask).all(2)
        return logs.masked_fill(~fits, -torch.inf).softmax(1)

    def __call__(self, state: State, t: Times, previous: Prediction | None = None) -> Prediction:
        data, weight = self.problem.data, self.posterior(state, t)
        one_hot = torch.nn.functional.one_hot
        clean = (data.pos, one_hot(data.atom, ATOM_CLASSES), one_hot(data.bond, BOND_CLASSES), data.latent)
        pos, atom, bond, latent = (torch.einsum("bk,k...->b...", weight, x.double()) for x in clean)
        logits = (probs.clamp_min(1e-30).log().float() for probs in (atom, bond))
        return Prediction(pos.float(), *logits, latent.float())

    @staticmethod
    def _squares(process: GaussianProcess, z_t: Tensor, data: Tensor, t: Tensor) -> Tensor:
        """Squared distances from the scaled data in standard deviations."""
        alpha, sigma = process.schedule.alpha(t.double()), process.schedule.sigma(t.double())
        shift = z_t[:, None].double() - alpha[:, None, :, None] * data
        return (shift / (process.scale * sigma).clamp_min(1e-4)[:, None, :, None]).square().sum((2, 3))

    @staticmethod
    def _logs(process: CategoricalProcess, classes: Tensor, data: Tensor, t: Tensor, counted: Tensor) -> Tensor:
        keep = process.schedule.keep(t.double())[:, None]
        same = (classes[:, None] == data).double()
        probs = keep * same + (1 - keep) * process.noise_distribution.double()[classes][:, None]
        return (probs.clamp_min(1e-30).log() * counted).sum(2)


def copies(data: State, row: int, count: int) -> State:
    """One molecule of a batch, many times."""
    four = (data.pos, data.atom, data.bond, data.mask)
    pos, atom, bond, mask, latent = (
        values[row : row + 1].repeat(count, *[1] * (values.ndim - 1)) for values in (*four, data.latent)
    )
    return State(pos, atom, bond, mask, latent=latent)


def step_pos(solver: ContinuousSolver, z_t: State, x0_hat: Prediction, interval: Interval, memory: object):
    """A step of the coordinates."""
    return solver.step(z_t.pos, x0_hat.pos, interval.of_pos(z_t), memory)


def batch(count: int, seed: int = 0) -> BatchRandomness:
    """Randomness for so many molecules."""
    return BatchRandomness(sample_generator(seed, 0), count)
