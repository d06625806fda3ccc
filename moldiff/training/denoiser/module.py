"""The Lightning module of a training run: draws times and noise, predicts, charges."""

import torch
from torch import Tensor, nn

from moldiff.conditions.dropout import drop_conditions
from moldiff.config.training import TrainingConfig
from moldiff.diffusion.joint import JointProcess
from moldiff.diffusion.random import BatchRandomness, sample_generator
from moldiff.errors import TrainingError
from moldiff.network.hydrogen_decoder import HydrogenDecoder
from moldiff.runtime.precision import use_bf16
from moldiff.state import NOT_GIVEN, Prediction, State, Times
from moldiff.training.base_module import AveragedModule
from moldiff.training.denoiser.hydrogens import blur, decoder_loss, shuffle_hydrogens
from moldiff.training.denoiser.inpainting_masks import sample_inpainting_times
from moldiff.training.denoiser.losses import Losses, losses
from moldiff.training.denoiser.times import sample_previous_times, sample_time_exponents, sample_times
from moldiff.training.denoiser.validation import losses_at_times
from moldiff.training.loader import share_of_work


class DiffusionModule(AveragedModule):
    """Trains a denoiser. All randomness of a step comes from (seed, step), so a resumed run repeats it bit for bit.

    Args:
        denoiser: what is trained, called as `moldiff.diffusion.denoiser.Denoiser`.
        process: the joint process.
        config: of the run.

    Attributes:
        config: of the run.
    """

    config: TrainingConfig

    def __init__(self, denoiser: nn.Module, process: JointProcess, config: TrainingConfig) -> None:
        super().__init__(denoiser, config)
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
                f"atom {parts.atom.item():.3g}, bond {parts.bond.item():.3g}, latent {parts.latent.item():.3g}); "
                "the last good checkpoint is kept, resume with a lower learning_rate"
            )
        self.num_seen += self.of_all(len(batch.mask))
        values = {"loss": loss, **vars(parts)}
        self.log_dict({k: v.detach() for k, v in values.items()}, batch_size=len(batch.mask))
        return loss

    def validation_step(self, batch: State, batch_idx: int) -> None:
        """Logs the losses of the averaged weights on held-out molecules, with the same noise at each validation.

        Args:
            batch: clean molecules.
            batch_idx: its number, for the noise.
        """
        rank, world = share_of_work()
        parts = losses_at_times(
            self.average.module,
            self.process,
            batch,
            seed=0,
            number=batch_idx * world + rank,
            precision=self.config.precision,
        )
        self.log_validation({"loss": self._weigh(parts), **vars(parts)}, len(batch.mask))

    def loss(self, batch: State, number: int) -> tuple[Tensor, Losses]:
        """Weighted loss and its parts for clean molecules, with the times and the noise of this batch of the run."""
        generator = sample_generator(self.config.seed, number)
        batch = shuffle_hydrogens(batch, generator=generator)
        b, n = batch.mask.shape
        randomness = BatchRandomness(generator, b, device=self.device)
        times = sample_times(b, self.config.time_end_density, generator=generator).to(self.device)
        time_exponents = sample_time_exponents(b, self.config, generator=generator, device=self.device)
        t = Times.shared(times, n, time_exponents)
        if share := self.inpainting_probability():
            batch, t = sample_inpainting_times(batch, t, share, generator=generator)
        if batch.labels is not None:
            labels = drop_conditions(batch.labels, self.config.condition_dropout, generator=generator)
            batch = batch.replace(labels=labels)
        if batch.num_hydrogens is not None:
            dropped = torch.rand(b, generator=generator) < self.config.condition_dropout
            batch = batch.replace(num_hydrogens=batch.num_hydrogens.masked_fill(dropped.to(self.device), NOT_GIVEN))
        z_t = self.process.noise(batch, t, generator=randomness)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=use_bf16(self.config.precision, self.device)):
            previous: Prediction | None = None
            # Processes that train together toss one coin, or most steps would wait for the longer of two.
            coin = sample_generator(self.config.seed, number // share_of_work()[1], stream=1)
            if float(torch.rand((), generator=coin)) < self.config.self_conditioning:
                z_before, before = z_t, t
                if self._has_begun(self.config.self_conditioning_gap_start):
                    earlier = sample_previous_times(times, self.config.self_conditioning_gap, generator=generator)
                    before = Times.shared(earlier, n, time_exponents).known(**t.where_known())
                    z_before = self.process.transition(z_t, t, before, generator=randomness)
                with torch.no_grad():
                    previous = self.denoiser(z_before, before)
            prediction = self.denoiser(z_t, t, previous)
        weights = self.config.loss
        floor = weights.late_pos_floor if self._has_begun(weights.late_start) else weights.pos_floor
        parts = losses(prediction, batch, t, process=self.process, pos_floor=floor)
        return self._weigh(parts) + self._of_decoder(batch, generator), parts

    def _of_decoder(self, batch: State, generator: torch.Generator) -> Tensor | float:
        """Weighted loss of the decoder of latent hydrogens; 0 where all are explicit."""
        decoder = self.denoiser.hydrogens
        if not isinstance(decoder, HydrogenDecoder):
            return 0.0
        with torch.autocast(self.device.type, torch.bfloat16, enabled=use_bf16(self.config.precision, self.device)):
            return self.config.loss.hydrogens * decoder_loss(decoder, blur(batch, generator=generator))

    def _weigh(self, parts: Losses) -> Tensor:
        weights = self.config.loss
        return sum(getattr(weights, name) * value for name, value in vars(parts).items())  # type: ignore[return-value]

    def inpainting_probability(self) -> float:
        """Share of the molecules of which something is known, at this point of the run."""
        return self.config.inpainting_probability if self._has_begun(self.config.inpainting_start) else 0.0

    def _has_begun(self, start: float) -> bool:
        """Whether that share of the run is over."""
        return int(self.num_seen) >= start * self.config.num_training_molecules

    def transfer_batch_to_device(self, batch: State, device: torch.device, dataloader_idx: int) -> State:
        """Lightning cannot move a frozen dataclass by itself."""
        return batch.to(device)
