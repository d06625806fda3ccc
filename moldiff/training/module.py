"""The Lightning module of a training run: draws times and noise, predicts, charges."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from moldiff.config import TrainingSettings
from moldiff.diffusion.joint import JointProcess
from moldiff.diffusion.randomness import BatchRandomness, sample_generator
from moldiff.errors import TrainingError
from moldiff.precision import use_bf16
from moldiff.state import Lead, Prediction, State, Times
from moldiff.training.averaged import AveragedModule
from moldiff.training.batches import share_of_work
from moldiff.training.conditions import draw_told
from moldiff.training.losses import Losses, losses
from moldiff.training.tasks import draw_task_times


class DiffusionModule(AveragedModule):
    """Trains a denoiser. All randomness of a step comes from (seed, step), so a resumed run repeats it bit for bit.

    Args:
        denoiser: what is trained, called as `moldiff.diffusion.denoiser.Denoiser`.
        process: the joint process.
        settings: of the run.

    Attributes:
        settings: of the run.
    """

    settings: TrainingSettings

    def __init__(self, denoiser: nn.Module, process: JointProcess, settings: TrainingSettings) -> None:
        super().__init__(denoiser, settings)
        self.process = process

    def training_step(self, batch: State, batch_idx: int) -> Tensor:
        """Loss of one batch, logged.

        Args:
            batch: clean molecules.
            batch_idx: not used; the step counts over the whole run.

        Returns:
            The loss.

        Raises:
            TrainingError: if the loss is not finite; nothing has been changed by this batch then.
        """
        rank, world = share_of_work()
        loss, parts = self.loss(batch, self.global_step * world + rank)
        if not bool(torch.isfinite(loss)):
            raise TrainingError(
                f"step {self.global_step}: loss is {loss.item()} (pos {parts.pos.item():.3g}, "
                f"atom {parts.atom.item():.3g}, bond {parts.bond.item():.3g}); the last good checkpoint is kept, "
                "resume with a lower learning_rate"
            )
        self.num_seen += self.of_all(len(batch.mask))
        values = {"loss": loss, "pos": parts.pos, "atom": parts.atom, "bond": parts.bond}
        self.log_dict({k: v.detach() for k, v in values.items()}, batch_size=len(batch.mask))
        return loss

    def loss(self, batch: State, number: int) -> tuple[Tensor, Losses]:
        """Weighted loss and its parts for clean molecules, with the times and the noise of this batch of the run."""
        generator = sample_generator(self.settings.seed, number)
        b, n = batch.mask.shape
        randomness = BatchRandomness(generator, b, device=self.device)
        times = draw_times(b, self.settings.time_end_density, generator=generator).to(self.device)
        lead = draw_lead(b, self.settings, generator=generator, device=self.device)
        t = Times.shared(times, n, lead)
        if share := self.task_share():
            batch, t = draw_task_times(batch, t, share, generator=generator)
        if batch.labels is not None:
            told = draw_told(batch.labels, self.settings.unconditional_share, generator=generator)
            batch = batch.replace(labels=told)
        z_t = self.process.noise(batch, t, generator=randomness)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=use_bf16(self.settings.precision, self.device)):
            previous: Prediction | None = None
            # Processes that train together toss one coin, or most steps would wait for the longer of two.
            coin = sample_generator(self.settings.seed, number // share_of_work()[1], stream=1)
            if float(torch.rand((), generator=coin)) < self.settings.self_conditioning:
                z_before, before = z_t, t
                if self._has_begun(self.settings.gap_start):
                    earlier = draw_before(times, self.settings.previous_gap, generator=generator)
                    before = Times.shared(earlier, n, lead).known(t.pos == 0, t.atom == 0, t.bond == 0)
                    z_before = self.process.transition(z_t, t, before, generator=randomness)
                with torch.no_grad():
                    previous = self.denoiser(z_before, before)
            prediction = self.denoiser(z_t, t, previous)
        weights = self.settings.loss
        floor = weights.late_pos_floor if self._has_begun(weights.late_start) else weights.pos_floor
        parts = losses(prediction, batch, t, process=self.process, pos_floor=floor)
        return weights.pos * parts.pos + weights.atom * parts.atom + weights.bond * parts.bond, parts

    def task_share(self) -> float:
        """Share of the molecules of which something is known, at this point of the run."""
        return self.settings.task_share if self._has_begun(self.settings.task_start) else 0.0

    def _has_begun(self, start: float) -> bool:
        """Whether that share of the run is over."""
        return int(self.num_seen) >= start * self.settings.num_molecules

    def transfer_batch_to_device(self, batch: State, device: torch.device, dataloader_idx: int) -> State:
        """Lightning cannot move a frozen dataclass by itself."""
        return batch.to(device)


def draw_lead(count: int, settings: TrainingSettings, *, generator: torch.Generator, device: torch.device) -> Lead:
    """Leads of the classes over the coordinates, evenly between the ends that the settings give."""
    ends = torch.tensor([settings.atom_lead, settings.bond_lead])
    atom, bond = torch.lerp(ends[:, :1], ends[:, 1:], torch.rand(2, count, generator=generator)).to(device)
    return Lead(atom, bond)


def draw_before(
    times: Float[Tensor, "b"], gap: tuple[float, float], *, generator: torch.Generator
) -> Float[Tensor, "b"]:
    """Times that a walk may have been at before: the root of the time is larger by a gap, at most 1.

    Evenly many gaps of each size on a logarithmic scale; 1 / n is a step of a walk of n steps on a grid of power 2. A
    network that never saw a prediction of another time than its own mistrusts those of a walk of few steps.
    """
    share = torch.rand(len(times), generator=generator).to(times)
    before = (times.sqrt() + gap[0] * (gap[1] / gap[0]) ** share).clamp_max(1.0).square()
    return torch.maximum(before, times)  # whatever the rounding


def draw_times(count: int, end_density: float, *, generator: torch.Generator) -> Tensor:
    """Times in (0, 1], their density falling linearly from 2 - `end_density` at the data to `end_density` at the noise.

    They are spread evenly over their law, so that the loss of a batch varies less: Kingma et al. 2021,
    arXiv:2107.00630, appendix I.1.
    """
    uniform = (torch.rand((), generator=generator) + torch.arange(count) / count) % 1
    start, slope = 2 - end_density, 1 - end_density  # u = start t - slope t^2
    return (2 * uniform / (start + (start**2 - 4 * slope * uniform).sqrt())).clamp(1e-3, 1.0)
