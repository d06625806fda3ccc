"""The joint process of coordinates, atom classes, bonds and latents: one object for training and for sampling."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from moldiff.diffusion.categorical import CategoricalProcess
from moldiff.diffusion.gaussian import GaussianProcess
from moldiff.diffusion.random import Randomness
from moldiff.diffusion.schedule import LinearSchedule
from moldiff.state import Prediction, State, Times


@dataclass(frozen=True, eq=False)
class Posterior:
    """The law of z_s given z_t and a prediction.

    Attributes:
        pos_mean: Å.
        pos_std: Å, one an atom.
        atom: probabilities.
        bond: symmetric probabilities.
        latent_mean: Å.
        latent_std: Å, one an atom.
    """

    pos_mean: Float[Tensor, "b n 3"]
    pos_std: Float[Tensor, "b n"]
    atom: Float[Tensor, "b n k"]
    bond: Float[Tensor, "b n n c"]
    latent_mean: Float[Tensor, "b n d"]
    latent_std: Float[Tensor, "b n"]


@dataclass(frozen=True, eq=False)
class JointProcess:
    """Noises the variables independently, each element by its own time.

    A molecule none of whose coordinates is known floats: it is kept at zero mean, and so is its noise. One with
    a known coordinate keeps the frame of what is known.

    Attributes:
        pos: process of the coordinates.
        atom: process of the atom classes.
        bond: process of the bond classes.
        latent: process of the latents.
        latent_width: components of the latent of an atom; 0 where hydrogens are explicit.
    """

    pos: GaussianProcess
    atom: CategoricalProcess
    bond: CategoricalProcess
    latent: GaussianProcess = GaussianProcess(LinearSchedule(), 1.0)  # noqa: RUF009 - frozen
    latent_width: int = 0

    def prior(self, like: State, *, generator: Randomness) -> State:
        """A draw at t = 1 with the mask of `like`; its other values are not read."""
        n = like.mask.shape[1]
        floating = torch.ones(len(like.mask), dtype=torch.bool, device=like.mask.device)
        pos = self.pos.scale * project(generator.normal(n), like.mask, floating)
        atom, bond = self.atom.prior(generator.uniform(n)), self.bond.prior(generator.uniform_pairs(n))
        latent = self.latent.scale * generator.normal(n, self.latent_width)
        return clean_padding(like.replace(pos=pos, atom=atom, bond=bond, latent=latent))

    def noise(self, x0: State, t: Times, *, generator: Randomness) -> State:
        """z_t from clean molecules."""
        n = x0.mask.shape[1]
        eps = centred_noise(t, x0.mask, generator=generator)
        pos = self.pos.noise(x0.pos, t.pos, eps)
        atom = self.atom.noise(x0.atom, t.atom, generator.uniform(n))
        bond = self.bond.noise(x0.bond, t.bond, generator.uniform_pairs(n))
        latent = self.latent.noise(x0.latent, t.latent, generator.normal(n, self.latent_width))
        return clean_padding(x0.replace(pos=pos, atom=atom, bond=bond, latent=latent))

    def transition(self, z_s: State, s: Times, t: Times, *, generator: Randomness) -> State:
        """z_t from an earlier z_s.

        Args:
            z_s: molecules at s.
            s: their times.
            t: times to reach, at least s.
            generator: of the noise.

        Returns:
            Molecules at t.

        Raises:
            TimeOrderError: if some s > t.
        """
        n = z_s.mask.shape[1]
        eps = centred_noise(t, z_s.mask, generator=generator)
        pos = self.pos.transition(z_s.pos, s.pos, t.pos, eps)
        atom = self.atom.transition(z_s.atom, s.atom, t.atom, generator.uniform(n))
        bond = self.bond.transition(z_s.bond, s.bond, t.bond, generator.uniform_pairs(n))
        latent = self.latent.transition(z_s.latent, s.latent, t.latent, generator.normal(n, self.latent_width))
        return clean_padding(z_s.replace(pos=pos, atom=atom, bond=bond, latent=latent))

    def posterior(self, z_t: State, x0_hat: Prediction, t: Times, s: Times) -> Posterior:
        """The law of z_s; coordinates and latents as if x0 were x0_hat, classes mixed over the predicted x0.

        Args:
            z_t: molecules at t.
            x0_hat: prediction of the clean molecules.
            t: present times.
            s: times to reach, at most t.

        Returns:
            The law.

        Raises:
            TimeOrderError: if some s > t.
        """
        mean, std = self.pos.posterior(z_t.pos, x0_hat.pos, t.pos, s.pos)
        atom = self.atom.posterior(z_t.atom, x0_hat.atom.softmax(-1), t.atom, s.atom)
        bond = self.bond.posterior(z_t.bond, x0_hat.bond.softmax(-1), t.bond, s.bond)
        latent = self.latent.posterior(z_t.latent, x0_hat.latent, t.latent, s.latent)
        return Posterior(mean, std, atom, bond, *latent)


def centred_noise(t: Times, mask: Bool[Tensor, "b n"], *, generator: Randomness) -> Float[Tensor, "b n 3"]:
    """Unit noise of the coordinates, of zero mean in molecules that float."""
    return project(generator.normal(mask.shape[1]), mask, is_floating(t, mask))


def is_floating(t: Times, mask: Bool[Tensor, "b n"]) -> Bool[Tensor, "b"]:
    """Molecules of which no coordinate is known."""
    return ((t.pos > 0) | ~mask).all(1)


def project(
    pos: Float[Tensor, "b n 3"], mask: Bool[Tensor, "b n"], floating: Bool[Tensor, "b"]
) -> Float[Tensor, "b n 3"]:
    """Zero in padded slots, and zero mean where the molecule floats."""
    pos = pos * mask[..., None]
    mean = pos.sum(1, keepdim=True) / mask.sum(1).clamp_min(1)[:, None, None]
    return torch.where(floating[:, None, None] & mask[..., None], pos - mean, pos)


def clean_padding(state: State) -> State:
    """Coordinates, latents and classes 0 in padded slots, bond 0 in padded pairs and on the diagonal."""
    slots = state.mask[..., None]
    return state.replace(
        pos=state.pos * slots,
        atom=state.atom * state.mask,
        bond=state.bond * state.pair_mask,
        latent=state.latent * slots,
    )
