"""The Lightning module of a student of few NFE: it samples, and makes likelier what came out well."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from moldiff.chem.vocabulary import Vocabulary
from moldiff.config.distillation import DistillationConfig
from moldiff.diffusion.denoiser import Denoiser, NetworkDenoiser
from moldiff.diffusion.random import BatchRandomness, sample_generator
from moldiff.errors import TrainingError
from moldiff.runtime.precision import use_bf16
from moldiff.sampling.constraints import GivenHydrogens
from moldiff.sampling.inpainting import KnownValues
from moldiff.training.base_module import AveragedModule
from moldiff.training.distillation.density_ratio import DensityRatio, count_keys
from moldiff.training.distillation.environments import environments
from moldiff.training.distillation.policy import Decision, Policy, advantage, surrogate
from moldiff.training.distillation.reward import Judgement, judge
from moldiff.training.distillation.rings import RingClasses, count_alike
from moldiff.training.distillation.rollouts import Trajectory

MOST_ROWS = 256  # of a batch of small molecules


class DistillationModule(AveragedModule):
    """Trains a student on trajectories that it samples. All randomness of a batch comes from (seed, its number).

    Args:
        denoiser: the student, at first with the weights of its teacher.
        policy: its sampling.
        vocabulary: of its atom classes.
        config: of the run.
        likeness: counts of the surroundings of atoms in the data; none without a reward for resembling it.
        rings: ring systems of the data; none without a reward for resembling those.
        teacher: whose coordinates the student's shall resemble, given the same state; none if any will do.

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
        rings: RingClasses | None = None,
        teacher: NetworkDenoiser | None = None,
    ) -> None:
        super().__init__(denoiser, config)
        self.policy, self.vocabulary, self.likeness, self.rings = policy, vocabulary, likeness, rings
        self.ring_likeness = None if rings is None else DensityRatio(rings.counts)
        self._teacher = [] if teacher is None else [teacher]  # in a list, so that no checkpoint has it
        self.automatic_optimization = False  # a trajectory has more decisions than one graph should hold

    def on_fit_start(self) -> None:
        """The teacher goes where the student is."""
        for teacher in self._teacher:
            teacher.to(self.device)

    def training_step(self, batch: list[Trajectory], batch_idx: int) -> None:
        """One update: samples trajectories, then takes the loss of each of their decisions.

        Args:
            batch: of rollouts.
            batch_idx: not used; the step counts over the whole run.

        Raises:
            TrainingError: if a loss is not finite; nothing has been changed then.
        """
        rollouts = [self._roll_out(rollout) for rollout in batch]
        judged = [judgement for _, judgement in rollouts]
        advantages = advantage([of.atoms for of in judged], [of.valid for of in judged], whole=self.config.whole_weight)
        values: dict[str, Tensor | float] = {}
        if self.likeness is not None:
            keys = [environments(decisions[-1].chosen) for decisions, _ in rollouts]
            more, values["likeness"] = self._log_ratios(self.likeness, keys, [torch.ones_like(of) for of in keys])
            advantages = _add(advantages, self.config.density_ratio_weight, more)
        if self.ring_likeness is not None:
            keys = [of.rings for of in judged]
            more, values["ring_likeness"] = self._log_ratios(self.ring_likeness, keys, [count_alike(of) for of in keys])
            advantages = _add(advantages, self.config.ring_ratio_weight, more)
        optimizer, schedule = self.optimizers(), self.lr_schedulers()
        optimizer.zero_grad()  # type: ignore[union-attr]
        parts = torch.zeros(3, device=self.device)
        for (decisions, _), rewards in zip(rollouts, advantages, strict=True):
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
        self.num_seen += self.of_all(sum(len(of.valid) for of in judged))
        schedule.step()  # type: ignore[union-attr]
        values |= zip(("pos", "atom", "bond"), parts, strict=True)
        values["valid"] = torch.cat([of.valid for of in judged]).float().mean()
        values["atoms_in_order"] = torch.cat([of.atoms.flatten() for of in judged]).float().mean()
        self.log_dict(values, batch_size=1)

    def _roll_out(self, rollout: Trajectory) -> tuple[list[Decision], Judgement]:
        number, (n, num_hydrogens) = rollout
        b = min(MOST_ROWS, max(1, self.config.pair_budget // n**2))
        randomness = BatchRandomness(sample_generator(self.config.seed, number), b, device=self.device)
        with torch.no_grad(), self._autocast():
            mask = torch.ones(b, n, dtype=torch.bool, device=self.device)
            width, hydrogens = self.policy.process.latent_width, torch.full((b,), num_hydrogens, device=self.device)
            known = KnownValues.nothing(mask, width, num_hydrogens=hydrogens)
            end, decisions = self.policy.sample_trajectory(self._student, known, generator=randomness)
        return decisions, judge(self.denoiser.unfold(end).to("cpu"), self.vocabulary, self.rings)

    def _log_ratios(
        self, ratio: DensityRatio, keys: list[Int[Tensor, "_b _n k"]], own: list[Int[Tensor, "_b _n k"]]
    ) -> tuple[list[Float[Tensor, "_b _n"]], Tensor]:
        """Counts what was drawn; its log ratios less their mean, 0 for atoms that do not count, and the mean of all."""
        mean = sum(map(len, keys)) / len(keys)
        weights = [mean / len(of) for of in keys]  # every batch is one draw of a size, however many rows it has
        counted = [(of >= 0).all(-1) for of in keys]
        flat = [of[here].to(self.device) for of, here in zip(keys, counted, strict=True)]
        numbers = ratio.drawn.shape[1]
        counts = sum(weight * count_keys(of, numbers) for weight, of in zip(weights, flat, strict=True))
        ratio.fade()
        ratio.drawn += self.trainer.strategy.reduce(counts, reduce_op="sum")
        alone = [of[here].to(self.device) for of, here in zip(own, counted, strict=True)]
        logs = [ratio(of, weight, mine) for of, weight, mine in zip(flat, weights, alone, strict=True)]
        means = [log.mean() if len(log) else log.sum() for log in logs]
        centred = [
            torch.zeros(here.shape).masked_scatter(here.cpu(), (log - mean).cpu())
            for here, log, mean in zip(counted, logs, means, strict=True)
        ]
        return centred, torch.stack(means).mean()

    def loss(self, decision: Decision, advantages: Float[Tensor, "b n"]) -> Float[Tensor, "3"]:
        """Of coordinates (with the distance to the teacher's), atoms and bonds, for one decision.

        See `moldiff.training.distillation.policy`.
        """
        with self._autocast():
            x0_hat = self._student(decision.state, decision.t, decision.previous)
        likely = self.policy.log_probability(decision, x0_hat.float())
        pos, atom, bond = surrogate(likely, advantages, pos=self.config.pos_weight)
        for teacher in self._teacher:
            with torch.no_grad(), self._autocast():
                theirs = teacher(decision.state, decision.t, decision.previous)
            pos = pos + self.config.teacher_weight * self.policy.distance(decision, x0_hat.float(), theirs.float())
        return torch.stack((pos, atom, bond))

    @property
    def _student(self) -> Denoiser:
        """As it samples: steered to the number of hydrogens where they are latent."""
        if not self.policy.process.latent_width:
            return self.denoiser
        return GivenHydrogens(self.denoiser, torch.from_numpy(self.vocabulary.hydrogens).to(self.device))

    def _autocast(self) -> torch.autocast:
        enabled = use_bf16(self.config.precision, self.device)
        return torch.autocast(self.device.type, torch.bfloat16, enabled=enabled)


def _add(
    advantages: list[Float[Tensor, "_b _n"]], weight: float, more: list[Float[Tensor, "_b _n"]]
) -> list[Float[Tensor, "_b _n"]]:
    return [one + weight * other for one, other in zip(advantages, more, strict=True)]
