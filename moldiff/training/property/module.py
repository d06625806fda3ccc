"""The Lightning module of a predictor: the mean absolute error of properties, in standard deviations."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from moldiff.config.property import PropertyConfig
from moldiff.errors import TrainingError
from moldiff.runtime.precision import use_bf16
from moldiff.state import State
from moldiff.training.base_module import AveragedModule


class RegressionModule(AveragedModule):
    """Trains a network on labels; what a molecule has no label for does not count.

    Args:
        network: what is trained; from molecules to properties in standard deviations.
        config: of the run.

    Attributes:
        config: of the run.
    """

    config: PropertyConfig

    def __init__(self, network: nn.Module, config: PropertyConfig) -> None:
        super().__init__(network, config)

    def training_step(self, batch: State, batch_idx: int) -> Tensor:
        """Loss of one batch, logged.

        Args:
            batch: clean molecules with labels.
            batch_idx: not used.

        Returns:
            The loss.

        Raises:
            TrainingError: if the loss is not finite; nothing has been changed by this batch then.
        """
        loss = self._loss(self.denoiser, batch)
        if not bool(torch.isfinite(loss)):
            raise TrainingError(f"step {self.global_step}: loss is {loss.item()}; resume with a lower learning_rate")
        self.num_seen += self.of_all(len(batch.mask))
        self.log_dict({"loss": loss.detach()}, batch_size=len(batch.mask))
        return loss

    def validation_step(self, batch: State, batch_idx: int) -> None:
        """Logs the loss of the averaged weights on held-out molecules.

        Args:
            batch: clean molecules with labels.
            batch_idx: not used.
        """
        self.log_validation({"loss": self._loss(self.average.module, batch)}, len(batch.mask))

    def _loss(self, network: nn.Module, batch: State) -> Tensor:
        assert batch.labels is not None  # as the run builds its batches
        with torch.autocast(self.device.type, torch.bfloat16, enabled=use_bf16(self.config.precision, self.device)):
            predicted = network(batch)
        errors = absolute_errors(predicted, batch.labels)
        return errors.nansum() / (~batch.labels.isnan()).sum().clamp_min(1)  # a batch may have no label at all

    def transfer_batch_to_device(self, batch: State, device: torch.device, dataloader_idx: int) -> State:
        """Lightning cannot move a frozen dataclass by itself."""
        return batch.to(device)


def absolute_errors(predicted: Float[Tensor, "b c"], labels: Float[Tensor, "b c"]) -> Float[Tensor, "b c"]:
    """Distances, NaN where there is no label; without a gradient there."""
    known = ~labels.isnan()
    return torch.where(known, (predicted.float() - labels.nan_to_num()).abs(), torch.nan)
