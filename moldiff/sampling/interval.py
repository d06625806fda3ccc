"""The interval of one solver step."""

from collections.abc import Callable
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from moldiff.diffusion.gaussian import GaussianProcess
from moldiff.diffusion.joint import JointProcess, centred_noise
from moldiff.diffusion.random import Randomness
from moldiff.state import State, Times


class ContinuousInterval(NamedTuple):
    """One step of one continuous variable.

    Attributes:
        process: of the variable.
        t: present time of each atom, in [0, 1]; 0 for a known one, which stays.
        s: times to reach, s <= t.
        noise: draws unit noise in the variable's shape, zero in padded slots; the only noise that a solver may use.
    """

    process: GaussianProcess
    t: Float[Tensor, "b n"]
    s: Float[Tensor, "b n"]
    noise: Callable[[], Float[Tensor, "b n d"]]


class Interval(NamedTuple):
    """One step of the reverse process, from t to an earlier s.

    Attributes:
        process: the joint process that the denoiser was trained on.
        t: present times of all elements, in [0, 1]; 0 for a known one, which stays.
        s: times to reach, s <= t.
        generator: the noise source; the only one that a solver may use.
    """

    process: JointProcess
    t: Times
    s: Times
    generator: Randomness

    def of_pos(self, z_t: State) -> ContinuousInterval:
        """Of the coordinates, whose noise has zero mean in molecules that float."""
        noise = lambda: centred_noise(self.t, z_t.mask, generator=self.generator)  # noqa: E731
        return ContinuousInterval(self.process.pos, self.t.pos, self.s.pos, noise)

    def of_latent(self, z_t: State) -> ContinuousInterval:
        """Of the latents."""
        n, width = z_t.latent.shape[1:]
        noise = lambda: self.generator.normal(n, width) * z_t.mask[..., None]  # noqa: E731
        return ContinuousInterval(self.process.latent, self.t.latent, self.s.latent, noise)
