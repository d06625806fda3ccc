"""What all runs share: the optimiser and its rate, the clipped gradient, the average of the weights."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, cast

import lightning as pl
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import PARAM_LIST, AveragedModel

from moldiff.config.training import RunConfig
from moldiff.errors import TrainingError
from moldiff.training.optimizer import MuonWithAdamW, Trainable

ORIGIN = "moldiff_origin"  # in a checkpoint: what the run began with, by name


class AveragedModule(pl.LightningModule):
    """A denoiser that is optimised, and the average of its weights that is kept.

    Args:
        denoiser: what is trained, called as `moldiff.diffusion.denoiser.Denoiser`.
        config: of the run.

    Attributes:
        num_seen: molecules so far.
        origin: what the run began with, plain values by name; goes into its checkpoints.
    """

    num_seen: Tensor
    origin: Mapping[str, Any] = MappingProxyType({})

    def __init__(self, denoiser: nn.Module, config: RunConfig) -> None:
        super().__init__()
        self.denoiser, self.config = denoiser, config
        self.average = AveragedModel(denoiser, multi_avg_fn=self._mix)
        self.average.requires_grad_(False)
        self.register_buffer("num_seen", torch.zeros((), dtype=torch.long))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Puts beside the weights what they were trained on."""
        checkpoint[ORIGIN] = dict(self.origin)

    def of_all(self, count: int) -> Tensor:
        """Sum over the processes that train together."""
        total = torch.tensor(count, device=self.device)
        return self.trainer.strategy.reduce(total, reduce_op="sum")  # type: ignore[return-value]

    def log_validation(self, values: Mapping[str, Tensor], count: int) -> None:
        """Logs means over the held-out molecules, as `val_` and the name.

        Args:
            values: of one batch.
            count: its molecules.
        """
        named = {f"val_{name}": value for name, value in values.items()}
        self.log_dict(named, batch_size=count, on_epoch=True, sync_dist=True)

    def configure_gradient_clipping(self, optimizer: torch.optim.Optimizer, *args, **kwargs) -> None:
        """Clips the norm of the gradient.

        Args:
            optimizer: not used.
            *args: as Lightning gives them, not used.
            **kwargs: as Lightning gives them, not used.

        Raises:
            TrainingError: if it is not finite; the weights have not been changed then.
        """
        norm = nn.utils.clip_grad_norm_(self.denoiser.parameters(), self.config.clip)
        if not bool(torch.isfinite(norm)):
            raise TrainingError(
                f"step {self.global_step}: the gradient is not finite; the last good checkpoint is kept, "
                "resume with a lower learning_rate"
            )

    def optimizer_step(self, *args, **kwargs) -> None:
        """One step of the optimiser, then of the average."""
        super().optimizer_step(*args, **kwargs)
        self.average.update_parameters(self.denoiser)

    def configure_optimizers(self) -> dict:
        """Linear warm-up, constant rate, linear cool-down to zero by molecules seen."""
        optimizer = MuonWithAdamW(
            self.denoiser.named_parameters(),
            lr=self.config.learning_rate,
            weight_decay=self.config.weight_decay,
            embeddings=cast(Trainable, self.denoiser).embeddings(),
        )
        # A function, not a method: of a method the schedule would put attributes into every checkpoint.
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: self.rate(step))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def rate(self, step: int) -> float:
        """Share of the learning rate at a step."""
        warm = min(1.0, (step + 1) / max(1, self.config.warmup_steps))
        left = 1 - int(self.num_seen) / self.config.num_training_molecules
        cool = min(1.0, left / self.config.cooldown) if self.config.cooldown else 1.0
        return warm * max(cool, 0.01)

    def _mix(self, averages: PARAM_LIST, values: PARAM_LIST, num_averaged: Tensor | int) -> None:
        """Average over the last `ema_length` of the run so far, as in Karras et al. 2024, arXiv:2312.02696.

        A fixed horizon is too long at first: 1,000 steps, 2,000 into a run, gave weights that expected 87 % hydrogen
        where the weights themselves expected 50 %.
        """
        newest = 1 / (1 + self.config.ema_length * int(num_averaged))
        torch._foreach_lerp_(averages, values, newest)  # pyright: ignore[reportPrivateImportUsage]
