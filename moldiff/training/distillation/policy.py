"""A trajectory as a chain of decisions: how likely each was, and which ones the reward is due to.

With few NFE every element of a step is sampled from a distribution of its own, so they need not fit together:
a teacher is right about each element and wrong about the molecule. The gradient of the expected reward says which of
them to make likelier, whole trajectories at a time (Williams 1992; Black et al. 2023, arXiv:2305.13301, for
diffusion).
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from moldiff.diffusion.denoiser import Denoiser
from moldiff.diffusion.joint import JointProcess
from moldiff.diffusion.random import Randomness
from moldiff.sampling.continuous.dpm_solver import DpmSolver
from moldiff.sampling.discrete.posterior import MixturePosterior
from moldiff.sampling.inpainting import KnownValues
from moldiff.sampling.interval import ContinuousInterval
from moldiff.sampling.sampler import Solvers, sample_trajectory
from moldiff.state import Prediction, State, TimeExponents, Times

LEAST_STD = 0.02  # Å: a coordinate that is drawn more narrowly was no decision


@dataclass(frozen=True, eq=False)
class Decision:
    """One step of a trajectory.

    Attributes:
        state: where it began.
        t: times of `state`.
        previous: prediction that the denoiser was given.
        memory: what the solver of the coordinates remembered.
        memory_latent: what the solver of the latents remembered.
        chosen: where it led.
        s: times of `chosen`.
    """

    state: State
    t: Times
    previous: Prediction | None
    memory: object
    memory_latent: object
    chosen: State
    s: Times


@dataclass(frozen=True)
class Policy:
    """The distribution of trajectories, as far as it does not depend on the network.

    Attributes:
        process: the joint process.
        pos: draws the coordinates.
        latent: draws the latents.
        classes: draws atom and bond classes.
        grid: times of sampling.
        time_exponents: of the classes over the coordinates.
    """

    process: JointProcess
    pos: DpmSolver
    latent: DpmSolver
    classes: MixturePosterior
    grid: Float[Tensor, "steps"]
    time_exponents: TimeExponents

    def sample_trajectory(
        self, denoiser: Denoiser, known: KnownValues, *, generator: Randomness
    ) -> tuple[State, list[Decision]]:
        """Molecules of these sizes, and the decisions that led to them, without gradient."""
        calls: list[tuple[State, Times, Prediction | None]] = []

        def record_call(state: State, t: Times, previous: Prediction | None = None) -> Prediction:
            calls.append((state, t, previous))
            return denoiser(state, t, previous)

        solvers = Solvers(self.pos, self.classes, self.latent)
        end = sample_trajectory(
            self.process,
            record_call,
            solvers,
            self.grid,
            known,
            generator=generator,
            time_exponents=self.time_exponents,
        )
        follows = [*((state, t) for state, t, _ in calls[1:]), (end, known.times(0.0, self.time_exponents))]
        befores = [None, *(t for _, t, _ in calls)]
        decisions = []
        for (state, t, previous), (chosen, s), before in zip(calls, follows, befores, strict=False):
            memory = memory_latent = None
            if previous is not None and before is not None:
                memory, memory_latent = (previous.pos, before.pos), (previous.latent, before.latent)
            decisions.append(Decision(state, t, previous, memory, memory_latent, chosen, s))
        return end, decisions

    def log_probability(
        self, decision: Decision, x0_hat: Prediction
    ) -> tuple[Float[Tensor, "b n"], Float[Tensor, "b n"], Float[Tensor, "b n n"]]:
        """Of the coordinates with the latent, the atom class and the bonds that each atom got, up to a constant.

        Args:
            decision: of a trajectory.
            x0_hat: prediction for its state, with the gradient that is wanted.

        Returns:
            Logarithms; 0 where nothing was drawn.
        """
        d = decision
        continuous = torch.zeros_like(d.t.pos)
        for solver, process, z_t, x0, t, s, chosen, memory in (
            (self.pos, self.process.pos, d.state.pos, x0_hat.pos, d.t.pos, d.s.pos, d.chosen.pos, d.memory),
            (
                *(self.latent, self.process.latent, d.state.latent, x0_hat.latent),
                *(d.t.latent, d.s.latent, d.chosen.latent, d.memory_latent),
            ),
        ):
            interval = ContinuousInterval(process, t, s, lambda z_t=z_t: torch.zeros_like(z_t))
            mean, std = solver.law(z_t, x0, interval, memory)
            square = ((chosen - mean) * d.state.mask[..., None]).square().sum(-1)
            likely = -square / (2 * std.clamp_min(LEAST_STD).square())
            continuous = continuous + torch.where(std > LEAST_STD, likely, 0.0)
        atom, bond = self.classes.law(self.process, d.state, x0_hat, d.t, d.s)
        return continuous, _log_of(atom, d.chosen.atom), _log_of(bond, d.chosen.bond)

    def distance(self, decision: Decision, x0_hat: Prediction, other: Prediction) -> Float[Tensor, ""]:
        """Mean square distance of two predictions of coordinates and latents, in the expected errors of the best
        linear estimates.

        Args:
            decision: of a trajectory.
            x0_hat: prediction for its state.
            other: another one.

        Returns:
            The mean over all atoms.
        """
        total = torch.zeros_like(decision.t.pos)
        for process, t, one, two in (
            (self.process.pos, decision.t.pos, x0_hat.pos, other.pos),
            (self.process.latent, decision.t.latent, x0_hat.latent, other.latent),
        ):
            _, error = process.skip(t)
            total = total + (one - two).square().sum(-1) / error.square()
        return total[decision.state.mask].mean()


def _log_of(probs: Float[Tensor, "*e c"], chosen: Tensor) -> Float[Tensor, "*e"]:
    return probs.gather(-1, chosen[..., None])[..., 0].clamp_min(torch.finfo(probs.dtype).tiny).log()


def advantage(
    atoms: list[Bool[Tensor, "_b _n"]], molecules: list[Bool[Tensor, "_b"]], *, whole: float
) -> list[Float[Tensor, "_b _n"]]:
    """How much better than expected each atom came out, in standard deviations, and `whole` times its molecule.

    What is wrong with a molecule is nearly always wrong at one atom, whose own draws and bonds are to blame: one
    reward for the whole would hide them among a hundred that were fine.

    Args:
        atoms: whether each is in order, of several batches.
        molecules: whether each is.
        whole: weight of the molecule beside the atom.

    Returns:
        Of each batch; their mean over all atoms is 0 but for rounding and the sizes.
    """

    def standard(rewards: list[Tensor]) -> list[Tensor]:
        together = torch.cat([reward.flatten() for reward in rewards]).float()
        mean = together.mean()
        std = (mean * (1 - mean)).sqrt().clamp_min(1e-2)
        return [(reward.float() - mean) / std for reward in rewards]

    return [
        atom + whole * molecule[:, None] for atom, molecule in zip(standard(atoms), standard(molecules), strict=True)
    ]


def surrogate(
    log_probability: tuple[Float[Tensor, "b n"], Float[Tensor, "b n"], Float[Tensor, "b n n"]],
    advantages: Float[Tensor, "b n"],
    *,
    pos: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """Losses whose gradient is that of the expected reward, an atom on average: of coordinates, atoms and bonds.

    Args:
        log_probability: of one decision.
        advantages: see `advantage`; a bond has the mean of its ends.
        pos: weight of the coordinates.

    Returns:
        The three losses.
    """
    of_pos, of_atom, of_bond = log_probability
    pairs = (advantages[:, :, None] + advantages[:, None, :]) / 2
    count = advantages.numel()
    return (
        -pos * (advantages * of_pos).sum() / count,
        -(advantages * of_atom).sum() / count,
        -(pairs * of_bond).triu(1).sum() / count,
    )
