"""Low-rank adaptation: of the large matrices of trained weights only a product of two thin ones is learnt."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils import parametrize

from moldiff.diffusion.denoiser import NetworkDenoiser
from moldiff.diffusion.random import sample_generator

LEAST_SIDE = 32  # of a matrix that is adapted; smaller ones, biases and norms stay as they are


class LowRank(nn.Module):
    """W + B A, B zero at first.

    Args:
        weight: of the layer.
        rank: rows of A.
        generator: of A.

    Source: Hu et al. 2021 (LoRA), arXiv:2106.09685.
    """

    def __init__(self, weight: Tensor, rank: int, generator: torch.Generator) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.empty(rank, weight.shape[1]))
        self.b = nn.Parameter(torch.zeros(weight.shape[0], rank))
        nn.init.kaiming_uniform_(self.a, a=5**0.5, generator=generator)

    def forward(self, weight: Float[Tensor, "o i"]) -> Float[Tensor, "o i"]:
        """The adapted matrix."""
        return weight + self.b @ self.a


def adapt(denoiser: NetworkDenoiser, rank: int, *, seed: int = 0) -> None:
    """Freezes a network and gives its large matrices adapters.

    Embeddings, and what is shaped by the atom classes, are learnt whole: new classes and labels need them.

    Args:
        denoiser: with trained weights; changed in place.
        rank: of the adapters.
        seed: of their first values.
    """
    network = denoiser.as_network
    layers = [(name, module) for name, module in denoiser.network.named_modules() if isinstance(module, nn.Linear)]
    whole = {*network.embeddings(), *network.class_slices([])}
    denoiser.requires_grad_(False)
    for number, (name, layer) in enumerate(layers):
        if f"{name}.weight" in whole:
            layer.requires_grad_(True)
        elif min(layer.weight.shape) >= LEAST_SIDE:
            adapter = LowRank(layer.weight, rank, sample_generator(seed, number))
            parametrize.register_parametrization(layer, "weight", adapter)


def merge(network: nn.Module) -> None:
    """Makes ordinary weights of a network with adapters, in place."""
    for module in network.modules():
        if isinstance(module, nn.Linear) and parametrize.is_parametrized(module, "weight"):
            parametrize.remove_parametrizations(module, "weight")
