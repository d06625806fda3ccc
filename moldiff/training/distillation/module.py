"""The Lightning module of a student of few NFE: it samples, and makes likelier what came out well."""

from collections.abc import Collection

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from moldiff.chem.vocabulary import Vocabulary
from moldiff.config.distillation import DistillationConfig
from moldiff.diffusion.denoiser import Denoiser, NetworkDenoiser
from moldiff.diffusion.random import BatchRandomness, sample_generator
from moldiff.errors import TrainingError
from moldiff.runtime.precision import use_bf16
from moldiff.sampling.constraints import GivenHydrogens
from moldiff.sampling.inpainting import KnownValues
from moldiff.state import State
from moldiff.training.base_module import AveragedModule
from moldiff.training.distillation.environments import DensityRatio, count_keys, environments
from moldiff.training.distillation.policy import Decision, Policy, advantage, surrogate
from moldiff.training.distillation.reward import in_order
from moldiff.training.distillation.rollouts import Trajectory

MOST_ROWS = 256  # of a batch of small molecules


class DistillationModule(AveragedModule):
    """Trains a student on trajectories that it samples. All randomness of a batch comes from (seed, its number).

    Args:
        denoiser: the student, at first with the weights of its teacher.
        policy: its sampling.
        vocabulary: of its atom classes.
        config: of the run.
        likeness: counts of the data; none without a reward for resembling it.
        known_rings: ring systems of the data; none where any will do.

    Attributes:
        config: of the run.
        denoiser: the student.
    """

    config: DistillationConfig
    denoiser: NetworkDenoiser

    def __init__(
        self,
        denoiser: NetworkDenoiser,
        policy: Policy,
        vocabulary: Vocabulary,
        config: DistillationConfig,
        *,
        likeness: DensityRatio | None = None,
        known_rings: Collection[str] | None = None,
    ) -> None:
        super().__init__(denoiser, config)
        self.policy, self.vocabulary, self.likeness, self.known_rings = policy, vocabulary, likeness, known_rings
        self.automatic_optimization = False  # a trajectory has more decisions than one graph should hold

    def training_step(self, batch: list[Trajectory], batch_idx: int) -> None:
        """One update: samples trajectories, then takes the loss of each of their decisions.

        Args:
            batch: of rollouts.
            batch_idx: not used; the step counts over the whole run.

        Raises:
            TrainingError: if a loss is not finite; nothing has been changed then.
        """
        rollouts = [self._roll_out(rollout) for rollout in batch]
        advantages = advantage([w[1] for w in rollouts], [w[2] for w in rollouts], whole=self.config.whole_weight)
        values: dict[str, Tensor | float] = {}
        if self.likeness is not None:
            like = self._likeness([decisions[-1].chosen for decisions, *_ in rollouts], self.likeness)
            advantages = [
                a + self.config.density_ratio_weight * (b - b.mean()).cpu()
                for a, b in zip(advantages, like, strict=True)
            ]
            values["likeness"] = sum(map(torch.mean, like)) / len(like)
        optimizer, schedule = self.optimizers(), self.lr_schedulers()
        optimizer.zero_grad()  # type: ignore[union-attr]
        parts = torch.zeros(3, device=self.device)
        for (decisions, *_), rewards in zip(rollouts, advantages, strict=True):
            for decision in decisions:
                losses = self.loss(decision, rewards.to(self.device)) / (len(rollouts) * len(decisions))
                if not bool(torch.isfinite(losses).all()):
                    raise TrainingError(
                        f"step {self.global_step}: loss is {losses.tolist()}; the last good checkpoint is kept, "
                        "resume with a lower learning_rate"
                    )
                self.manual_backward(losses.sum())
                parts += losses.detach()
        self.configure_gradient_clipping(optimizer)  # type: ignore[arg-type]
        optimizer.step()  # type: ignore[union-attr]
        self.average.update_parameters(self.denoiser)
        self.num_seen += self.of_all(sum(len(valid) for *_, valid in rollouts))
        schedule.step()  # type: ignore[union-attr]
        values |= zip(("pos", "atom", "bond"), parts, strict=True)
        values["valid"] = torch.cat([valid for *_, valid in rollouts]).float().mean()
        of_atoms = "stable_atoms"
        if self.known_rings is not None:
            of_atoms = "atoms_in_order"
            values["in_order"] = torch.cat([molecules for *_, molecules, _ in rollouts]).float().mean()
        values[of_atoms] = torch.cat([atoms.flatten() for _, atoms, *_ in rollouts]).float().mean()
        self.log_dict(values, batch_size=1)

    def _roll_out(
        self, rollout: Trajectory
    ) -> tuple[list[Decision], Bool[Tensor, "b n"], Bool[Tensor, "b"], Bool[Tensor, "b"]]:
        number, (n, num_hydrogens) = rollout
        b = min(MOST_ROWS, max(1, self.config.pair_budget // n**2))
        randomness = BatchRandomness(sample_generator(self.config.seed, number), b, device=self.device)
        with torch.no_grad(), self._autocast():
            mask = torch.ones(b, n, dtype=torch.bool, device=self.device)
            width, hydrogens = self.policy.process.latent_width, torch.full((b,), num_hydrogens, device=self.device)
            known = KnownValues.nothing(mask, width, num_hydrogens=hydrogens)
            end, decisions = self.policy.sample_trajectory(self._student, known, generator=randomness)
        return decisions, *in_order(self.denoiser.unfold(end).to("cpu"), self.vocabulary, self.known_rings)

    def _likeness(self, drawn: list[State], likeness: DensityRatio) -> list[Float[Tensor, "_b _n"]]:
        keys = [environments(state) for state in drawn]
        mean = sum(map(len, keys)) / len(keys)
        weights = [mean / len(key) for key in keys]  # every batch is one draw of a size, however many rows it has
        counts = sum(weight * count_keys(key) for weight, key in zip(weights, keys, strict=True))
        likeness.fade()
        likeness.drawn += self.trainer.strategy.reduce(counts, reduce_op="sum")
        return [likeness(key, weight) for key, weight in zip(keys, weights, strict=True)]

    def loss(self, decision: Decision, advantages: Float[Tensor, "b n"]) -> Float[Tensor, "3"]:
        """Of coordinates, atoms and bonds, for one decision; see `moldiff.training.distillation.policy.surrogate`."""
        with self._autocast():
            x0_hat = self._student(decision.state, decision.t, decision.previous)
        likely = self.policy.log_probability(decision, x0_hat.float())
        return torch.stack(surrogate(likely, advantages, pos=self.config.pos_weight))

    @property
    def _student(self) -> Denoiser:
        """As it samples: steered to the number of hydrogens where they are latent."""
        if not self.policy.process.latent_width:
            return self.denoiser
        return GivenHydrogens(self.denoiser, torch.from_numpy(self.vocabulary.hydrogens).to(self.device))

    def _autocast(self) -> torch.autocast:
        enabled = use_bf16(self.config.precision, self.device)
        return torch.autocast(self.device.type, torch.bfloat16, enabled=enabled)
