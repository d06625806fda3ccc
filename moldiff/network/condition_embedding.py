"""Embedding of the labels of a molecule: features, and the modulation of each block."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from moldiff.network.radial import GaussianBasis

REACH = 4.0  # standard deviations; beyond, only the value itself is a feature
WAVES = 17


class LabelFeatures(nn.Module):
    """For each label whether it is there, its value or class, and a smooth code of a value; zeros where it is not.

    Args:
        classes: for each label its number of classes, or 0 for a number.
    """

    def __init__(self, classes: Sequence[int]) -> None:
        super().__init__()
        self.classes = tuple(classes)
        self.basis = GaussianBasis(-REACH, REACH, WAVES)
        self.width = sum(1 + (count or 1 + WAVES) for count in self.classes)

    def forward(self, labels: Float[Tensor, "b l"] | None, *, like: Float[Tensor, "b 1"]) -> Float[Tensor, "b f"]:
        """The features.

        Args:
            labels: NaN where a label is not given; None if none is given for any molecule.
            like: gives the number of molecules, the device and the precision.

        Returns:
            A row for each molecule.
        """
        if labels is None:
            return like.new_zeros(len(like), self.width)
        given = ~labels.isnan()
        values = labels.nan_to_num().to(like.dtype)
        features = []
        for place, count in enumerate(self.classes):
            value = values[:, place]
            code = (
                nn.functional.one_hot(value.long(), count).to(like.dtype)
                if count
                else torch.cat([value[:, None], self.basis(value)], -1)
            )
            features.append(torch.cat([torch.ones_like(code[:, :1]), code], -1) * given[:, place, None])
        return torch.cat(features, -1)


class LabelLayers(nn.Module):
    """Scales and shifts, from the labels, of what each block reads of the atoms; zeros where no label is given.

    Source: Perez et al. 2018, arXiv:1709.07871 (FiLM).

    Args:
        classes: for each label its number of classes, or 0 for a number.
        hidden: channels in between.
        channels: of an atom.
        num_blocks: of the network.
    """

    def __init__(self, classes: Sequence[int], *, hidden: int, channels: int, num_blocks: int) -> None:
        super().__init__()
        self.num_blocks = num_blocks
        self.features = LabelFeatures(classes)
        self.inner = nn.Linear(self.features.width, hidden, bias=False)
        self.outer = nn.Linear(hidden, 2 * channels * num_blocks, bias=False)
        nn.init.zeros_(self.outer.weight)  # fine-tuning of weights without labels starts from what they predict

    def forward(
        self, labels: Float[Tensor, "b l"] | None, *, like: Float[Tensor, "b 1"]
    ) -> tuple[Float[Tensor, "b c2"], ...]:
        """For each block the scale less one and the shift, side by side; arguments as of `LabelFeatures.forward`."""
        out = self.outer(nn.functional.silu(self.inner(self.features(labels, like=like))))
        return out.chunk(self.num_blocks, -1)
