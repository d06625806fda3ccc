"""What a training step does with latent hydrogens: which of them the latent shows, and how the decoder learns."""

from dataclasses import replace
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor

from moldiff.network.hydrogen_decoder import HydrogenDecoder
from moldiff.state import MOST_FOLDED, State

LATENT_NOISE, POS_NOISE = 0.05, 0.01  # Å: greatest standard deviation of what the decoder gets; see `blur`
SHARP = 0.02  # Å: errors above this count by their length, below it by its square


def shuffle_hydrogens(state: State, *, generator: torch.Generator) -> State:
    """The hydrogens of each atom in a random order, so that the latent is any of them; as it is without latents.

    Args:
        state: clean molecules.
        generator: of the order, on the CPU.

    Returns:
        The molecules.
    """
    if state.hydrogens is None:
        return state
    there = (state.hydrogens != 0).any(-1)
    keys = torch.rand(there.shape, generator=generator).to(there.device).masked_fill(~there, torch.inf)
    order = keys.argsort(-1)[..., None].expand_as(state.hydrogens)
    hydrogens = state.hydrogens.gather(2, order)
    return replace(state, hydrogens=hydrogens, latent=hydrogens[:, :, 0])


def blur(state: State, *, generator: torch.Generator) -> State:
    """Molecules with noise on latents and coordinates, of another strength for each: what sampling leaves in them.

    The noise is the bottleneck of the autoencoder: the decoder learns to give sharp hydrogens for a latent that is not.

    Args:
        state: clean molecules with latents.
        generator: of the noise, on the CPU.

    Returns:
        The molecules.
    """
    b, n, width = state.latent.shape
    strength = torch.rand(b, 1, 1, generator=generator)
    latent = strength * LATENT_NOISE * torch.randn(b, n, width, generator=generator)
    pos = strength * POS_NOISE * torch.randn(b, n, 3, generator=generator)
    slots = state.mask[..., None]
    return state.replace(
        pos=state.pos + pos.to(state.pos) * slots, latent=state.latent + latent.to(state.latent) * slots
    )


def decoder_loss(decoder: HydrogenDecoder, state: State) -> Float[Tensor, ""]:
    """Mean over the hydrogens of sqrt(1 + (d / SHARP)^2) - 1, d being the distance from where they are."""
    distance, there = hydrogen_errors(decoder, state)
    loss = (1 + (distance / SHARP).square()).sqrt() - 1
    return (loss * there).sum() / there.sum().clamp_min(1)


def hydrogen_errors(decoder: HydrogenDecoder, state: State) -> tuple[Float[Tensor, "b n h"], Float[Tensor, "b n h"]]:
    """Distances of decoded hydrogens from those of the molecules, Å, and which slots hold one that has a frame.

    Of the second and the third hydrogen of an atom, whichever way round they are nearer.
    """
    hydrogens = cast(Tensor, state.hydrogens)  # of training molecules they are known
    found, count = decoder(state).float(), decoder.count(state)
    there = torch.arange(MOST_FOLDED, device=count.device) < count[..., None]
    there = there & (state.bond != 0).any(-1)[..., None]  # an atom without neighbours has no frame
    swapped = hydrogens[:, :, [0, 2, 1, 3]]
    straight, crossed = ((found - of).square().sum(-1) + 1e-8 for of in (hydrogens, swapped))
    cross = (count == 3) & (crossed[..., 1:3].sum(-1) < straight[..., 1:3].sum(-1))
    return torch.where(cross[..., None], crossed, straight).sqrt(), there.float()
