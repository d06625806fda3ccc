"""Gaussian basis of distances."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

FAR = 6.0  # exp(-36) is as good as nothing; arguments that underflow make the exponential four times slower


class GaussianBasis(nn.Module):
    """Smooth features of a scalar: Gaussians on an even grid, as in SchNet, arXiv:1706.08566."""

    centers: Tensor

    def __init__(self, low: float, high: float, count: int) -> None:
        super().__init__()
        self.register_buffer("centers", torch.linspace(low, high, count), persistent=False)
        self.inverse_width = (count - 1) / (high - low)

    def forward(self, value: Float[Tensor, "*e"]) -> Float[Tensor, "*e g"]:
        """exp(-((value - center) / spacing)^2 / 2)."""
        scale = self.inverse_width * 0.5**0.5
        offset = (value[..., None] * scale - self.centers * scale).clamp(-FAR, FAR)
        return torch.exp(-offset * offset)
